"""Texts that are no tables are refused as what they are, and nothing of the people in them stands in the message."""

from __future__ import annotations

import pytest

from nightmail.contact_files.address_list import read_address_list
from nightmail.contact_files.text_documents import document_kind
from nightmail.errors import ContactFileError
from tests.contact_files.conftest import Reader

PERSON = ("Anna", "Lee", "anna@example.com", "+447400123456", "7400123456")
DOCUMENTS = {
    "vCard, https://github.com/Intermesh/groupoffice/issues/653": (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Lee;Anna;;;\r\nTEL;TYPE=CELL:+447400123456\r\nEMAIL:anna@example.com\r\nEND:VCARD\r\n",
        "a vCard address book",
    ),
    "vCard 4 in small letters, RFC 6350": (
        "begin:vcard\nversion:4.0\nfn:Anna Lee\ntel:+447400123456\nend:vcard\n",
        "a vCard address book",
    ),
    "iCalendar, RFC 5545": (
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nATTENDEE;CN=Anna Lee:mailto:anna@example.com\nEND:VEVENT\n",
        "an iCalendar file",
    ),
    "a message, RFC 5322": (
        "Received: from mx by mail;\n Mon, 23 Nov 2026 10:00:00 +0000\nFrom: Anna Lee <anna@example.com>\n"
        "To: team@example.com\nSubject: phone, email\n\nphone,email\n+447400123456,anna@example.com\n",
        "an email message",
    ),
    "a message whose body is a table": (
        "Subject: due\r\nFrom: anna@example.com\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nphone,name\r\n+447400123456,Anna\r\n",
        "an email message",
    ),
    "a saved web page, RFC 2557": (
        "From: <Saved by Blink>\nSnapshot-Content-Location: https://example.com/anna\nSubject: Anna Lee\nMIME-Version: 1.0\n\n",
        "a saved web page (MHTML)",
    ),
    "mbox, RFC 4155": (
        "From anna@example.com Mon Nov 23 10:00:00 2026\nSubject: hello\nTo: lee@example.com\n\nHi\n",
        "a mailbox of messages (mbox)",
    ),
    "LDIF, RFC 2849": (
        "version: 1\n# people\ndn: cn=Anna Lee,dc=example,dc=com\ncn: Anna Lee\nmobile: +447400123456\n",
        "an LDIF directory export",
    ),
    "LDIF without a version": ("dn:: Y249QW5uYQ==\nmail: anna@example.com\n", "an LDIF directory export"),
    "a dump by mysqldump": (
        "-- MySQL dump 10.13  Distrib 8.0\n--\n-- Host: localhost\n\nINSERT INTO `c` VALUES ('Anna','+447400123456');\n",
        "an SQL dump",
    ),
    "a dump by pg_dump": (
        "--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\nCOPY public.c (name, phone) FROM stdin;\nAnna\t+447400123456\n\\.\n",
        "an SQL dump",
    ),
    "a dump by sqlite3": (
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE c(name, phone);\nINSERT INTO c VALUES('Anna','+447400123456');\n",
        "an SQL dump",
    ),
    "INSERT statements": ("insert into contacts (name, phone) values ('Anna', '+447400123456');\n", "an SQL dump"),
    "HTML, https://github.com/SheetJS/sheetjs/issues/827": (
        "<table><tr><th>phone</th></tr><tr><td>+447400123456</td></tr></table>",
        "an HTML page",
    ),
    "HTML after a comment": ("<!-- Anna --><html><body>+447400123456</body></html>", "an HTML page"),
    "a part of HTML": ("<div class='x'><p>Anna</p></div>", "an HTML page"),
    "XML": ("<?xml version='1.0'?><c><p>+447400123456</p></c>", "an XML document"),
    "XML without a declaration": ("<contacts>\n <contact phone='+447400123456'/>\n</contacts>\n", "an XML document"),
    "YAML": ("---\n- name: Anna\n  phone: '+447400123456'\n", "a YAML document"),
    "YAML without a beginning": ("contacts:\n  - name: Anna\n    phone: '+447400123456'\n", "a YAML document"),
    "INI": ("[Anna]\nphone=+447400123456\nemail=anna@example.com\n", "a settings file (INI or TOML)"),
    "RTF": ("{\\rtf1\\ansi Anna +447400123456}", "a rich text document"),
    "SYLK": ("ID;PWXL;N;E\nP;PGeneral\nC;Y1;X1;K\"phone\"\nC;Y2;X1;K\"+447400123456\"\nE\n", "a SYLK spreadsheet"),
    "DIF": ("TABLE\n0,1\n\"EXCEL\"\nVECTORS\n0,1\n\"\"\nDATA\n0,0\n\"\"\n-1,0\nBOT\n1,0\n\"Anna\"\n", "a DIF spreadsheet"),
    "a certificate": ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "a certificate, key or encrypted message"),
    "a program": ("#!/bin/sh\necho anna@example.com\n", "a program"),
}  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("text", "kind"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_is_refused_as_what_it_is(read: Reader, text: str, kind: str, encoding: str) -> None:
    with pytest.raises(ContactFileError) as caught:
        read(("\n\n" + text).encode(encoding) if encoding == "utf-16" else text.encode(encoding))
    assert (caught.value.reason, caught.value.detail) == ("file_not_text", {"detected": kind})
    assert not any(word in str(caught.value) for word in PERSON)


@pytest.mark.parametrize("text", [DOCUMENTS[name][0] for name in list(DOCUMENTS)[:4]])
def test_a_list_of_addresses_is_no_document_either(tmp_path: object, text: str) -> None:
    path = tmp_path / "list.txt"  # type: ignore[operator]
    path.write_text(text)
    with pytest.raises(ContactFileError) as caught:
        read_address_list(path)
    assert caught.value.reason == "file_not_text"


@pytest.mark.parametrize(
    "text",
    [
        '{"contacts": [{"phone": "+447400123456", "name": "Anna"}]}',
        '{\n  "contacts": [\n    {"phone": "+447400123456"}\n  ]\n}',
        '{"contacts": [\n{"phone": "+447400123456"},\n{"phone": "+447400123457"}\n]}',
        '{"phone": "+447400123456",\n "name": "Anna"}\n',
        '[{"phone": "+447400123456", "name": "Anna"}]',
        '[\n{"phone": "+447400123456", "name": "Anna"}\n]',
        '\ufeff\ufeff[{"phone": "+447400123456", "name": "Anna"}]',
    ],
)
def test_json_in_another_form_is_refused_as_that(read: Reader, text: str) -> None:
    with pytest.raises(ContactFileError, match=r"it is (one JSON document|a JSON list)") as caught:
        read(text)
    assert not any(word in str(caught.value) for word in PERSON)


TABLES = [
    "ID;Phone;Name\n1;+447400123456;Anna\n",
    "ID;PARTNER;PHONE\nAB;Lee;+447400123456\nC;Yes;+447400123457\n",
    "From,To,Subject,Phone\na,b,c,+447400123456\n",
    "Date: 23.11.2026\nphone,name\n+447400123456,Anna\n",
    "# made by us\nphone,name\n+447400123456,Anna\n",
    "-- made by us\nphone,name\n+447400123456,Anna\n",
    "Set,Phone\n1,+447400123456\n",
    "Select,Email\nx,anna@example.com\n",
    "Begin;End;Phone\n1;2;+447400123456\n",
    "Use,phone\nx,+447400123456\n",
    "Table,Phone\n0,+447400123456\n",
    "<phone>,<name>\n+447400123456,Anna\n",
    "dn,phone\ncn=Anna,+447400123456\n",
    "update,phone\n1,+447400123456\n",
    '{"phone": "+447400123456", "tags": [{"a": 1}]}',
    "phone: number,name: text\n+447400123456,Anna\n",
]


@pytest.mark.parametrize("text", TABLES)
def test_a_table_is_no_document_for_how_its_columns_are_called(text: str) -> None:
    assert document_kind(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "TEL;TYPE=CELL:+447400123456\nEMAIL:anna@example.com\n",
        "name Anna tel +44 7400 123456,phone\nx,y\n",
        "Anna <anna@example.com>,phone\n1,2\n",
    ],
)
def test_no_column_is_called_by_an_address(read: Reader, text: str) -> None:
    with pytest.raises(ContactFileError) as caught:
        read(text)
    assert caught.value.reason == "file_no_header"
    assert not any(word in str(caught.value) for word in PERSON[2:])


def test_lines_of_names_and_values_show_the_names_alone(read: Reader) -> None:
    with pytest.raises(ContactFileError) as caught:
        read("Name: Anna\nPhone: +447400123456\nEmail: anna@example.com\n")
    assert caught.value.reason == "file_no_known_column"
    assert not any(word in str(caught.value) for word in PERSON)
