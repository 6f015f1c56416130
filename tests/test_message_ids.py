"""Text id and integer key of a message always name the same message."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightmail.channels import CHANNELS, Channel
from nightmail.message_ids import (
    MAXIMUM_LINE,
    MAXIMUM_STEP,
    MessageId,
    campaign_keys,
    from_key,
    is_message_id,
    message_ids,
    message_keys,
    parse_message_id,
    token_and_key,
)
from tests.support.toy_channels import registered, toy_channel

lines = st.integers(1, MAXIMUM_LINE)
channels = st.sampled_from(sorted(CHANNELS))
steps = st.integers(0, MAXIMUM_STEP)
campaigns = st.integers(1, 2**25 - 1)
tokens = st.from_regex(r"c[0-9a-f]{10}", fullmatch=True)


@given(tokens, campaigns, lines, channels, steps)
def test_ids_and_keys_round_trip(token: str, campaign: int, line: int, channel: str, step: int) -> None:
    """The key is positive, fits 64 bits and gives the id back; the vectorised forms agree with the single ones."""
    message = MessageId(token, line, channel, step)
    key = message.key(campaign)
    assert 0 < key < 2**63
    assert parse_message_id(str(message)) == message
    assert from_key(key, token) == message
    assert is_message_id(str(message)) and token_and_key(str(message)) == (token, key - campaign_keys(campaign)[0])
    assert message_ids(token, pa.array([line]), channel, step).to_pylist() == [str(message)]
    numbers = (np.array([n], dtype=np.int64) for n in (line, CHANNELS[channel].code, step))
    assert message_keys(campaign, *numbers).tolist() == [key]


@given(
    st.one_of(st.text("c0123456789abcdef-smeail_", max_size=25), st.from_regex(r"c0{10}-\d+-(sms|email|fax)-\d+\n?"))
)
def test_what_is_a_message_id_is_parsed(text: str) -> None:
    """And is the one way to write it."""
    try:
        assert str(parse_message_id(text)) == text and is_message_id(text)
    except ValueError:
        assert not is_message_id(text)


made_up_channels = st.builds(
    toy_channel,
    st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True).filter(lambda name: name not in CHANNELS),
    st.integers(len(CHANNELS), 7),
)


@given(tokens, campaigns, lines, made_up_channels, steps)
def test_ids_and_keys_of_any_channel_round_trip(
    token: str, campaign: int, line: int, made_up: Channel, step: int
) -> None:
    """A channel needs to be registered and no more; without it neither its ids nor its keys are read."""
    with registered(made_up):
        message = MessageId(token, line, made_up.name, step)
        key = message.key(campaign)
        assert 0 < key < 2**63
        assert parse_message_id(str(message)) == message
        assert from_key(key, token) == message
        assert message_ids(token, pa.array([line]), made_up.name, step).to_pylist() == [str(message)]
        numbers = (np.array([n], dtype=np.int64) for n in (line, made_up.code, step))
        assert message_keys(campaign, *numbers).tolist() == [key]
    with pytest.raises(ValueError, match="not a message id"):
        parse_message_id(str(message))
    with pytest.raises(KeyError):
        from_key(key, token)


@given(st.tuples(campaigns, lines, channels, steps), st.tuples(campaigns, lines, channels, steps))
def test_different_messages_have_different_keys(a: tuple[int, int, str, int], b: tuple[int, int, str, int]) -> None:
    """Two messages share a key only when they are the same message of the same campaign."""
    keys = [MessageId("c" + "0" * 10, line, channel, step).key(campaign) for campaign, line, channel, step in (a, b)]
    assert (keys[0] == keys[1]) == (a == b)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c0000000000-0-sms-0",
        "c0000000000-1-fax-0",
        "c0000000000-1-sms-16",
        "x0000000000-1-sms-0",
        "c0000000000-9999999999-sms-0",
        "c0000000000-1-sms-0\n",
        "c0000000000-01-sms-0",
    ],
)
def test_what_is_not_a_message_id_is_refused(text: str) -> None:
    """Text from a callback URL is only believed when it has exactly the form."""
    with pytest.raises(ValueError, match="not a message id"):
        parse_message_id(text)
