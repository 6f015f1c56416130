"""Reactions: what follows from an outcome for the account, the sender and the campaign."""

from __future__ import annotations

import pytest

from nightmail.carriers.error_tables import NOT_CONNECTED, ErrorClass, ErrorEntry, ErrorScope, error_entry
from nightmail.carriers.protocol import HandOff, Outcome
from nightmail.sending.boot_clock import boot_time
from nightmail.sending.intents import Intent
from nightmail.sending.sender.reactions import (
    TROUBLE_TO_ALERT,
    TROUBLE_TO_STOP,
    UNKNOWN_TO_SUSPEND,
    Reaction,
    Reactions,
    reaction_to,
)
from nightmail.sending.sender.session import SenderSession
from nightmail.sending.sender.watch import Watcher
from tests.support.sender_by_hand import claim_by_hand
from tests.support.sender_parts import idle_lane
from tests.support.sending_rig import Organisation

TOO_FAST = error_entry("429", ErrorClass.RETRY_LATER, "too fast", throttles=True)
LOST = error_entry("answer_lost", ErrorClass.IN_DOUBT)
WRONG_KEY = error_entry("401", ErrorClass.STOP_AND_ALERT, "wrong key", credentials=True)
NOT_OURS = error_entry("21606", ErrorClass.STOP_AND_ALERT, "not your number", scope=ErrorScope.SENDER)
ALIKE = error_entry("refused_alike", ErrorClass.STOP_AND_ALERT, scope=ErrorScope.CAMPAIGN)
UNHEARD_OF = error_entry("77777", ErrorClass.UNKNOWN, "something")
NO_SUCH_NUMBER = error_entry("21211", ErrorClass.PERMANENT_ADDRESS)
STOPPED = error_entry("21610", ErrorClass.SUPPRESS)


def answer(error: ErrorEntry | None, retry_after_s: float | None = None) -> HandOff:
    if error is None:
        return HandOff("c1-2-sms-0", Outcome.ACCEPTED, "SM1")
    return HandOff.failed("c1-2-sms-0", error, retry_after_s)


@pytest.mark.parametrize(
    ("error", "retry_after_s", "reaction"),
    [
        (None, None, Reaction.NONE),
        (TOO_FAST, None, Reaction.SLOW_DOWN),
        (NOT_CONNECTED, None, Reaction.LEAVE_ALONE),
        (NOT_CONNECTED, 5.0, Reaction.SLOW_DOWN),
        (LOST, None, Reaction.LEAVE_ALONE),
        (LOST, 5.0, Reaction.LEAVE_ALONE),
        (WRONG_KEY, None, Reaction.SUSPEND),
        (NOT_OURS, None, Reaction.SUSPEND),
        (ALIKE, None, Reaction.PAUSE_CAMPAIGN),
        (UNHEARD_OF, None, Reaction.ALERT),
        (NO_SUCH_NUMBER, None, Reaction.NONE),
        (STOPPED, None, Reaction.NONE),
        (error_entry("30007", ErrorClass.PERMANENT_MESSAGE), None, Reaction.NONE),
    ],
    ids=lambda value: value.code if isinstance(value, ErrorEntry) else None,
)
def test_the_table(error: ErrorEntry | None, retry_after_s: float | None, reaction: Reaction) -> None:
    assert reaction_to(answer(error, retry_after_s)) is reaction


class Reacting:
    """Reactions on a database, with one lane and one intent."""

    def __init__(self, organisation: Organisation, session: SenderSession, sender: str | None = None) -> None:
        self.organisation = organisation
        if sender is not None:
            organisation.execute(
                "insert into sender (team_id, channel, name, address, carrier_account_id) "
                "values (:t, 'sms', 'ours', :a, :c)",
                t=organisation.team_id,
                a=sender,
                c=organisation.account_ids["sms"],
            )
        self.campaign = organisation.campaign(1)
        # The pace of a route has a row once something was taken of it.
        organisation.execute("select granted from take_pace(:a, '', 'sms', 100, 1)", a=organisation.account_ids["sms"])
        self.watcher = Watcher(session)
        self.looks = 0
        self.reactions = Reactions(organisation.engine, session, self.watcher, self.look)
        (self.intent,) = claim_by_hand(organisation, session.database, session.run, self.campaign, taken_at=boot_time())
        self.lane = idle_lane(self.intent.route.account)
        self.intent.taken_at = boot_time()

    def look(self) -> None:
        self.looks += 1
        self.watcher.look([self.intent])

    def react(self, error: ErrorEntry, retry_after_s: float | None = None, intent: Intent | None = None) -> None:
        self.reactions.react(self.lane, intent or self.intent, answer(error, retry_after_s))

    def alerts(self) -> list[tuple[str, str]]:
        rows = self.organisation.query("select reason, subject from alert where resolved_at is null order by id")
        return [(row.reason, row.subject) for row in rows]

    def suspensions(self) -> list[tuple[int | None, str | None]]:
        rows = self.organisation.query("select carrier_account_id, sender from suspension where lifted_at is null")
        return [(row.carrier_account_id, row.sender) for row in rows]

    def pace(self) -> tuple[float, bool]:
        """The share of the rate that is left, and whether it is blocked."""
        (row,) = self.organisation.query(
            "select rate_per_s / ceiling_per_s as share, coalesce(blocked_until > now(), false) as blocked from pace"
        )
        return round(row.share, 2), row.blocked


def test_a_carrier_that_is_sent_too_much_is_sent_less(organisation: Organisation, session: SenderSession) -> None:
    each = Reacting(organisation, session)
    each.react(TOO_FAST, 30.0)
    assert each.pace() == (0.67, True)
    assert each.alerts() == [] and each.lane.trouble == 0


def test_a_long_wait_is_alerted_once(organisation: Organisation, session: SenderSession) -> None:
    each = Reacting(organisation, session)
    for _ in range(3):
        each.react(TOO_FAST, 7200.0)
    assert organisation.query("select reason, times from alert") == [("carrier_unavailable", 1)]


def test_a_carrier_without_clear_answers_is_left_alone_and_alerted(
    organisation: Organisation, session: SenderSession
) -> None:
    """After five in a row, for longer each time; the alert ends when it accepts again."""
    each = Reacting(organisation, session)
    for _ in range(TROUBLE_TO_STOP - 1):
        each.react(LOST)
    assert not each.watcher.watch.blocked and each.lane.window == each.lane.connections
    each.react(LOST)
    first = each.watcher.watch.blocked[each.lane.account.id, "", "sms"] - boot_time()
    assert each.pace() == (1.0, True) and each.alerts() == []
    for _ in range(TROUBLE_TO_ALERT - TROUBLE_TO_STOP):
        each.react(LOST)
    second = each.watcher.watch.blocked[each.lane.account.id, "", "sms"] - boot_time()
    assert second > first > 0
    assert each.alerts() == [("carrier_unavailable", "carrier:sandbox-sms")]
    each.reactions.note_accepted(each.lane)
    each.reactions.mark()
    assert each.alerts() == [] and each.lane.trouble == 0


def test_wrong_credentials_suspend_the_account(organisation: Organisation, session: SenderSession) -> None:
    """Once, however many hand-offs say so."""
    each = Reacting(organisation, session, sender="+15550001")
    each.react(WRONG_KEY)
    each.react(WRONG_KEY)
    assert each.suspensions() == [(each.lane.account.id, None)]
    (alert,) = each.alerts()
    assert alert[0] == "carrier_credentials" and alert[1].startswith("suspension:")
    assert each.watcher.is_suspended(each.intent.campaign, each.intent.route) and each.looks > 1


def test_an_error_about_a_sender_suspends_that_sender_alone(organisation: Organisation, session: SenderSession) -> None:
    each = Reacting(organisation, session, sender="+15550001")
    each.react(NOT_OURS)
    assert each.suspensions() == [(each.lane.account.id, "+15550001")]
    assert [reason for reason, _ in each.alerts()] == ["channel_suspended"]


def test_what_was_said_of_an_account_before_it_was_mended_suspends_nothing(
    organisation: Organisation, session: SenderSession
) -> None:
    each = Reacting(organisation, session)
    each.intent.taken_at = each.lane.began_at - 1
    each.react(WRONG_KEY)
    assert each.suspensions() == [] and each.alerts() == []


def test_a_code_that_is_in_no_table_is_alerted_and_suspends_after_five(
    organisation: Organisation, session: SenderSession
) -> None:
    each = Reacting(organisation, session)
    for _ in range(UNKNOWN_TO_SUSPEND - 1):
        each.react(UNHEARD_OF)
    assert each.alerts() == [("carrier_error_unknown", "carrier:sandbox-sms:77777")] and each.suspensions() == []
    each.react(UNHEARD_OF)
    assert each.suspensions() == [(each.lane.account.id, None)]


def test_a_campaign_whose_messages_are_refused_alike_is_paused(
    organisation: Organisation, session: SenderSession
) -> None:
    each = Reacting(organisation, session)
    each.react(ALIKE)
    each.react(ALIKE)
    paused = organisation.read(each.campaign)
    assert paused.state == "paused" and paused.problem is not None and paused.problem["reason"] == "refused_alike"
    assert each.suspensions() == []
    assert organisation.query("select reason, times from alert") == [("refused_alike", 1)]
