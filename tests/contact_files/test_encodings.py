"""Encodings are told apart, and the summary says how surely."""

from __future__ import annotations

import codecs

import numpy as np
import pytest
from babel import Locale

from nightmail.contact_files.alphabets import Guess, better_alphabet
from nightmail.contact_files.western_codecs import NeighbourCounts, better_codec
from tests.contact_files.conftest import Reader

GERMAN = "external_id;phone;name\r\n1;+491711234567;Jürgen Groß\r\n2;+491711234568;Zoë\r\n"
EURO = "external_id;phone;amount\r\n1;+491711234567;12,50 €\r\n"
FRENCH = "external_id;phone;nom\n1;+33612345678;Cœur\n2;+33612345679;Œuvrard\n3;+33612345670;Lefèvre\n"


@pytest.mark.parametrize(
    ("content", "encoding", "certainty", "value"),
    [
        (b"phone,name\n+4479,Ann\n", "utf-8", "certain", "Ann"),
        ("phone,name\n+4479,Zoë\n".encode(), "utf-8", "certain", "Zoë"),
        ("phone,name\n+4479,Zoë\n".encode("utf-8-sig"), "utf-8", "certain", "Zoë"),
        (codecs.BOM_UTF16_LE + "phone,name\n+4479,Zoë\n".encode("utf-16-le"), "utf-16", "certain", "Zoë"),
        (codecs.BOM_UTF16_BE + "phone,name\n+4479,名前\n".encode("utf-16-be"), "utf-16", "certain", "名前"),
        ("phone,name\n+4479,Zoë\n".encode("utf-16-le"), "utf-16", "likely", "Zoë"),
        ("phone,name\n+4479,Zoë\n".encode("utf-16-be"), "utf-16", "likely", "Zoë"),
        ("phone,name\n+4479,Zoë\n".encode("utf-32"), "utf-32", "certain", "Zoë"),
        ("phone,name\n+4479,Zoë\n".encode("cp1252"), "iso-8859-1", "likely", "Zoë"),
        ("phone,name\n+4479,12 €\n".encode("cp1252"), "windows-1252", "likely", "12 €"),
        ("phone,name\n+4479,“Ann”\n".encode("cp1252"), "windows-1252", "likely", "“Ann”"),
        ("phone,name\n+4479,12 €\n".encode("iso8859-15"), "iso-8859-15", "likely", "12 €"),
        ("phone,name\n+4479,cœur\n".encode("iso8859-15"), "iso-8859-15", "likely", "cœur"),
        ("phone,name\n+4479,½ kg\n".encode("latin-1"), "iso-8859-1", "likely", "½ kg"),
    ],
)
def test_encodings_are_told_apart(read: Reader, content: bytes, encoding: str, certainty: str, value: str) -> None:
    result = read(content)
    assert (result.summary.encoding, result.summary.encoding_certainty) == (encoding, certainty)
    assert result.summary.encoding_evidence
    assert result.column("name") == [value]


def test_cyrillic_in_a_single_byte_is_read_but_said_to_be_unsure(read: Reader) -> None:
    content = "phone,name\n+79161234567,Александр Пушкин\n".encode("cp1251")
    guessed = read(content)
    assert (guessed.summary.encoding, guessed.summary.encoding_certainty) == ("windows-1251", "unsure")
    assert guessed.warnings["file_encoding_unsure"] == 1
    assert guessed.column("name") == ["Александр Пушкин"]
    stated = read(content, encoding="windows-1251")
    assert stated.summary.encoding_certainty == "certain"
    assert stated.column("name") == ["Александр Пушкин"]


def test_a_row_in_another_encoding_is_rejected_and_the_others_read(read: Reader) -> None:
    """Files joined from two systems: the UTF-8 rows are right, the other one would be sent with wrong letters."""
    content = "phone,name\n+4479,Zoë\n+4478,Łukasz\n".encode() + "+4477,Jürgen\n".encode("cp1252") + b"+4476,Ann\n"
    result = read(content)
    assert result.column("name") == ["Zoë", "Łukasz", "Ann"]
    assert result.reasons == {4: "row_not_decodable"}
    assert result.summary.encoding_certainty == "likely"
    assert result.rejects[0]["value"] == "+4477,J\ufffdrgen"


def test_the_first_letter_beyond_ascii_may_come_late(read: Reader) -> None:
    rows = "".join(f"{number},+4479,Ann\n" for number in range(200_000))
    content = ("external_id,phone,name\n" + rows).encode() + "x,+4479,Zoë\n".encode("cp1252")
    assert read(content).column("name")[-1] == "Zoë"


@pytest.mark.parametrize(("ends", "name"), [("\n", "LF"), ("\r\n", "CRLF"), ("\r", "CR")])
def test_line_ends_are_said(read: Reader, ends: str, name: str) -> None:
    assert read(ends.join(["phone,name", "+4479,a", "+4478,b", ""])).summary.line_end == name


@pytest.mark.parametrize("ends", ["\r\n", "\r"])
def test_a_last_line_without_an_end_mixes_nothing(read: Reader, ends: str) -> None:
    result = read(ends.join(["phone,name", "+4479,a", "+4478,b"]))
    assert result.summary.line_end == {"\r\n": "CRLF", "\r": "CR"}[ends]
    assert not result.summary.warnings


def test_mixed_line_ends_are_all_line_ends_and_said(read: Reader) -> None:
    result = read("phone,name\n+4471,a\r\n+4472,b\r+4473,c\n")
    assert result.column("line") == [2, 3, 4]
    assert result.summary.line_end == "mixed"
    assert result.warnings["file_mixed_line_ends"] == 1


def test_byte_order_marks_in_the_middle_are_where_files_were_joined(read: Reader) -> None:
    part = "external_id,phone,name\n1,+4479,Zoë\n".encode("utf-8-sig")
    result = read(part + part)
    assert result.column("line") == [2, 4]
    assert result.column("external_id") == ["1", "1"]
    assert result.reasons == {3: "row_header_again"}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1251", "Иван Петров; Казань"),
        ("koi8-r", "Александр Пушкин; Москва"),
        ("cp1253", "Γιώργος Παπαδόπουλος; Αθήνα"),
        ("cp932", "山田太郎; 東京"),
        ("gb18030", "王小明; 北京"),
        ("big5", "王小明; 台北"),
        ("cp949", "김철수; 서울"),
        ("cp1256", "محمد علي; القاهرة"),
    ],
)
def test_other_scripts_are_guessed_and_called_a_guess(read: Reader, encoding: str, name: str) -> None:
    rows = "".join(f"+4479{number},{name}\n" for number in range(5))
    result = read(f"phone,name\n{rows}".encode(encoding))
    assert result.summary.encoding_certainty == "unsure"
    assert result.column("name") == [name] * 5


@pytest.mark.parametrize("encoding", ["cp850", "mac-roman", "cp1250"])
def test_dos_mac_and_central_european_text_is_a_guess_and_never_asserted(read: Reader, encoding: str) -> None:
    """Excel still writes them. Every byte is some letter or sign of Windows-1252 too, but not where words have letters."""
    names = {
        "cp850": ["Jürgen Groß", "Amélie Lefèvre", "Íñigo Peña"],
        "mac-roman": ["Jürgen Groß", "Amélie Lefèvre", "François"],
        "cp1250": ["Lech Wałęsa", "Paweł", "Elżbieta"],
    }[encoding]
    rows = "".join(f"+4479{number},{name}\n" for number, name in enumerate(names))
    result = read(f"phone,name\n{rows}".encode(encoding))
    assert (result.summary.encoding, result.summary.encoding_certainty) == (encoding, "unsure")
    assert result.column("name") == names
    assert result.warnings["file_encoding_unsure"] == 1


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso8859-15"])
@pytest.mark.parametrize("language", ["fr", "de", "es", "it", "pt", "sv", "da", "nl", "is", "ca", "fi"])
def test_western_names_are_never_taken_for_dos_or_mac_text(encoding: str, language: str) -> None:
    """Every name of a country and a language that the encoding can write, each alone and in capitals as well."""
    for name in [*Locale(language).territories.values(), *Locale(language).languages.values()]:
        for written in (name, name.upper()):
            counts = NeighbourCounts()
            counts.add(b"+4479;" + written.encode(encoding, "ignore") + b"\n")
            assert better_codec(counts) is None, written


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1250", ["Jiří Dvořák", "Božena Němcová", "Tomáš Růžička", "Kateřina Křížová", "Ondřej Šťastný"]),
        ("iso8859-2", ["Jiří Dvořák", "Božena Němcová", "Tomáš Růžička", "Kateřina Křížová", "Ondřej Šťastný"]),
        ("cp1250", ["Ľubomír Kováč", "Žofia Ďurišová", "Jozef Hruška", "Mária Šťastná", "Ján Tkáč"]),
        ("cp1250", ["Erdős Pál", "Szűcs Ödön", "Győri Ágnes", "Kőműves Jenő", "Füredi Gergő", "Tóth Erzsébet"]),
        ("cp1250", ["Šimun Đurić", "Željka Čović", "Nikša Perišić", "Anđelka Žižić"]),
        ("cp1250", ["Ştefan Ţepeş", "Mihăiţă Vlăduţ", "Ionuţ Bălăşoiu", "Sânziana Brătianu"]),
        ("cp1257", ["Jānis Bērziņš", "Kārlis Ozoliņš", "Ieva Kļaviņa", "Līga Šmite", "Ģirts Ņikitins"]),
        ("cp1257", ["Žydrūnas Kazlauskas", "Ramunė Šimkutė", "Giedrė Žukauskienė", "Eglė Bružė", "Jonas Ąžuolas"]),
        ("cp1254", ["Ayşe Yılmaz", "Çağla Şahin", "Işıl Gündoğdu", "Barış Özgür", "İpek Kılıç"]),
    ],
)
def test_central_european_names_are_told_by_their_alphabet(read: Reader, encoding: str, names: list[str]) -> None:
    """As Windows-1252 they would be letters too, and go out as `Jiøí Dvoøák`."""
    rows = "".join(f"+4479{number},{name}\n" for number, name in enumerate(names))
    result = read(f"phone,name\n{rows}".encode(encoding))
    assert (result.summary.encoding, result.summary.encoding_certainty) == (encoding, "unsure")
    assert result.column("name") == names
    assert result.warnings["file_encoding_unsure"] == 1


def _bytes_of(language: str, encoding: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How often each byte stands in the names that a language has for countries."""
    names = "\n".join(Locale(language).territories.values()).translate({0x219: "ş", 0x21B: "ţ", 0x218: "Ş", 0x21A: "Ţ"})
    return np.bincount(np.frombuffer(names.encode(encoding, "ignore"), np.uint8), minlength=256)


@pytest.mark.parametrize(
    ("language", "codec", "name"),
    [
        ("cs", "cp1250", "Czech"),
        ("sk", "cp1250", "Slovak"),
        ("hu", "cp1250", "Hungarian"),
        ("lv", "cp1257", "Latvian"),
        ("lt", "cp1257", "Lithuanian"),
        ("tr", "cp1254", "Turkish"),
    ],
)
def test_a_text_is_told_by_its_alphabet(language: str, codec: str, name: str) -> None:
    assert better_alphabet(_bytes_of(language, codec)) == Guess(codec, name)


@pytest.mark.parametrize("others", ["", "fr", "es", "de"])
@pytest.mark.parametrize("language", ["fr", "de", "es", "it", "pt", "sv", "da", "nb", "nl", "is", "ca", "fi", "ga"])
def test_western_texts_stay_western(language: str, others: str) -> None:
    """Also a list of customers in two countries, which no single alphabet covers."""
    counts = _bytes_of(language, "cp1252") + (_bytes_of(others, "cp1252") if others else 0)
    assert better_alphabet(counts) is None


@pytest.mark.parametrize("name", ["Zoë", "Þórr", "Ľubica", "日本", "“Ann”"])
def test_text_that_was_encoded_twice_is_undone_where_its_mark_shows_it(read: Reader, name: str) -> None:
    """https://github.com/dbeaver/dbeaver/issues/10994 is of a mark that is kept; saved again it looks like this."""
    once = f"\ufeffphone,name\n+447400123456,{name}\n".encode()
    twice = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in once).encode()
    result = read(twice)
    assert result.column("name") == [name]
    assert result.summary.encoding == "utf-8, encoded twice"
    mixed = read(twice + "+447400123457,Chloé\n".encode())
    assert mixed.column("name")[1] == "Chloé", "it is not all of it that was: then nothing is undone"
