"""What a recipient got or did not get, and why: over a campaign that the pipeline made."""

from __future__ import annotations

import datetime as dt

import pytest

from nightmail.access.permissions import Permission
from nightmail.access.principals import Held, Principal, system_principal
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.consent.addresses import read_address
from nightmail.consent.suppressing import lift_suppressions, suppress_by_hand
from nightmail.consent.suppressions import suppressions_of
from nightmail.errors import NightmailError, UsageError
from nightmail.recipients.asked import Asked
from nightmail.recipients.events import EventKind
from nightmail.recipients.history import History, Surroundings, history_of
from nightmail.recipients.lookup import Recipient, RecipientKind, readings_of
from nightmail.recipients.outcomes import Outcome
from nightmail.settings import settings
from resources.carriers import CARRIERS
from tests.support.pipeline_rig import PHONES, PipelineRig

ME = system_principal("tests")
FILE = f"""external_id,phone,first_name,amount
C0,{PHONES[0]},Ann,1.50
C1,{PHONES[1]},Ben,2.50
C2,{PHONES[2]},Cleo,not money
C1,{PHONES[1]},Ben,2.50
C4,12,Dan,4.50
"""


def _viewer(*permissions: Permission, team: str = "acme.billing") -> Principal:
    return Principal("person", 1, "viewer", (Held(1, "viewer", team, frozenset(permissions)),))


def _read(rig: PipelineRig, written: str, principal: Principal = ME, team: str | None = None) -> list[Recipient]:
    with rig.engine.begin() as connection:
        return readings_of(connection, principal, written, hash_key=settings().key(), default_country="GB", team=team)


def _history(rig: PipelineRig, recipient: Recipient, principal: Principal = ME, days: int | None = None) -> History:
    now = dt.datetime.now(dt.UTC)
    asked = Asked() if days is None else Asked(now - dt.timedelta(days=days), now + dt.timedelta(hours=1))
    around = Surroundings(settings().key(), CARRIERS.meaning_of, rig.lake, "GB")
    with rig.engine.begin() as connection:
        return history_of(connection, principal, recipient, asked, around)


def _kinds(history: History) -> list[EventKind]:
    return [event.kind for event in history.events]


def test_what_was_sent_to_somebody(rig: PipelineRig) -> None:
    """One campaign, since preparing one takes seconds; each function holds one matter."""
    campaign = rig.prepared(FILE, reject_limit=1.0)
    _found_in_any_spelling(rig)
    _says_how_a_hand_off_ended(rig, campaign)
    _says_who_lifted_a_suppression(rig)
    _masks_what_one_may_not_see(rig)


def _found_in_any_spelling(rig: PipelineRig) -> None:
    international = "+44" + PHONES[0][1:].replace(" ", "")
    (first,) = _read(rig, international)
    for written in (PHONES[0], international[1:], f"0044{international[3:]}", f"+44 (0) {PHONES[0][1:]}"):
        assert first.digest in {each.digest for each in _read(rig, written) if each.known}, written
    (contact,) = _read(rig, "C1")
    assert (contact.kind, contact.team, contact.known) == (RecipientKind.CONTACT, "acme.billing", True)
    for nobody in ("C9", "nobody at all"):
        with pytest.raises(UsageError, match="neither an address"):
            _read(rig, nobody)


def _says_how_a_hand_off_ended(rig: PipelineRig, campaign: CampaignRow) -> None:
    rig.change(
        "update message set state = 'handing_over', attempts = 1,"
        " carrier_account_id = (select id from carrier_account where name = 'sms') where line = 2"
    )
    rig.change(
        "update message set state = 'accepted', handed_off_at = planned_at + interval '1 second', delivery = 'undelivered',"
        " delivery_error = '30005', delivery_at = planned_at + interval '1 minute' where line = 2"
    )
    (recipient,) = _read(rig, PHONES[0])
    history = _history(rig, recipient)
    assert _kinds(history) == [EventKind.PLANNED, EventKind.HANDED_OFF, EventKind.RECEIPT]
    (outcome,) = history.outcomes
    assert (outcome.campaign, outcome.outcome) == (campaign.key, Outcome.NOT_DELIVERED)
    assert outcome.because is not None and outcome.because.facts["code"] == "30005"
    assert outcome.because.facts["meaning"], "the carrier's reason in words"
    assert history.files is None, "without days no contact file is read"


def test_rows_that_became_no_message_are_found_with_their_reason(rig: PipelineRig) -> None:
    with rig.engine.begin() as connection:
        address = read_address(PHONES[1], country="GB", hash_key=settings().key())
        suppress_by_hand(connection, [address], actor="user:ada", channel="sms")
    campaign = rig.prepared(FILE, reject_limit=1.0)
    (rejected,) = _read(rig, PHONES[2])
    assert not rejected.known
    history = _history(rig, rejected, days=1)
    (event,) = history.events
    assert (event.kind, event.facts["line"], event.campaign) == (EventKind.REJECTED, 4, campaign.key)
    assert history.outcomes[0].outcome is Outcome.NOT_SENT
    (held,) = _read(rig, PHONES[1])
    told = _history(rig, held, days=1)
    assert {EventKind.HELD, EventKind.REJECTED, EventKind.SUPPRESSED} == set(_kinds(told))
    (copy,) = [event for event in told.events if event.kind is EventKind.REJECTED]
    assert copy.facts["duplicate_of"] == 3
    assert told.outcomes[0].because is not None and told.outcomes[0].because.kind is EventKind.HELD
    rig.lake.table("contact_file", campaign.key).delete()
    assert _history(rig, held, days=1).files is not None
    assert _history(rig, held, days=1).files.gone == (campaign.key,)  # type: ignore[union-attr]


def _says_who_lifted_a_suppression(rig: PipelineRig) -> None:
    address = read_address(PHONES[0], country="GB", hash_key=settings().key())
    with rig.engine.begin() as connection:
        suppress_by_hand(connection, [address], actor="user:ada", channel="sms")
    with rig.engine.begin() as connection:
        lift_suppressions(connection, suppressions_of(connection, address.hash), actor="user:bo")
    (recipient,) = _read(rig, PHONES[0])
    events = {event.kind: event for event in _history(rig, recipient).events}
    assert events[EventKind.SUPPRESSED].facts["source"] == "user:ada"
    assert events[EventKind.SUPPRESSION_LIFTED].facts["by"] == "user:bo"


def _masks_what_one_may_not_see(rig: PipelineRig) -> None:
    (recipient,) = _read(rig, PHONES[0])
    seen = _history(rig, recipient).addresses[0].shown
    assert seen == "+44" + PHONES[0][1:].replace(" ", "")
    looks = rig.rows("select actor, object, detail from audit where action = 'personal.seen'")
    assert {row["actor"] for row in looks} == {ME.actor} and seen not in str(looks)
    viewer = _viewer(Permission.MESSAGE_SEE)
    assert _history(rig, recipient, viewer).addresses[0].shown.startswith("+44•")
    assert len(rig.rows("select id from audit where action = 'personal.seen'")) == len(looks), "a masked look is none"
    stranger = _viewer(Permission.MESSAGE_SEE, team="other")
    elsewhere = _history(rig, recipient, stranger)
    of_all = {EventKind.SUPPRESSED, EventKind.SUPPRESSION_LIFTED}
    assert set(_kinds(elsewhere)) == of_all, "what holds for all teams holds for that one"
    assert not elsewhere.addresses
    with pytest.raises(NightmailError, match=r"message\.see"):
        _history(rig, recipient, _viewer(Permission.CAMPAIGN_SEE))
