"""Signed links: a token does what it was made for, for the message it was made for, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.privacy.signed_links import (
    LinkError,
    Purpose,
    link_column,
    link_token,
    link_tokens,
    preview_link_column,
    read_token,
    unsubscribe_address,
)

KEY, OTHER = b"one key", b"another key"
MESSAGE = "c3f0a91b7d0-118-email-0"


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_token_says_its_message(purpose: Purpose) -> None:
    """There and back, alone and in a column."""
    token = link_token(MESSAGE, purpose, KEY)
    link = read_token(token, purpose, [OTHER, KEY])
    assert (str(link.message_id), link.purpose, link.expires) == (MESSAGE, purpose, None)
    names = [MESSAGE, "c3f0a91b7d0-7-sms-1", MESSAGE]
    assert link_tokens(names, purpose, KEY) == [link_token(name, purpose, KEY) for name in names]
    assert link_column(pa.array(names), purpose, KEY).to_pylist() == link_tokens(names, purpose, KEY)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_link_of_a_preview_is_as_long_as_a_real_one_and_opens_nothing(purpose: Purpose) -> None:
    """A message that is shown has the segments and the cost of the one that is sent."""
    until = date(2026, 11, 23)
    real = link_column(pa.array([MESSAGE]), purpose, KEY, until).to_pylist()[0]
    shown = preview_link_column(pa.array([MESSAGE]), purpose, until).to_pylist()[0]
    assert len(shown) == len(real) and shown.endswith("preview-preview-preview-")
    with pytest.raises(LinkError) as caught:
        read_token(shown, purpose, [KEY, OTHER])
    assert caught.value.reason == "link_of_preview"


def test_a_token_is_worth_nothing_for_another_purpose_or_key() -> None:
    """Who may open a chat may not opt somebody out."""
    token = link_token(MESSAGE, Purpose.CHAT, KEY)
    for purpose, keys in ((Purpose.UNSUBSCRIBE, [KEY]), (Purpose.CHAT, [OTHER]), (Purpose.CHAT, [])):
        with pytest.raises(LinkError) as caught:
            read_token(token, purpose, keys)
        assert caught.value.reason == "link_invalid"


def test_a_token_ends_after_its_day() -> None:
    """The day itself still counts."""
    token = link_token(MESSAGE, Purpose.CHAT, KEY, date(2026, 11, 23))
    assert read_token(token, Purpose.CHAT, [KEY], datetime(2026, 11, 23, 23, tzinfo=UTC)).expires == date(2026, 11, 23)
    with pytest.raises(LinkError) as caught:
        read_token(token, Purpose.CHAT, [KEY], datetime(2026, 11, 24, tzinfo=UTC))
    assert caught.value.reason == "link_expired"


@given(place=st.integers(0, 200), sign=st.characters(codec="utf-8"))
def test_no_changed_token_is_taken(place: int, sign: str) -> None:
    """One changed sign anywhere, and it is a forgery."""
    token = link_token(MESSAGE, Purpose.UNSUBSCRIBE, KEY)
    place %= len(token)
    changed = token[:place] + sign + token[place + 1 :]
    if changed != token:
        with pytest.raises(LinkError):
            read_token(changed, Purpose.UNSUBSCRIBE, [KEY])


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    """Nor does any end in a traceback."""
    with pytest.raises(LinkError):
        read_token(text, Purpose.UNSUBSCRIBE, [KEY])


def test_an_address_holds_no_personal_data() -> None:
    """Only the message's id, the purpose and the signature travel."""
    address = unsubscribe_address("https://n.example/", MESSAGE, KEY)
    assert address.startswith(f"https://n.example/u/{MESSAGE}.u.0.")
    assert len(address) < 100
