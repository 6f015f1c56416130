"""The channels that there are: what must never change of them, and how one more is taken in or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import BaseModel, ValidationError

from nightmail.channels import CHANNELS, CHAT, EMAIL, SMS, VOICE, BodyKind, Channel, Channels, Unit
from nightmail.channels.names import ChannelName
from nightmail.errors import UsageError


def test_names_and_codes_stay_as_they_are() -> None:
    """Both stand in the ids and keys of messages that were sent."""
    assert {name: channel.code for name, channel in CHANNELS.items()} == {"sms": 0, "email": 1, "voice": 2, "chat": 3}


def test_channels_come_in_the_order_of_their_codes() -> None:
    channels = Channels()
    for channel in (CHAT, SMS, VOICE):
        channels.register(channel)
    assert tuple(channels) == ("sms", "voice", "chat")
    assert channels.with_code(2) is VOICE
    channels.withdraw(VOICE)
    assert tuple(channels) == ("sms", "chat")
    with pytest.raises(KeyError):
        channels.with_code(2)


@pytest.mark.parametrize("other", [replace(SMS, code=5), replace(SMS, name="text")])
def test_a_name_or_code_of_another_channel_is_refused(other: Channel) -> None:
    channels = Channels()
    channels.register(SMS)
    channels.register(SMS)
    with pytest.raises(ValueError, match="is taken"):
        channels.register(other)
    assert tuple(channels) == ("sms",)


@pytest.mark.parametrize(
    "changes", [{"name": "web-chat"}, {"name": "SMS"}, {"name": ""}, {"code": 8}, {"code": -1}, {"addresses": ()}]
)
def test_what_cannot_stand_in_an_id_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="channel"):
        replace(SMS, **changes)  # type: ignore[arg-type]


def test_addresses_decide_where_a_country_comes_from() -> None:
    """A number tells its country and must have one; an email address has its contact's, if that is known."""
    assert (SMS.takes_numbers, SMS.takes_emails, SMS.needs_country) == (True, False, True)
    assert (EMAIL.takes_numbers, EMAIL.takes_emails, EMAIL.needs_country) == (False, True, False)
    assert (CHAT.takes_numbers, CHAT.takes_emails, CHAT.needs_country) == (True, True, False)
    assert SMS.fields == VOICE.fields == ("phone", "phone_2", "landline")
    assert CHAT.fields == ("phone", "phone_2", "landline", "email")
    assert SMS.shares_addresses(VOICE)
    assert EMAIL.shares_addresses(CHAT)
    assert not EMAIL.shares_addresses(SMS)


def test_every_channel_limits_its_bodies() -> None:
    """A body without any limit would reach a carrier that refuses it, or fill the memory."""
    for channel in CHANNELS.values():
        assert channel.most_characters or channel.most_bytes
        assert channel.default_rate > 0
        assert channel.default_connections >= 1


def test_groups_of_channels_are_found_by_what_they_are() -> None:
    assert CHANNELS.for_numbers() == ("sms", "voice", "chat")
    assert CHANNELS.for_emails() == ("email", "chat")
    assert CHANNELS.bound_by_quiet_hours() == ("sms", "voice")
    assert CHANNELS.rated_by(Unit.SEGMENT) == ["sms"]
    assert [channel.name for channel in CHANNELS.values() if channel.body is BodyKind.TEXT] == ["sms", "chat"]


def test_a_channel_that_a_person_named_is_found_or_refused_with_the_names() -> None:
    assert CHANNELS.named("email") is EMAIL
    with pytest.raises(UsageError, match="sms, email, voice, chat") as refused:
        CHANNELS.named("fax")
    assert refused.value.reason == "channel_unknown"


class _Order(BaseModel):
    channel: ChannelName
    senders: dict[ChannelName, str] = {}


def test_models_refuse_an_unknown_name_as_a_literal_would() -> None:
    """Programs rely on the error's type and on the enumeration in the schema."""
    assert _Order.model_validate({"channel": "sms", "senders": {"email": "desk"}}).channel == "sms"
    with pytest.raises(ValidationError) as refused:
        _Order.model_validate({"channel": "fax", "senders": {5: "desk"}})
    errors = refused.value.errors()
    assert [error["type"] for error in errors] == ["literal_error"] * 2
    assert errors[0]["msg"] == "Input should be 'sms', 'email', 'voice' or 'chat'"
    schema = _Order.model_json_schema()["properties"]["channel"]
    assert schema == {"enum": ["sms", "email", "voice", "chat"], "title": "Channel", "type": "string"}
