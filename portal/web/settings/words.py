"""How parts are, in the words of pages: each state's text, marked for translation, and its tone."""

from __future__ import annotations

from collections.abc import Mapping

from nightmail.channels import CHANNELS
from nightmail.events.team_webhooks import WebhookState
from nightmail.inventory.accounts import AccountState
from nightmail.inventory.servers import ServerState
from portal.web.translating import marked

ACCOUNT_STATES: Mapping[AccountState, tuple[str, str]] = {
    AccountState.RETIRED: (marked("Retired"), "mute"),
    AccountState.OFF: (marked("Off"), "mute"),
    AccountState.SUSPENDED: (marked("Suspended"), "bad"),
    AccountState.FAILED_OVER: (marked("Down"), "bad"),
    AccountState.ALERTED: (marked("Look at it"), "warn"),
    AccountState.BLOCKED: (marked("Slowed down"), "warn"),
    AccountState.WELL: (marked("Well"), "good"),
}

SERVER_STATES: Mapping[ServerState, tuple[str, str]] = {
    ServerState.RETIRED: (marked("Retired"), "mute"),
    ServerState.FAILING: (marked("Not reached"), "bad"),
    ServerState.ALERTED: (marked("Look at it"), "warn"),
    ServerState.NEVER_LOOKED_AT: (marked("Not looked at yet"), "mute"),
    ServerState.WELL: (marked("Well"), "good"),
}

WEBHOOK_STATES: Mapping[WebhookState, tuple[str, str]] = {
    WebhookState.ENDED: (marked("Ended"), "mute"),
    WebhookState.FAILING: (marked("Not taken, tried again"), "warn"),
    WebhookState.GIVEN_UP: (marked("Given up"), "bad"),
    WebhookState.UNUSED: (marked("Not called for a week"), "mute"),
    WebhookState.WELL: (marked("Well"), "good"),
}

EVENT_MEANINGS: Mapping[str, str] = {
    "campaign.received": marked("A campaign has come"),
    "campaign.checking": marked("A campaign is being checked"),
    "campaign.awaiting_approval": marked("A campaign waits for a person"),
    "campaign.ready": marked("A campaign is ready"),
    "campaign.scheduled": marked("A campaign waits for its time"),
    "campaign.sending": marked("A campaign is being sent"),
    "campaign.paused": marked("A campaign is paused"),
    "campaign.finished": marked("A campaign is finished"),
    "campaign.cancelled": marked("A campaign is cancelled"),
    "campaign.stopped": marked("A campaign was stopped"),
    "message.receipts": marked("Carriers said what became of messages"),
    "reply.received": marked("A recipient answered"),
}
"""What each event of :data:`nightmail.events.webhooks.EVENTS` means."""

ERROR_CLASSES: Mapping[str, str] = {
    "permanent_address": marked("the address cannot be reached"),
    "suppress": marked("the address must not be used again"),
    "permanent_message": marked("this text was refused"),
    "retry_later": marked("not taken, tried again"),
    "stop_and_alert": marked("nothing gets through until it is mended"),
    "in_doubt": marked("it may have been taken"),
    "unknown": marked("not known: not tried again"),
}
"""What classes of carriers' errors mean for a message."""


def channel_options() -> list[tuple[str, str]]:
    """The channels as a filter offers them."""
    return [(name, channel.label) for name, channel in CHANNELS.items()]


def known_channel(typed: str) -> str:
    """A channel's name as it came; empty for one that there is not."""
    return typed if typed in CHANNELS else ""
