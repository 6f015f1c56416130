"""Texts that are documents and not tables (vCard, messages, SQL, HTML ...), recognised by how they begin.

Their lines hold people's names and addresses, which must not become a column's name: an error names the kind alone.
Sources: RFC 6350 (vCard), 5545 (iCalendar), 5322 (messages), 4155 (mbox), 2849 (LDIF), 2557 (MHTML).
"""

from __future__ import annotations

import re

from nightmail.contact_files.byte_order_marks import mark_length

_LOOKED_AT = 65_536
_HTML = (
    *("!doctype html", "html", "head", "body", "table", "thead", "tbody", "tr", "td", "div", "span", "meta", "style"),
    *("script", "title", "p", "br", "h1", "h2", "ul", "ol", "!--"),
)
_SQL = re.compile(
    r"(create (or replace )?(global |local )?(temp(orary)? )?(unlogged )?"
    r"(table|database|schema|index|view|sequence|type|function|extension|user|role|unique)\b|"
    r"(insert (ignore |or \w+ )?into|replace into|drop (table|database|schema|view|index)|alter (table|database)|"
    r"lock tables|truncate table|delete from) |set [@\w.]+ ?(=|to )|begin( transaction| work)?;[ \t]*\r?\n|start transaction;|"
    r"pragma \w+ ?[=(;]|copy \S+ .*from |use [`\"\w]+;|update \S+ set |select \S.* from )",
    re.IGNORECASE,
)
_SQL_COMMENTS = re.compile(r"(\s*(--[^\n]*(\n|$)|/\*.*?\*/;?|#[^\n]*(\n|$)))+\s*", re.DOTALL)
_SQL_TOOLS = re.compile(
    r"(--|/\*|#)[\s-]*(mysql|mariadb|postgresql|sqlite|phpmyadmin|adminer|pg_dump|oracle|host:|server version|dump)",
    re.IGNORECASE,
)
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*):(?:[ \t]|$)")
_MESSAGE_FIELDS = frozenset(
    (
        *("return-path", "received", "delivered-to", "from", "to", "cc", "bcc", "subject", "date", "message-id"),
        *("mime-version", "content-type", "content-transfer-encoding", "reply-to", "sender", "dkim-signature"),
        *(
            "authentication-results",
            "x-mailer",
            "x-original-to",
            "x-gm-thrid",
            "snapshot-content-location",
            "thread-topic",
        ),
    )
)
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"begin:vcard\b", re.IGNORECASE), "a vCard address book"),
    (re.compile(r"begin:v[a-z]+\b", re.IGNORECASE), "an iCalendar file"),
    (re.compile(r"(version: *1 *\r?\n)?(#[^\n]*\n|\s)*dn::? \S", re.IGNORECASE), "an LDIF directory export"),
    (re.compile(r"From \S+ +(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} "), "a mailbox of messages (mbox)"),
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----"), "a certificate, key or encrypted message"),
    (re.compile(r"%!PS"), "a PostScript document"),
    (re.compile(r"\{\\rtf"), "a rich text document"),
    (re.compile(r"ID;P[A-Z0-9_.]*(;[A-Z][A-Z0-9]*)*\r?\n(P;P|[BC];[XY]\d|[FOW];[A-Z]+\d)"), "a SYLK spreadsheet"),
    (re.compile(r"TABLE\r?\n0,1\r?\n"), "a DIF spreadsheet"),
    (re.compile(r"#!\s*/|<\?php"), "a program"),
    (re.compile(r"%YAML|---[ \t]*(#[^\n]*)?\r?\n[\w-]"), "a YAML document"),
    (re.compile(r"[\w-]+:[ \t]*\r?\n[ \t]*(- )?[\w-]+:[ \t\r\n]"), "a YAML document"),
    (re.compile(r"- [\w-]+:[ \t][^\n]*\n[ \t]+[\w-]+:[ \t\r\n]"), "a YAML document"),
    (re.compile(r"\[[\w .:-]+\][ \t]*\r?\n[ \t]*[\w .-]+=[^\n]*"), "a settings file (INI or TOML)"),
)
_TAG = re.compile(r"<([A-Za-z_][\w:.-]*)(\s[^<>]*)?/?>")


def document_kind(head: str) -> str | None:
    """The kind of document that a text is, as a sentence names it; None where it may be a table.

    >>> document_kind("BEGIN:VCARD\\nVERSION:3.0\\n"), document_kind("phone,name\\n")
    ('a vCard address book', None)
    """
    text = head[:_LOOKED_AT]
    text = text[mark_length(text) :].lstrip(" \t\r\n")
    for pattern, kind in _KINDS:
        if pattern.match(text):
            return kind
    return _markup(text) or _message(text) or _sql(text)


def _markup(text: str) -> str | None:
    if not text.startswith("<"):
        return None
    beginning = text[1:20].lower()
    if any(beginning.startswith(name) and not beginning[len(name) :][:1].isalnum() for name in _HTML):
        return "an HTML page"
    if beginning.startswith(("?xml", "!doctype")):
        return "an XML document"
    return "an XML document" if _TAG.match(text) and ("</" in text or "/>" in text) else None


def _message(text: str) -> str | None:
    """An email message: its first lines are fields, several of them known, and none has a delimiter's look."""
    met: set[str] = set()
    for number, line in enumerate(text.split("\n", 40)[:40]):
        if not line.rstrip("\r"):
            break
        if line[0] in " \t" and number:
            continue
        found = _FIELD.match(line)
        if found is None:
            return None
        met.add(found[1].lower())
    known = met & _MESSAGE_FIELDS
    if len(known) < 2:
        return None
    return "a saved web page (MHTML)" if "snapshot-content-location" in known else "an email message"


def _sql(text: str) -> str | None:
    comments = _SQL_COMMENTS.match(text)
    begins = text[comments.end() :] if comments else text
    return "an SQL dump" if _SQL_TOOLS.match(text) or _SQL.match(begins) else None
