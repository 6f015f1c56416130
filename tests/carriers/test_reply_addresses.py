"""Signed reply addresses: safe in any mail system, worth nothing to forgers, and at no cost to SendGrid's batches."""

from __future__ import annotations

import datetime as dt
import email
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightmail.message_ids import MAXIMUM_LINE, MessageId
from nightmail.privacy.reply_addresses import (
    LONGEST_NAME,
    ReplyAddresses,
    read_reply_token,
    reply_tokens,
    signed_reply_address,
    written_to,
)
from nightmail.privacy.signed_links import LinkError

KEY = b"the key"
TODAY = dt.datetime.now(dt.UTC).date()
_ids = st.builds(
    MessageId,
    st.integers(0, 16**10 - 1).map(lambda number: f"c{number:010x}"),
    st.integers(1, MAXIMUM_LINE),
    st.sampled_from(["sms", "email", "voice", "chat"]),
    st.integers(0, 15),
)


@given(
    _ids, st.sampled_from(list(ReplyAddresses)), st.sampled_from([str.upper, str.lower, str.title]), st.integers(0, 39)
)
@settings(max_examples=60)
def test_an_address_survives_any_mail_system_and_no_change(message_id, form, spelled, place):
    (token,) = reply_tokens([str(message_id)], KEY, TODAY)
    address = signed_reply_address("n" * LONGEST_NAME + "@acme.example", token, form)
    assert len(address.partition("@")[0].encode()) <= 64
    found = written_to(spelled(address))
    assert found.token is not None
    assert read_reply_token(found.token, [b"other", KEY]) == message_id
    assert found.mailbox.lower() == "n" * LONGEST_NAME + "@acme.example"
    changed = token[:place] + ("a" if token[place] != "a" else "b") + token[place + 1 :]
    with pytest.raises(LinkError):
        read_reply_token(changed, [KEY])
    with pytest.raises(LinkError):
        read_reply_token(token, [KEY], dt.datetime.now(dt.UTC) + dt.timedelta(days=1))


def test_a_name_too_long_for_a_token_stays_as_it_is():
    address = "n" * (LONGEST_NAME + 1) + "@acme.example"
    assert signed_reply_address(address, "a" * 40, ReplyAddresses.PLUS) == address


def _signed(message, mailbox="care@acme.example"):
    (token,) = reply_tokens([message.message_id], KEY, TODAY)
    return replace(message, reply_to=signed_reply_address(mailbox, token, ReplyAddresses.PLUS), reply_token=token)


def test_a_thousand_emails_with_addresses_of_their_own_are_one_request(connect, message, sandbox):
    """As a substitution in the one reply address of the request: a header of each email's own would be refused."""
    mails = [_signed(message("email", f"reader{n}@mail.example", f"Dear {n}", subject="Hi")) for n in range(300)]
    done = connect("sendgrid_email").hand_off(mails)
    assert len({entry.carrier_message_id for entry in done}) == 1
    addresses = sandbox.ask("/answers")[-300:]
    assert [str(read_reply_token(written_to(each).token, [KEY])) for each in addresses] == [m.message_id for m in mails]


def test_emails_of_one_mailbox_with_and_without_tokens_go_their_own_ways(connect, message, sandbox):
    signed = _signed(message("email", "one@mail.example", "a"))
    plain = replace(message("email", "two@mail.example", "b"), reply_to="care@acme.example")
    connect("sendgrid_email").hand_off([signed, plain])
    assert sorted(sandbox.ask("/answers")[-2:]) == sorted([signed.reply_to, plain.reply_to])


@pytest.mark.parametrize("folder", ["inbox", "inbox" * 20])
def test_a_letter_by_smtp_carries_its_token_in_address_and_id(connect, message, folder):
    """On one line each, however long."""
    carrier = connect("smtp_email")
    mail = _signed(message("email", "one@mail.example", "a"))
    mail = replace(mail, unsubscribe_url=f"https://acme.example/{folder}")
    written = email.message_from_bytes(carrier._text(mail, "care@acme.example"))
    assert written["Reply-To"] == mail.reply_to
    assert written["Message-ID"] == f"<{mail.message_id}.{mail.reply_token}@acme.example>"
    assert written["List-Unsubscribe"] == f"<https://acme.example/{folder}>"
