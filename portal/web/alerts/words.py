"""What an alert means, in the reader's language, and the page that mends it.

An alert's own sentence names what is concerned and is English, as it is kept; its kind and what to do next are said here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from nightmail.access.permissions import Permission
from nightmail.campaigns.alerts import AlertRow
from nightmail.reasons import REASONS
from portal.web.navigation import is_offered
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext, marked


@dataclass(frozen=True)
class AlertWords:
    """A kind of alert by its title, and what to do about it; both marked for translation."""

    title: str
    to_do: str


WORDS: Mapping[str, AlertWords] = {
    "in_doubt": AlertWords(
        marked("Messages in doubt"),
        marked("Look them up at the carrier and decide: whether it has them, or they are sent again or dropped."),
    ),
    "probable_opt_out": AlertWords(
        marked("A reply probably asks for an end"),
        marked("Read it and decide. Until then nothing of marketing is sent to who wrote it."),
    ),
    "no_carrier": AlertWords(
        marked("No carrier account takes a channel's messages"),
        marked("Add an account with a sender of the team, or lift the suspension that stops it. The messages wait."),
    ),
    "cut_off_at_risk": AlertWords(
        marked("A campaign will not end before its cut-off"),
        marked("Set a later cut-off, or raise the carrier's rate. What is not handed off by then is dropped."),
    ),
    "start_long_past": AlertWords(
        marked("A campaign's start is long past"),
        marked("If it is still wanted now, approve it; else cancel it."),
    ),
    "schedule_before_restore": AlertWords(
        marked("A campaign's time was before the database was restored"),
        marked("Look into the carrier's records: if it was not sent, approve it; else cancel it."),
    ),
    "schedule_missed": AlertWords(
        marked("A schedule was missed"),
        marked("If it is still wanted, send it by hand; else wait for its next time."),
    ),
    "refused_alike": AlertWords(
        marked("A carrier refuses a campaign's messages one like the other"),
        marked("See what they have in common, such as a link. The campaign is paused: resume it, or cancel it."),
    ),
    "carrier_failed_over": AlertWords(
        marked("A carrier account is down, another takes over"),
        marked("Nothing to do here: the messages come back by themselves. Ask the carrier what is wrong."),
    ),
    "carrier_unavailable": AlertWords(
        marked("A carrier account does not answer"),
        marked("Nothing to do at first: it is tried again. If it lasts, ask the carrier, or suspend the channel."),
    ),
    "carrier_error_unknown": AlertWords(
        marked("A carrier answers with an unknown error"),
        marked("Look the code up at the carrier. Messages that got it are not sent again."),
    ),
    "carrier_credentials": AlertWords(
        marked("A carrier refuses the credentials"),
        marked("Check the account and its secret, then lift the suspension."),
    ),
    "channel_suspended": AlertWords(
        marked("A channel or account was suspended by the senders"),
        marked("Mend what the carrier says, then lift the suspension. The messages wait."),
    ),
    "carrier_rejected": AlertWords(
        marked("A carrier reports an error that a person must mend"),
        marked("Look the code up at the carrier and mend the account."),
    ),
    "webhook_given_up": AlertWords(
        marked("A team's webhook was given up"),
        marked("Mend its address, or end it. Its events are lost to it."),
    ),
    "webhook_of_another_account": AlertWords(
        marked("A carrier's webhook named a message of another account"),
        marked("Find out who posts it: an account is set up twice, or somebody uses its secret. It moved nothing."),
    ),
    "mail_put_aside": AlertWords(
        marked("An email in a mailbox for replies cannot be read"),
        marked("Read it by a mail program and do what it asks: it may be an opt-out."),
    ),
    "mailbox_unusable": AlertWords(
        marked("A mailbox for replies cannot be read"),
        marked("Check its address, user, secret and folder. It is tried again by itself."),
    ),
    "sandbox_ended": AlertWords(
        marked("The sandbox ended for a channel while campaigns used it"),
        marked("Paused campaigns go on to real people when they are resumed, and end when they are cancelled."),
    ),
    "feed_late": AlertWords(
        marked("A feed's file is late"),
        marked("Ask the data team for it, or change the time by which the feed expects it."),
    ),
    "parts_missing": AlertWords(
        marked("Parts of a file have not arrived"),
        marked("Ask for the missing parts: nothing is prepared before all are there."),
    ),
    "run_failed": AlertWords(
        marked("A run of the pipeline failed"),
        marked("Look at the run in the pipeline; another one starts by itself."),
    ),
    "run_not_begun": AlertWords(
        marked("Runs of the pipeline do not begin"),
        marked("See in the pipeline why. The campaign waits, and goes on by itself when they begin again."),
    ),
    "server_taken_over": AlertWords(
        marked("Another server of the database took over"),
        marked(
            "Decide what is in doubt after comparing it with the carriers' records, then resume the paused campaigns."
        ),
    ),
    "standby_lost": AlertWords(
        marked("The database has no standby that has everything"),
        marked("Bring it back. Until then do not make it the server: it lacks what was sent since."),
    ),
    "sensor_failing": AlertWords(
        marked("A sensor fails at every tick"),
        marked("Look at it in the pipeline. What it watches waits meanwhile; nothing of it is lost."),
    ),
    "session_stolen": AlertWords(
        marked("A copy of somebody's session was used"),
        marked("The session was ended. Ask the person, and reset how they log in if it was not them."),
    ),
    "sftp_file_grew": AlertWords(
        marked("A file went on changing after it was taken"),
        marked("The rows that were missing wait for approval as a campaign of their own."),
    ),
}
"""The kinds of alerts by their reasons."""

_OF_A_STOPPED_CAMPAIGN = AlertWords(
    marked("A campaign was stopped"),
    marked("See on its page what was wrong; mend it and send the file again."),
)
_OF_A_SERVER = AlertWords(
    marked("Files cannot be taken from or answered at a server"),
    marked("Do what the alert says. It is tried again by itself."),
)
_OF_A_FEED = AlertWords(
    marked("A feed cannot make its campaign"),
    marked("Do what the alert says, then wait for the feed's next time."),
)
_OTHER = AlertWords(marked("Something needs a person"), marked("Do what the alert says, then close it."))


def words_of(row: AlertRow) -> AlertWords:
    """The kind of an alert: by its reason, else by what it is about."""
    if row.reason in WORDS:
        return WORDS[row.reason]
    if row.subject.startswith("campaign:") or row.subject.endswith(":stopped"):
        return _OF_A_STOPPED_CAMPAIGN
    if row.subject.startswith("sftp:") or row.reason.startswith("sftp_"):
        return _OF_A_SERVER
    return _OF_A_FEED if row.subject.startswith("feed:") else _OTHER


def alert_title(row: AlertRow) -> str:
    """What kind of thing happened, in the reader's language."""
    return gettext(words_of(row).title)


def alert_to_do(row: AlertRow) -> str:
    """What to do next, in the reader's language."""
    return gettext(words_of(row).to_do)


def reason_options() -> list[tuple[str, str]]:
    """Reasons with their titles, for a filter; those that nothing is said of here are found by their code."""
    return sorted(((reason, gettext(words.title)) for reason, words in WORDS.items()), key=lambda each: each[1].lower())


def is_reason(code: str) -> bool:
    """Whether a code is one that an alert may have."""
    return code in WORDS or code in REASONS


@dataclass(frozen=True)
class NextStep:
    """A page that mends what an alert is about."""

    address: str
    label: str


_SUBJECT_STEPS: tuple[tuple[re.Pattern[str], str, str, Permission, str], ...] = (
    (
        re.compile(r"reply:([0-9]+)"),
        "/opt-outs",
        "/opt-outs/probable/{}",
        Permission.REPLY_SEE,
        marked("Read the reply"),
    ),
    (
        re.compile(r"suspension:([0-9]+)"),
        "/suspensions",
        "/suspensions/{}",
        Permission.CHANNEL_SUSPEND,
        marked("See the suspension"),
    ),
    (re.compile(r"person:([0-9]+)"), "/people", "/people/{}", Permission.PEOPLE_SEE, marked("See the person")),
    (re.compile(r"job:(.*)"), "/pipeline/", "/pipeline/", Permission.PIPELINE_SEE, marked("Open the pipeline")),
    (re.compile(r"sensor:(.*)"), "/pipeline/", "/pipeline/", Permission.PIPELINE_SEE, marked("Open the pipeline")),
    (re.compile(r"carrier:(.*)"), "/settings", "/settings", Permission.CARRIER_SEE, marked("See the carrier accounts")),
    (re.compile(r"receipt:(.*)"), "/settings", "/settings", Permission.CARRIER_SEE, marked("See the carrier accounts")),
    (re.compile(r"webhook:([0-9]+)"), "/settings", "/settings", Permission.WEBHOOK_EDIT, marked("See the webhooks")),
)
"""What a subject looks like, the entry of the navigation that must be there, the page and its name."""


def next_step(row: AlertRow, me: SignedIn) -> NextStep | None:
    """The page that mends it, where this person may open it."""
    if row.reason == "in_doubt" and row.campaign and is_offered(me, "/doubts"):
        return NextStep(f"/doubts?campaign={row.campaign}", gettext("Decide about the messages"))
    for pattern, entry, address, permission, label in _SUBJECT_STEPS:
        found = pattern.fullmatch(row.subject)
        if found and me.may(permission) and is_offered(me, entry):
            return NextStep(address.format(*found.groups()), gettext(label))
    if row.campaign and is_offered(me, "/campaigns"):
        return NextStep(f"/campaigns/{row.campaign}", gettext("See the campaign"))
    if row.subject.startswith("feed:") and is_offered(me, "/feeds"):
        return NextStep("/feeds", gettext("See the feeds"))
    return None
