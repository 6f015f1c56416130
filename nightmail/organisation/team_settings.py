"""The settings of a team as one typed model: what ``team.settings`` holds as JSON. What a team does not state is that of the
nearest team above it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, text

from nightmail.channels.names import ChannelName
from nightmail.organisation.audience_rules import AudienceRules
from nightmail.organisation.double_opt_in import DoubleOptIn
from nightmail.organisation.four_eyes import FourEyes
from nightmail.organisation.queries import STATED_ABOVE
from nightmail.organisation.recipient_pages import RecipientPages
from nightmail.privacy.reply_addresses import ReplyAddresses

SecretReference = Annotated[str, Field(pattern=r"^(env|file):.+$")]
TIME_OF_DAY = r"^([01]\d|2[0-3]):[0-5]\d$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenPgpKeys(_Model):
    """The keys of encrypted contact files and answers, as references to where they are."""

    decrypt: SecretReference | None = Field(None, description="The team's private key, in armour, without a passphrase")
    encrypt_to: SecretReference | None = Field(None, description="The uploader's public key, for answers")


class ReportDrop(_Model):
    """The delivery report of a day of the team's, dropped on an SFTP server."""

    sftp_server: str | None = Field(None, description="The server's name; empty: the feed's own")
    folder: str = Field(description="The folder on the server")
    format: Literal["csv", "parquet"] = "csv"
    at: str = Field(
        "06:00", pattern=TIME_OF_DAY, description="The team's time of day at which yesterday's report comes"
    )


class AnswerFeeds(_Model):
    """The feeds whose message answers a recipient's word: ``feed`` of the team, or ``team.path/feed``."""

    help: str | None = Field(None, description="Answers HELP")
    start: str | None = Field(None, description="Confirms START")


WhenSuspended = Literal["wait", "fall"]
"""What becomes of due messages of a suspended channel: they wait, or fall to the contact's next channel."""


class LoginPolicy(_Model):
    """What is demanded of people who have a role at the team, or below it. Of several teams' the strictest holds."""

    second_factor: bool = Field(False, description="A password alone is not enough: an app's code or a passkey too")
    single_sign_on_only: bool = Field(False, description="People log in by an identity provider and in no other way")
    idle_minutes: int | None = Field(None, ge=5, le=1_440, description="A session ends after so long without a request")
    session_hours: int | None = Field(None, ge=1, le=720, description="A session ends after so long in any case")
    reauthenticate_minutes: int | None = Field(
        None, ge=1, le=60, description="How fresh the proof of who one is must be for roles, keys, carriers and erasure"
    )


class TrialNumber(_Model):
    """A phone of the team's that test messages may go to: nobody who sends can name another one."""

    number: str = Field(pattern=r"^\+[1-9][0-9]{6,14}$", description="The number in full, such as +491701234567")
    name: str = Field(min_length=1, max_length=60, description="Whose or which phone it is")


class TeamSettings(_Model):
    """All of it; every part has a default, so that ``{}`` is a team."""

    openpgp: OpenPgpKeys | None = None
    report: ReportDrop | None = None
    answers: AnswerFeeds | None = None
    login: LoginPolicy | None = None
    four_eyes: FourEyes | None = Field(None, description="When campaigns of the team, and below, need another person")
    when_suspended: WhenSuspended | dict[ChannelName, WhenSuspended] | None = Field(
        None, description="For all channels, or by channel; a channel that is not named waits"
    )
    reply_addresses: ReplyAddresses | None = Field(
        None, description="How the reply addresses of emails are signed: `plus` or `catch_all`; empty: not at all"
    )
    shares_contacts: bool | None = Field(
        None, description="Whether the teams below use the team's contacts, groups, segments and lists too; empty: no"
    )
    hold_back_s: int | None = Field(
        None,
        ge=0,
        le=3_600,
        description="Seconds before the first hand-off in which a send that was made by hand can be undone; empty: none",
    )
    trial_numbers: tuple[TrialNumber, ...] | None = Field(
        None,
        max_length=20,
        description="Phones that tests of a send may go to, on channels that take a number; empty: none",
    )
    recipient_pages: RecipientPages | None = Field(
        None, description="How pages for recipients look: name, wordmark, colours, and the link to the privacy notice"
    )
    double_opt_in: DoubleOptIn | None = Field(
        None, description="How consents that contacts are asked for are confirmed: within how many days, by which word"
    )
    audience: AudienceRules | None = Field(
        None,
        description="Frequency caps, holidays, blackout days, countries and budgets of the team and those below it",
    )


def answer_feeds(connection: Connection, team: str) -> AnswerFeeds:
    """What a team answers to words, or what the nearest team above it does that states it."""
    stated = connection.scalar(text(STATED_ABOVE), {"team": team, "name": "answers"})
    return AnswerFeeds() if stated is None else AnswerFeeds.model_validate(stated)


def openpgp_keys(connection: Connection, team: str) -> OpenPgpKeys:
    """The keys of a team, or those of the nearest team above it that states any."""
    stated = connection.scalar(text(STATED_ABOVE), {"team": team, "name": "openpgp"})
    return OpenPgpKeys() if stated is None else OpenPgpKeys.model_validate(stated)


def reply_addresses(connection: Connection, team: str) -> ReplyAddresses | None:
    """How the reply addresses of a team's emails are signed, by the nearest team that states it; ``None``: not at all."""
    stated = connection.scalar(text(STATED_ABOVE), {"team": team, "name": "reply_addresses"})
    return None if stated is None else ReplyAddresses(stated)


def hold_back_seconds(connection: Connection, team: str) -> int:
    """For how long a team's sends by hand can be undone before the first hand-off, by the nearest team that states it; else 0."""
    stated = connection.scalar(text(STATED_ABOVE), {"team": team, "name": "hold_back_s"})
    return 0 if stated is None else int(stated)


def trial_numbers(connection: Connection, team: str) -> tuple[TrialNumber, ...]:
    """The phones that tests of a team's sends may go to, by the nearest team that states any."""
    stated = connection.scalar(text(STATED_ABOVE), {"team": team, "name": "trial_numbers"})
    return tuple(TrialNumber.model_validate(each) for each in stated or ())


def falls_when_suspended(connection: Connection, team: str, channel: str) -> bool:
    """Whether due messages of a suspended channel fall to the next one, by the nearest team that states it; else they wait."""
    return falls(connection.scalar(text(STATED_ABOVE), {"team": team, "name": "when_suspended"}), channel)


def falls(when_suspended: Any, channel: str) -> bool:
    """Whether messages of a suspended channel fall, as a team's ``when_suspended`` has it: for all channels, or by channel."""
    return bool((when_suspended.get(channel) if isinstance(when_suspended, dict) else when_suspended) == "fall")
