"""Exports of the great address books: how their columns are called, and which of several numbers of a person comes first.

An export is known by columns that only its program has. Its own columns then fill the standard fields: the first one that
a row has a number in is ``phone``, the next ``phone_2``. The names are those of each program's public documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nightmail.contact_files.column_names import column_key

_SEVERAL = range(1, 10)


def _keys(names: str) -> tuple[str, ...]:
    return tuple(column_key(name) for name in names.split(","))


@dataclass(frozen=True)
class Exporter:
    """One program's export of contacts. Columns are given by their keys, in order of preference."""

    name: str
    source: str
    """Where the program documents its columns."""
    marks: frozenset[str]
    """Columns that no other program's export has."""
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    landlines: tuple[str, ...] = ()
    first_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For other standard fields, the columns of which the first that is there is taken."""
    placeholders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Placeholders under their usual names (as keys), and the columns that fill them."""
    not_fields: frozenset[str] = frozenset()
    """Columns whose names mean a standard field elsewhere, and here something else."""
    null_words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What it writes into a standard field that has no value."""
    as_written: frozenset[str] = frozenset()
    """Names that only this program writes so, capitals included."""

    @property
    def address_columns(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The fields of addresses, each with the columns that may fill it."""
        return ("phone", self.phones), ("landline", self.landlines), ("email", self.emails)


GOOGLE = Exporter(
    "Google Contacts",
    "https://support.google.com/contacts/answer/1069522",
    frozenset(
        (
            *_keys("Group Membership,Yomi Name,Given Name Yomi,File As,Phonetic First Name,Address 1 - Formatted"),
            *(
                f"{kind}{number}{part}"
                for kind in ("email", "phone")
                for number in _SEVERAL
                for part in _keys("Value,Label,Type")
            ),
        )
    ),
    phones=tuple(f"phone{number}value" for number in _SEVERAL),
    emails=tuple(f"email{number}value" for number in _SEVERAL),
    first_of={"birth_date": _keys("Birthday"), "country": _keys("Address 1 - Country,Address 2 - Country")},
    placeholders={"firstname": _keys("Given Name"), "lastname": _keys("Family Name")},
)
OUTLOOK = Exporter(
    "Outlook",
    "https://support.microsoft.com/office/create-or-edit-csv-files-to-import-into-outlook-4518d70d-8fe9-46ad-94fa-1494247193c7",
    frozenset(
        _keys(
            "E-mail Display Name,E-mail 2 Address,E-mail 3 Address,E-mail 2 Display Name,Business Phone,Business Phone 2,"
            "TTY/TDD Phone,Home Fax,Business Fax,Business Street,Business City,Home Street,Company Main Phone,"
            "Assistant's Phone,Home Phone 2,Car Phone,Radio Phone,Directory Server,Internet Free Busy,Given Yomi"
        )
    ),
    phones=_keys(
        "Mobile Phone,Primary Phone,Business Phone,Business Phone 2,Other Phone,Car Phone,Company Main Phone,Radio Phone"
    ),
    landlines=_keys("Home Phone,Home Phone 2"),
    emails=_keys("E-mail Address,E-mail 2 Address,E-mail 3 Address"),
    first_of={
        "birth_date": _keys("Birthday"),
        "country": _keys(
            "Home Country/Region,Home Country,Business Country/Region,Business Country,Other Country/Region,Other Country"
        ),
    },
    null_words={"birth_date": ("0/0/00",)},
)
HUBSPOT = Exporter(
    "HubSpot",
    "https://knowledge.hubspot.com/properties/hubspots-default-contact-properties",
    frozenset(
        _keys(
            "Record ID,Contact owner,Lifecycle Stage,Lead Status,HubSpot Score,Marketing contact status,hs_object_id,"
            "Associated Company,Associated Company IDs,Associated Company ID,Additional email addresses,hubspot_owner_id,"
            "WhatsApp Phone Number,Original Source,Original Traffic Source,Number of Associated Deals,Record ID - Contact"
        )
    ),
    phones=_keys("Mobile Phone Number,mobilephone,Phone Number,phone,WhatsApp Phone Number"),
    emails=_keys("Email,Work email"),
    first_of={
        "external_id": _keys("Record ID,Record ID - Contact,hs_object_id,Contact ID"),
        "country": _keys("Country/Region Code,Country/Region,country"),
        "language": _keys("Preferred language,hs_language"),
        "birth_date": _keys("Date of birth"),
    },
)
SALESFORCE = Exporter(
    "Salesforce",
    "https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_contact.htm",
    frozenset(
        _keys(
            "Mailing Street,Mailing City,Mailing Country,Mailing Country Code,Mailing Postal Code,Mailing Zip/Postal Code,"
            "Mailing State/Province,Assistant Phone,Asst. Phone,Account Name,AccountId,Lead Source,ReportsToId,Reports To,"
            "OwnerId,IsDeleted,SystemModstamp,MasterRecordId,HasOptedOutOfEmail,Email Opt Out,DoNotCall,PersonMobilePhone,"
            "PersonEmail,PersonMailingCountry,LastCURequestDate"
        )
    ),
    phones=_keys("MobilePhone,Mobile,PersonMobilePhone,Phone,Business Phone,OtherPhone,PersonOtherPhone"),
    landlines=_keys("HomePhone,PersonHomePhone"),
    emails=_keys("Email,PersonEmail"),
    first_of={
        "external_id": _keys("Contact ID,Contact ID 18,Id"),
        "country": _keys(
            "MailingCountryCode,MailingCountry,PersonMailingCountryCode,PersonMailingCountry,OtherCountryCode,OtherCountry"
        ),
        "birth_date": _keys("Birthdate,PersonBirthdate"),
    },
    as_written=frozenset(("MobilePhone", "HomePhone", "OtherPhone", "MailingCountry")),
)
MAILCHIMP = Exporter(
    "Mailchimp",
    "https://mailchimp.com/help/view-export-contacts/",
    frozenset(_keys("MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,GMTOFF,DSTOFF,LEID,EUID,LAST_CHANGED")),
    phones=_keys("SMS Phone Number,Mobile Phone,Mobile,Phone Number,Phone,PHONE"),
    emails=_keys("Email Address,Email"),
    first_of={
        "external_id": _keys("EUID,LEID"),
        "country": _keys("CC,Country"),
        "time_zone": _keys("TIMEZONE"),
    },
    placeholders={"firstname": _keys("FNAME"), "lastname": _keys("LNAME")},
    # A day and a month alone: they do not give an age.
    not_fields=frozenset(_keys("Birthday")),
)
WOOCOMMERCE = Exporter(
    "WooCommerce",
    "https://woocommerce.com/document/ordercustomer-csv-export/",
    frozenset(
        _keys(
            "billing_phone,billing_email,billing_country,billing_first_name,billing_address_1,shipping_country,"
            "shipping_first_name,customer_user,total_spend,AOV,date_last_active,paying_customer,wp_capabilities"
        )
    ),
    phones=_keys("billing_phone,phone,shipping_phone"),
    emails=_keys("billing_email,email,customer_email,user_email"),
    first_of={
        "external_id": _keys("customer_id,customer_user,user_id,ID"),
        "country": _keys("billing_country,Country / Region,country,shipping_country"),
    },
    placeholders={
        "firstname": _keys("billing_first_name,shipping_first_name"),
        "lastname": _keys("billing_last_name,shipping_last_name"),
    },
)
SHOPIFY = Exporter(
    "Shopify",
    "https://help.shopify.com/en/manual/customers/import-export-customers",
    frozenset(
        _keys(
            "Accepts Email Marketing,Accepts Marketing,Accepts SMS Marketing,Default Address Phone,Tax Exempt,Total Spent,"
            "Default Address Country Code,Default Address Address1,Total Orders,Financial Status,Fulfillment Status,"
            "Lineitem name,Lineitem quantity,Paid at"
        )
    ),
    phones=_keys("Phone,Default Address Phone,Shipping Phone,Billing Phone"),
    emails=_keys("Email"),
    first_of={
        "external_id": _keys("Customer ID"),
        "country": _keys(
            "Default Address Country Code,Country Code,Default Address Country,Country,Shipping Country,Billing Country"
        ),
    },
)
EXPORTERS = (GOOGLE, OUTLOOK, HUBSPOT, SALESFORCE, MAILCHIMP, WOOCOMMERCE, SHOPIFY)
EXPORTED_COLUMNS = frozenset(
    key for exporter in EXPORTERS for _, columns in exporter.address_columns for key in columns
)
"""The columns of addresses of all of them."""


def exporter_of(header: Sequence[str]) -> Exporter | None:
    """The program that wrote a header: the one of which most own columns are there; None where none is."""
    keys = {column_key(name) for name in header}
    best = max(EXPORTERS, key=lambda exporter: len(keys & exporter.marks))
    if keys & best.marks:
        return best
    return next((exporter for exporter in EXPORTERS if exporter.as_written & set(header)), None)
