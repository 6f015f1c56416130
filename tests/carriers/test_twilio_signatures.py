"""Our own look at a signature never says other than Twilio's SDK, and a form is what the standard library reads in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from resources.carriers.twilio.forms import MAXIMUM_FIELDS, form_fields, message_id_in
from resources.carriers.twilio.signatures import _Form, signature_fits

TOKEN = "0123456789abcdef0123456789abcdef"
_hosts = st.one_of(
    st.sampled_from(
        ["example.com", "127.0.0.1", "EXAMPLE.com", "[::1]", "user:pass@example.com", "", "bücher.example"]
    ),
    st.from_regex(r"[a-z0-9.-]{1,12}", fullmatch=True),
)
_ports = st.sampled_from(
    ["", ":", ":0", ":080", ":80", ":443", ":8321", ":59999", ":65000", ":65535", ":65536", ":99999"]
)
_paths = st.one_of(
    st.sampled_from(["", "/", "//x", "/webhooks/twilio/message-status", "/a;b", "/a b", "/a\n", "/%2e/../ü", "/a#b"]),
    st.text("/abc.;~ %", max_size=8),
)
_queries = st.one_of(
    st.sampled_from(["", "?", "?message_id=c0123456789-1-sms-0", "?a=b&a=c", "?bodySHA256=ab", "?a#b", "?a?b", "?ü=ü"]),
    st.text("?=&%abc#+\n", max_size=8).map(lambda text: f"?{text}"),
)
urls = st.builds(
    "{}://{}{}{}{}".format, st.sampled_from(["http", "https", "HTTPS", "ftp"]), _hosts, _ports, _paths, _queries
)
forms = st.dictionaries(st.text(max_size=6), st.lists(st.text(max_size=6), min_size=1, max_size=3), max_size=5)


def verdict(ask: Callable[[], Any]) -> bool | str:
    """What is said; the error where one is raised."""
    try:
        return bool(ask())
    except ValueError as error:
        return type(error).__name__


@settings(max_examples=600, deadline=None)
@given(url=urls, signed=urls, form=forms, forged=st.one_of(st.none(), st.text(max_size=30)), data=st.data())
@example("https://example.com/a", "https://example.com:443/a", {"a": ["b"]}, None, None)
@example("https://example.com:8321/a?b=c", "https://example.com/a?b=c", {}, None, None)
@example("http://example.com:59999/a?b=c", "http://example.com:59999/a?b=c", {"a": ["b", "a", "b"]}, None, None)
def test_the_verdict_is_the_sdks(
    url: str, signed: str, form: dict[str, list[str]], forged: str | None, data: st.DataObject | None
) -> None:
    """Of any address, form and signature: one of this address, of another, with a port or without, or of nobody."""
    validator = RequestValidator(TOKEN)
    if data is not None and data.draw(st.booleans()):
        signed = url
    try:
        signature = validator.compute_signature(signed, _Form(form)) if forged is None else forged
    except UnicodeEncodeError:
        signature = "none"
    expected = verdict(lambda: validator.validate(url, _Form(form), signature)) if signature else False
    assert verdict(lambda: signature_fits(TOKEN, url, form, signature)) == expected
    assert not signature_fits("another", "https://example.com/a", form, "AAAA")


def test_most_of_it_is_not_asked_of_the_sdk(monkeypatch: Any) -> None:
    """What Twilio posts to our own addresses is told by our own look: the SDK would have to be asked for it."""
    url, form = (
        "https://example.com:8321/webhooks/twilio/message-status?message_id=c0123456789-1-sms-0",
        {"To": ["+49171"]},
    )
    signature = RequestValidator(TOKEN).compute_signature(url, _Form(form))
    monkeypatch.setattr(RequestValidator, "validate", lambda *_: False)
    assert signature_fits(TOKEN, url, form, signature)


@settings(max_examples=600, deadline=None)
@given(
    body=st.one_of(
        st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5))).map(
            lambda pairs: "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
        ),
        st.text("abc=&%+;2Bé\x00", max_size=20),
    )
)
def test_a_form_is_what_the_standard_library_reads(body: str) -> None:
    """Repeated names, blanks, signs of encodings that are none, names without a value."""
    assert form_fields(body.encode()) == parse_qs(body, keep_blank_values=True, max_num_fields=MAXIMUM_FIELDS)


def test_a_form_of_too_many_fields_or_of_no_text_is_none() -> None:
    """Both as the standard library has it: an error that the portal answers with 400."""
    for body in (b"a=1&" * MAXIMUM_FIELDS, b"a=\xff"):
        assert verdict(lambda body=body: form_fields(body)) in ("ValueError", "UnicodeDecodeError")
    assert len(form_fields(b"a=1&" * (MAXIMUM_FIELDS - 1))["a"]) == MAXIMUM_FIELDS - 1


@given(st.one_of(st.text("message_id=&%+-c0123", max_size=30), st.just("message_id=c0123456789-1-sms-0")))
def test_the_message_in_a_query_is_what_the_standard_library_reads(query: str) -> None:
    """The first of several, decoded; none where it is blank."""
    assert message_id_in(query) == next(iter(parse_qs(query).get("message_id", ())), None)
