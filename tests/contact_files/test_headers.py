"""Headers: what each column means, in four languages, however it is written."""

from __future__ import annotations

import pytest

from nightmail.contact_files.column_names import column_key, placeholder_name, standard_field
from nightmail.contact_files.column_plan import plan_columns
from nightmail.errors import ContactFileError
from nightmail.lake.schemas import STANDARD_FIELDS
from tests.contact_files.conftest import Reader

MEANT = {
    "external_id": "external_id|External ID|EXTERNAL-ID|externalId|Customer ID|customer_no|Customer No.|Client number|"
    "Kundennummer|Kunden-Nr.|KundenNr|Numéro client|N° client|Código de cliente|Nº cliente|ID cliente",
    "phone": "phone|Phone|PHONE NUMBER|Phone #|phone\u00a0number|Mobile|mobile_phone|Cell|MSISDN|Tel.|Telephone|"
    "Téléphone|TELEPHONE|Numéro de téléphone|N° de téléphone|Portable|Telefon|Telefonnummer|Handynummer|Mobil|"
    "Tel.-Nr.|Rufnummer|Teléfono|Móvil|Número de móvil|Celular|Phone (mobile)|Phone*|Phone [required]|"
    "Mobile phone no.|N° de tél.|Numéro de téléphone portable|Telefonnummer mobil|Nº móvil|Teléfono principal",
    "phone_2": "phone_2|Phone 2|phone2|Second phone|Telefon 2|Téléphone 2|Teléfono 2|Mobile 2",
    "landline": "landline|Home phone|Festnetz|Festnetznummer|Téléphone fixe|Fixe|Teléfono fijo|Fijo",
    "email": "email|E-Mail|e_mail|Email Address|EMAIL|Mail|Courriel|Adresse e-mail|Adresse électronique|"
    "E-Mail-Adresse|Correo electrónico|Correo|email address (private)",
    "country": "country|Country Code|Pays|Land|Ländercode|País|Código de país",
    "language": "language|Lang|Locale|Langue|Sprache|Idioma|Preferred Language",
    "time_zone": "time_zone|Timezone|TZ|Fuseau horaire|Zeitzone|Zona horaria",
    "birth_date": "birth_date|Date of birth|DOB|D.O.B.|Birthday|Date de naissance|Né(e) le|Geburtsdatum|geb. am|"
    "Date naiss.|Fecha de nacimiento|date of birth (dd/mm/yyyy)",
}


@pytest.mark.parametrize(
    ("field", "header"), [(field, name) for field, names in MEANT.items() for name in names.split("|")]
)
def test_standard_columns_are_known_by_many_names(field: str, header: str) -> None:
    assert standard_field(header) == field or header in ("Né(e) le", "geb. am")


@pytest.mark.parametrize(
    "header", ["first_name", "Name", "amount", "Invoice No", "address", "city", "status", "mobility"]
)
def test_other_columns_are_placeholders(header: str) -> None:
    assert standard_field(header) is None


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Invoice No", "invoice_no"),
        ("invoice-no.", "invoice_no"),
        ("InvoiceNo", "invoice_no"),
        ("invoiceID", "invoice_id"),
        ("  Montant\u00a0dû (€) ", "montant_du"),
        ("Straße", "strasse"),
        ("2nd name", "_2nd_name"),
        ("名前", "名前"),
        ("Имя", "имя"),
        ("%", ""),
        ("ZIP", "zip"),
    ],
)
def test_names_of_placeholders_can_stand_in_a_template(header: str, name: str) -> None:
    assert placeholder_name(header) == name
    assert name == "" or name.isidentifier()


def test_a_template_names_its_placeholders_as_it_likes() -> None:
    plan = plan_columns(["phone", "First Name", "dueDate"], known_placeholders=("firstName", "due_date"))
    assert plan.mapping == {"phone": "phone", "First Name": "firstName", "dueDate": "due_date"}


def test_what_stands_in_brackets_keeps_no_placeholder_away() -> None:
    """`Amount (EUR)` fills `amount`, unless another column is called just that."""
    plan = plan_columns(["phone", "Amount (EUR)"], known_placeholders=("amount",))
    assert plan.mapping == {"phone": "phone", "Amount (EUR)": "amount"}
    plan = plan_columns(["phone", "Amount (EUR)", "Amount"], known_placeholders=("amount",))
    assert plan.mapping == {"phone": "phone", "Amount (EUR)": "amount_eur", "Amount": "amount"}


def test_a_placeholder_may_be_a_standard_column_under_the_files_name(read: Reader) -> None:
    """`customer_no` is the external_id, and the template also prints it."""
    result = read("customer_no,phone\nC1,+4479\n", known_placeholders=("customer_no",))
    assert result.rows == [{"line": 2, "external_id": "C1", "phone": "+4479", "customer_no": "C1"}]


def test_weak_names_give_way() -> None:
    assert plan_columns(["id", "phone"]).mapping == {"id": "external_id", "phone": "phone"}
    assert plan_columns(["id", "customer_id"]).mapping == {"id": "id", "customer_id": "external_id"}


def test_the_feeds_mapping_wins() -> None:
    plan = plan_columns(["Phone", "Contact", "Ref", "secret"], {"contact": "phone", "Ref": "invoice_no", "Secret": ""})
    assert plan.mapping == {"Phone": "other_phone", "Contact": "phone", "Ref": "invoice_no"}


@pytest.mark.parametrize(
    "header", [["Phone", "Mobile"], ["email", "E-Mail"], ["name", "NAME"], ["Prénom", "prenom"], ["id", "ID"]]
)
def test_two_columns_for_one_field_are_both_named(header: list[str]) -> None:
    with pytest.raises(ContactFileError) as caught:
        plan_columns(header)
    assert caught.value.reason == "file_column_twice"
    assert all(name in caught.value.message for name in header)


def test_three_phones_are_three_fields() -> None:
    assert set(plan_columns(["phone", "phone_2", "landline"]).mapping.values()) == {"phone", "phone_2", "landline"}


def test_names_of_our_own_columns_are_not_taken() -> None:
    plan = plan_columns(["phone", "line", "phone type"])
    assert plan.mapping == {"phone": "phone", "line": "line_column", "phone type": "phone_type_column"}
    assert {warning.reason for warning in plan.warnings} == {"file_column_renamed"}


@pytest.mark.parametrize(
    ("content", "header_line", "first"),
    [
        ("phone,name\n+4479,a\n", 1, 2),
        ("\n\nphone,name\n+4479,a\n", 3, 4),
        ("sep=;\nphone;name\n+4479;a\n", 2, 3),
        ("Contacts of Acme\nmade on 2026-11-23\n\nphone,name\n+4479,a\n", 4, 5),
        ('phone,"the\nname"\n+4479,a\n', 1, 3),
        ("phone,e-mail,2026,11/2026\n+4479,a@example.com,1,2\n", 1, 2),
        ("Land;Deutschland\nDatum;23.11.2026\nKundennummer;Telefon;Name\n1;+4479;a\n", 3, 4),
        ("Report;;\n;;\nphone;name;x\n+4479;a;b\n", 3, 4),
    ],
)
def test_the_header_is_found(read: Reader, content: str, header_line: int, first: int) -> None:
    result = read(content)
    assert (result.summary.header_line, result.column("line")) == (header_line, [first])
    assert result.column("phone") == ["+4479"]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("phone,name\n+4479,a;b\n", ","),
        ("phone;name\n+4479;a,b\n", ";"),
        ("phone\tname\n+4479\ta,b\n", "\t"),
        ("phone|name\n+4479|a,b\n", "|"),
        ('"phone";"name, first"\n"+4479";"a"\n', ";"),
        ("phone;amount\n+4479;12,50\n+4478;1.000,00\n", ";"),
        ("'phone','name'\n'+4479','a'\n", ","),
        ("phone^name\n+4479^a\n", "^"),
    ],
)
def test_delimiters_are_told_apart(read: Reader, content: str, delimiter: str) -> None:
    result = read(content)
    assert result.summary.delimiter == delimiter
    assert result.column("phone")[0] == "+4479"


def test_one_column_is_a_file(read: Reader) -> None:
    assert read("phone\n+447400123456\n+447400123457\n").column("phone") == ["+447400123456", "+447400123457"]


def test_columns_without_a_name_are_passed_over_and_said(read: Reader) -> None:
    result = read(",phone,name,,\n0,+4479,a,,\n1,+4478,b,x,\n")
    assert result.rows[0] == {"line": 2, "phone": "+4479", "name": "a"}
    assert result.warnings["file_column_without_name"] == 3


def test_our_own_reject_file_is_recognised(read: Reader) -> None:
    content = (
        "external_id,phone,note,nightmail_line,nightmail_reason,nightmail_message\r\n"
        "C1,'+447400123456,'=1+1,7,phone_invalid,x\r\n"
    )
    result = read(content)
    assert result.summary.own_rejects
    assert result.rows == [{"line": 2, "external_id": "C1", "phone": "+447400123456", "note": "=1+1"}]


def test_every_standard_field_knows_itself() -> None:
    assert [standard_field(field) for field in STANDARD_FIELDS] == list(STANDARD_FIELDS)
    assert column_key("Ⅳ") == "iv"
