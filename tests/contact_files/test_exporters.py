"""Exports of the great address books map by themselves; the headers are those of their public documentation and exports."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

import pytest

from nightmail.contact_files.exporters import EXPORTERS, exporter_of
from nightmail.errors import ContactFileError
from tests.contact_files.conftest import Read, Reader

GOOGLE = (
    "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,Name Suffix,"
    "Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,Labels,"
    "E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,"
    "Phone 2 - Value,Phone 3 - Label,Phone 3 - Value,Address 1 - Label,Address 1 - Formatted,Address 1 - Country"
)
GOOGLE_OLD = (
    "Name,Given Name,Additional Name,Family Name,Yomi Name,Given Name Yomi,Additional Name Yomi,Family Name Yomi,"
    "Name Prefix,Name Suffix,Initials,Nickname,Short Name,Maiden Name,Birthday,Gender,Location,Billing Information,"
    "Directory Server,Mileage,Occupation,Hobby,Sensitivity,Priority,Subject,Notes,Group Membership,E-mail 1 - Type,"
    "E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,Phone 2 - Type,Phone 2 - Value"
)
OUTLOOK = (
    "Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,Business Street 2,"
    "Business Street 3,Business City,Business State,Business Postal Code,Business Country/Region,Home Street,Home Street 2,"
    "Home Street 3,Home City,Home State,Home Postal Code,Home Country/Region,Other Street,Other Street 2,Other Street 3,"
    "Other City,Other State,Other Postal Code,Other Country/Region,Assistant's Phone,Business Fax,Business Phone,"
    "Business Phone 2,Callback,Car Phone,Company Main Phone,Home Fax,Home Phone,Home Phone 2,ISDN,Mobile Phone,Other Fax,"
    "Other Phone,Pager,Primary Phone,Radio Phone,TTY/TDD Phone,Telex,Account,Anniversary,Assistant's Name,"
    "Billing Information,Birthday,Business Address PO Box,Categories,Children,Directory Server,E-mail Address,E-mail Type,"
    "E-mail Display Name,E-mail 2 Address,E-mail 2 Type,E-mail 2 Display Name,E-mail 3 Address,E-mail 3 Type,"
    "E-mail 3 Display Name,Gender,Government ID Number,Hobby,Home Address PO Box,Initials,Internet Free Busy,Keywords,"
    "Language,Location,Manager's Name,Mileage,Notes,Office Location,Organizational ID Number,Other Address PO Box,Priority,"
    "Private,Profession,Referred By,Sensitivity,Spouse,User 1,User 2,User 3,User 4,Web Page"
)
HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Lifecycle Stage,Lead Status,"
    "Country/Region,Preferred language,Date of birth,Create Date,Associated Company"
)
SALESFORCE = (
    "Id,IsDeleted,MasterRecordId,AccountId,LastName,FirstName,Salutation,Name,OtherStreet,OtherCountry,MailingStreet,"
    "MailingCity,MailingState,MailingPostalCode,MailingCountry,Phone,Fax,MobilePhone,HomePhone,OtherPhone,AssistantPhone,"
    "ReportsToId,Email,Title,Department,AssistantName,LeadSource,Birthdate,Description,OwnerId,CreatedDate"
)
SALESFORCE_REPORT = "Contact ID,First Name,Last Name,Account Name,Phone,Mobile,Email,Mailing Country,Birthdate"
MAILCHIMP = (
    "Email Address,First Name,Last Name,Address,Phone Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,"
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
WOOCOMMERCE = (
    "customer_id,user_email,billing_first_name,billing_last_name,billing_company,billing_address_1,billing_city,"
    "billing_country,billing_email,billing_phone,shipping_first_name,shipping_country,shipping_phone"
)
WOOCOMMERCE_ANALYTICS = (
    "Name,Username,Last Active,Date Registered,Email,Orders,Total Spend,AOV,Country / Region,City,Region,Postal Code"
)
SHOPIFY = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address City,Default Address Province Code,Default Address Country Code,Default Address Zip,"
    "Default Address Phone,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags"
)
SHOPIFY_2 = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Company,Address1,Address2,City,Province,Province Code,"
    "Country,Country Code,Zip,Phone,Accepts SMS Marketing,Total Spent,Total Orders,Tags,Note,Tax Exempt"
)
SHOPIFY_ORDERS = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Accepts Marketing,Currency,Total,Lineitem quantity,"
    "Lineitem name,Billing Name,Billing Country,Billing Phone,Shipping Name,Shipping Country,Shipping Phone,Id,Phone"
)


@dataclass
class Export:
    """A row of an export, and what it is read as."""

    program: str
    header: str
    row: dict[str, str]
    read: dict[str, str | None]
    further: int = 0
    """Rows with addresses that were not taken."""
    placeholders: tuple[str, ...] = field(default=())


NUMBER, SECOND, THIRD = "+44 7400 123456", "+44 7400 123457", "+44 7400 123458"
EXPORTS = {
    "Google": Export(
        "Google Contacts",
        GOOGLE,
        {"E-mail 1 - Value": "a@example.com", "Phone 1 - Value": NUMBER, "Address 1 - Country": "GB", "First Name": "Anna"},
        {"email": "a@example.com", "phone": NUMBER, "phone_2": None, "country": "GB", "first_name": "Anna"},
    ),
    "Google, several addresses of one kind": Export(
        "Google Contacts",
        GOOGLE,
        {"E-mail 1 - Value": "a@example.com ::: b@example.com", "Phone 1 - Value": f"{NUMBER} ::: {SECOND}"},
        {"email": "a@example.com", "phone": NUMBER, "phone_2": SECOND},
        further=1,
    ),
    "Google, addresses of several kinds": Export(
        "Google Contacts",
        GOOGLE,
        {"Phone 1 - Value": "", "Phone 2 - Value": SECOND, "Phone 3 - Value": THIRD, "E-mail 2 - Value": "b@example.com"},
        {"email": "b@example.com", "phone": SECOND, "phone_2": THIRD},
    ),
    "Google, the same number twice": Export(
        "Google Contacts",
        GOOGLE,
        {"Phone 1 - Value": f"{NUMBER} ::: {NUMBER}", "Phone 2 - Value": NUMBER},
        {"phone": NUMBER, "phone_2": None},
    ),
    "Google as it was": Export(
        "Google Contacts",
        GOOGLE_OLD,
        {"Name": "Anna Lee", "Given Name": "Anna", "Phone 1 - Value": NUMBER, "Phone 2 - Value": f"{SECOND} ::: {THIRD}"},
        {"phone": NUMBER, "phone_2": SECOND, "first_name": "Anna"},
        further=1,
        placeholders=("first_name",),
    ),
    "Outlook, a mobile": Export(
        "Outlook",
        OUTLOOK,
        {"Mobile Phone": NUMBER, "Home Phone": "020 7946 0000", "E-mail Address": "a@example.com", "Birthday": "0/0/00"},
        {"phone": NUMBER, "landline": "020 7946 0000", "email": "a@example.com", "birth_date": None},
    ),
    "Outlook, a business phone alone": Export(
        "Outlook",
        OUTLOOK,
        {"Business Phone": NUMBER, "Other Phone": SECOND, "E-mail 2 Address": "b@example.com", "Home Country/Region": "GB"},
        {"phone": NUMBER, "phone_2": SECOND, "email": "b@example.com", "country": "GB", "business_phone": NUMBER},
    ),
    "Outlook, a part": Export(
        "Outlook",
        "First Name,Last Name,E-mail Address,Business Phone",
        {"Business Phone": NUMBER, "E-mail Address": "a@example.com"},
        {"phone": NUMBER, "email": "a@example.com"},
    ),
    "HubSpot": Export(
        "HubSpot",
        HUBSPOT,
        {"Record ID": "51", "Phone Number": SECOND, "Mobile Phone Number": NUMBER, "Email": "a@example.com", "Country/Region": "GB"},
        {"external_id": "51", "phone": NUMBER, "phone_2": SECOND, "email": "a@example.com", "country": "GB"},
    ),
    "Salesforce": Export(
        "Salesforce",
        SALESFORCE,
        {"Id": "003b", "Phone": SECOND, "MobilePhone": NUMBER, "HomePhone": "020", "OtherPhone": THIRD, "MailingCountry": "GB"},
        {"external_id": "003b", "phone": NUMBER, "phone_2": SECOND, "landline": "020", "country": "GB", "other_phone": THIRD},
        further=1,
    ),
    "Salesforce, a report": Export(
        "Salesforce",
        SALESFORCE_REPORT,
        {"Contact ID": "003b", "Phone": SECOND, "Mobile": "", "Email": "a@example.com"},
        {"external_id": "003b", "phone": SECOND, "phone_2": None, "email": "a@example.com"},
    ),
    "Salesforce, a part": Export(
        "Salesforce",
        "Id,FirstName,LastName,Phone,MobilePhone,Email",
        {"Id": "003b", "Phone": SECOND, "MobilePhone": NUMBER},
        {"external_id": "003b", "phone": NUMBER, "phone_2": SECOND},
    ),
    "Mailchimp": Export(
        "Mailchimp",
        MAILCHIMP,
        {"Email Address": "a@example.com", "Phone Number": NUMBER, "Birthday": "05/14", "TIMEZONE": "Europe/London", "CC": "GB", "EUID": "c2cb"},
        {"external_id": "c2cb", "email": "a@example.com", "phone": NUMBER, "time_zone": "Europe/London", "country": "GB", "birthday": "05/14"},
    ),
    "WooCommerce": Export(
        "WooCommerce",
        WOOCOMMERCE,
        {"customer_id": "7", "user_email": "u@example.com", "billing_email": "a@example.com", "billing_phone": NUMBER, "shipping_phone": SECOND, "billing_country": "GB", "billing_first_name": "Anna"},
        {"external_id": "7", "email": "a@example.com", "phone": NUMBER, "phone_2": SECOND, "country": "GB", "first_name": "Anna", "user_email": "u@example.com"},
        further=1,
        placeholders=("first_name",),
    ),
    "WooCommerce, customers": Export(
        "WooCommerce", WOOCOMMERCE_ANALYTICS, {"Email": "a@example.com", "Country / Region": "GB"}, {"email": "a@example.com", "country": "GB"}
    ),
    "Shopify": Export(
        "Shopify",
        SHOPIFY,
        {"Customer ID": "9", "Email": "a@example.com", "Phone": NUMBER, "Default Address Phone": SECOND, "Default Address Country Code": "GB"},
        {"external_id": "9", "email": "a@example.com", "phone": NUMBER, "phone_2": SECOND, "country": "GB"},
    ),
    "Shopify as it was": Export(
        "Shopify", SHOPIFY_2, {"Customer ID": "9", "Phone": NUMBER, "Country": "United Kingdom"}, {"external_id": "9", "phone": NUMBER, "country": "United Kingdom"}
    ),
    "Shopify, orders": Export(
        "Shopify", SHOPIFY_ORDERS, {"Name": "#1001", "Email": "a@example.com", "Billing Phone": NUMBER, "Shipping Country": "GB"}, {"phone": NUMBER, "phone_2": None, "email": "a@example.com", "country": "GB", "name": "#1001"}
    ),
}  # fmt: skip


def read_export(read: Reader, export: Export, **options: object) -> Read:
    header = next(csv.reader([export.header]))
    assert set(export.row) <= set(header)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerow([export.row.get(name, "") for name in header])
    return read(text.getvalue(), known_placeholders=export.placeholders, **options)


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_an_export_maps_by_itself(read: Reader, export: Export) -> None:
    found = exporter_of(next(csv.reader([export.header])))
    assert found is not None
    assert found.name == export.program
    result = read_export(read, export)
    assert {name: result.rows[0].get(name) for name in export.read} == export.read
    assert result.warnings.get("value_further_address", 0) == export.further
    said = " ".join(decision.message for decision in result.summary.decisions)
    assert f"{export.program} exports it so" in said


def test_the_feeds_mapping_wins_over_what_an_export_means(read: Reader) -> None:
    export = EXPORTS["Salesforce"]
    result = read_export(read, export, mapping={"Phone": "phone", "OtherPhone": ""})
    row = result.rows[0]
    assert (row["phone"], row["mobile_phone"]) == (SECOND, NUMBER)
    assert "other_phone" not in row


@pytest.mark.parametrize(
    "header", ["phone,name", "Mobile,Name,Email", "Kundennummer,Handy,E-Mail", "id,first name,phone"]
)
def test_other_files_are_nobodys_export(header: str) -> None:
    assert exporter_of(header.split(",")) is None


def test_two_columns_for_one_field_are_still_an_error_where_no_export_says_which(read: Reader) -> None:
    with pytest.raises(ContactFileError) as caught:
        read("Phone,Mobile,Name\n1,2,a\n")
    assert caught.value.reason == "file_column_twice"


@pytest.mark.parametrize(
    ("cell", "phone", "second", "further"),
    [
        (f"{NUMBER} ::: {SECOND}", NUMBER, SECOND, 0),
        (f"{NUMBER}:::{SECOND}:::{THIRD}", NUMBER, SECOND, 1),
        (f"::: {NUMBER}", NUMBER, None, 0),
        (NUMBER, NUMBER, None, 0),
    ],
)
def test_two_numbers_in_one_cell_are_two_addresses_of_one_person(
    read: Reader, cell: str, phone: str, second: str | None, further: int
) -> None:
    """https://github.com/owncloud-archive/contacts/issues/818, in any file."""
    result = read(f"phone,name\n{cell},Ann\n{THIRD} ::: {NUMBER},Bo\n")
    assert (result.rows[0]["phone"], result.rows[0]["phone_2"]) == (phone, second)
    assert (result.rows[1]["phone"], result.rows[1]["phone_2"]) == (THIRD, NUMBER)
    assert result.warnings.get("value_further_address", 0) == further


def test_a_second_number_in_a_cell_gives_way_to_one_in_its_own_column(read: Reader) -> None:
    result = read(f"phone,phone_2,email\n{NUMBER} ::: {SECOND},{THIRD},a@example.com ::: b@example.com\n")
    assert (result.rows[0]["phone"], result.rows[0]["phone_2"], result.rows[0]["email"]) == (
        NUMBER,
        SECOND,
        "a@example.com",
    )
    assert result.warnings["value_further_address"] == 2


@pytest.mark.parametrize("exporter", EXPORTERS, ids=lambda exporter: exporter.name)
def test_an_exporter_names_its_documentation(exporter: object) -> None:
    assert str(getattr(exporter, "source", "")).startswith("https://")
