"""Receipts and replies: once each, in any order, acted upon; unknown ones kept."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.carriers.error_tables import ErrorClass, SuppressionReason, error_entry
from nightmail.carriers.protocol import STATUS_RANK, Receipt, ReceiptStatus, Reply, ReplyKind
from nightmail.consent.opt_out_words import LANGUAGES, Word, probably_opts_out, word_in
from nightmail.organisation.served_countries import SERVED_COUNTRIES
from nightmail.privacy import address_hash
from nightmail.receipts.incoming_receipts import take_receipts
from nightmail.receipts.replies import take_replies
from nightmail.sending.advance import advance_ledger
from tests.support.sending_rig import KEY, Organisation

_events = itertools.count(1)


def receipt(message_id: str | None, status: ReceiptStatus, **more: object) -> Receipt:
    values: dict[str, object] = {"event_key": f"event-{next(_events)}", "message_id": message_id, **more}
    return Receipt("twilio", "sms", status=status, **values)  # type: ignore[arg-type]


def reply(text: str, sender: str, **more: object) -> Reply:
    values: dict[str, object] = {"event_key": f"reply-{next(_events)}", **more}
    return Reply("twilio", "sms", kind=ReplyKind.TEXT, text=text, sender=sender, recipient="+15005550006", **values)  # type: ignore[arg-type]


def sent(organisation: Organisation, *numbers: str, **more: object) -> CampaignRow:
    campaign = organisation.campaign(list(numbers), **more)  # type: ignore[arg-type]
    organisation.drain()
    return campaign


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    statuses=st.lists(
        st.sampled_from([s for s in ReceiptStatus if s not in (ReceiptStatus.SPAM_REPORT, ReceiptStatus.UNSUBSCRIBED)]),
        min_size=1,
        max_size=6,
    ),
    data=st.data(),
)
def test_the_order_and_number_of_receipts_do_not_matter(
    organisation: Organisation, statuses: list[ReceiptStatus], data: st.DataObject
) -> None:
    """Any order, any repetition, any batches: the message's status is the one of the highest rank."""
    campaign = organisation.campaign(["+447700900001"])
    message_id = organisation.messages(campaign)[0]["message_id"]
    told = [receipt(message_id, status) for status in statuses]
    repeated = data.draw(st.permutations(told + told))
    cut = data.draw(st.integers(0, len(repeated)))
    for part in (repeated[:cut], repeated[cut:]):
        take_receipts(organisation.engine, part, hash_key=KEY)
    row = organisation.messages(campaign)[0]
    assert STATUS_RANK[ReceiptStatus(row["delivery"])] == max(STATUS_RANK[s] for s in statuses)
    assert bool(row["opened_at"]) == bool({ReceiptStatus.OPENED, ReceiptStatus.CLICKED} & set(statuses))
    stored = organisation.query("select count(*) from receipt where campaign_id = :c", c=campaign.id)
    assert stored[0][0] == len(told)


def test_a_receipt_by_the_carriers_id_finds_its_message(organisation: Organisation) -> None:
    """Without our id in it, the carrier's own names the message; an unknown one is stored unattached."""
    campaign = sent(organisation, "+447700900001")
    row = organisation.messages(campaign)[0]
    taken = take_receipts(
        organisation.engine,
        [
            receipt(None, ReceiptStatus.DELIVERED, carrier_message_id=row["carrier_message_id"]),
            receipt("c0000000001-2-sms-0", ReceiptStatus.DELIVERED),
            receipt("nonsense", ReceiptStatus.DELIVERED),
            receipt(None, ReceiptStatus.DELIVERED),
        ],
        hash_key=KEY,
    )
    assert (taken.taken, taken.unattached) == (4, 3)
    assert organisation.messages(campaign)[0]["delivery"] == "delivered"
    assert organisation.query("select count(*) from receipt where message_key is null")[0][0] == 3


def test_a_carriers_id_that_many_emails_share_names_none_of_them(organisation: Organisation) -> None:
    """An event with the id of a request alone does not become the news of one of its recipients."""
    campaign = sent(organisation, "+447700900001", "+447700900002", channels=("email",))
    first, second = organisation.messages(campaign)
    assert first["carrier_message_id"] == second["carrier_message_id"] is not None
    event = receipt(None, ReceiptStatus.BOUNCED, carrier_message_id=first["carrier_message_id"])
    taken = take_receipts(organisation.engine, [event], hash_key=KEY)
    assert (taken.taken, taken.unattached, taken.suppressed) == (1, 1, 0)
    assert [row["delivery"] for row in organisation.messages(campaign)] == [None, None]


@pytest.mark.parametrize(
    ("status", "error_class", "reason"),
    [
        (ReceiptStatus.UNDELIVERED, ErrorClass.SUPPRESS, "hard_bounce"),
        (ReceiptStatus.UNDELIVERED, ErrorClass.PERMANENT_ADDRESS, None),
        (ReceiptStatus.BOUNCED, ErrorClass.SUPPRESS, "hard_bounce"),
        (ReceiptStatus.SPAM_REPORT, None, "complaint"),
        (ReceiptStatus.UNSUBSCRIBED, None, "opted_out"),
        (ReceiptStatus.DELIVERED, None, None),
    ],
)
def test_bad_news_suppress_by_their_class(
    organisation: Organisation, status: ReceiptStatus, error_class: ErrorClass | None, reason: str | None
) -> None:
    """Only what the error table calls for suppresses, for the campaign's team, once."""
    campaign = organisation.campaign(["+447700900001"])
    message_id = organisation.messages(campaign)[0]["message_id"]
    for _ in range(2):
        error = None if error_class is None else error_entry("30005", error_class)
        take_receipts(organisation.engine, [receipt(message_id, status, error=error)], hash_key=KEY)
    found = organisation.query("select reason, team_id, address_hash from suppression")
    expected = [(reason, organisation.team_id, address_hash("+447700900001", KEY))] if reason else []
    assert [tuple(row) for row in found] == expected


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (None, "hard_bounce"),
        (SuppressionReason.HARD_BOUNCE, "hard_bounce"),
        (SuppressionReason.OPTED_OUT, "opted_out"),
        (SuppressionReason.COMPLAINT, "complaint"),
    ],
)
def test_what_the_recipient_asked_for_is_kept_as_such(
    organisation: Organisation, reason: SuppressionReason | None, kept: str
) -> None:
    campaign = organisation.campaign(["+447700900001"])
    message_id = organisation.messages(campaign)[0]["message_id"]
    error = error_entry("dropped", ErrorClass.SUPPRESS, suppress_as=reason)
    told = receipt(message_id, ReceiptStatus.DROPPED, error=error)
    take_receipts(organisation.engine, [told], hash_key=KEY)
    assert [row[0] for row in organisation.query("select reason from suppression")] == [kept]


def test_a_code_that_is_in_no_table_alerts_once_a_batch(organisation: Organisation) -> None:
    """A new code may be on every receipt of a campaign; whoever has to look it up is told, and nobody is suppressed."""
    campaign = organisation.campaign(["+447700900001", "+447700900002"])
    unknown = {"error": error_entry("39999", ErrorClass.UNKNOWN)}
    told = [receipt(row["message_id"], ReceiptStatus.FAILED, **unknown) for row in organisation.messages(campaign)]
    for _ in range(2):
        take_receipts(organisation.engine, told, hash_key=KEY)
    alerts = organisation.query("select reason, subject, times from alert")
    assert [tuple(row) for row in alerts] == [("carrier_error_unknown", "receipt:twilio:39999", 1)]
    assert organisation.query("select count(*) from suppression")[0][0] == 0


def test_a_receipt_settles_a_message_in_doubt_and_keeps_a_queued_one_from_going_again(
    organisation: Organisation,
) -> None:
    """The carrier speaks of it, so the carrier has it."""
    campaign = organisation.campaign(["+447700900001", "+447700900002"])
    first, second = organisation.messages(campaign)
    organisation.execute(
        "update message set state = 'handing_over', attempts = 1 where campaign_id = :c", c=campaign.id
    )
    organisation.execute("update message set state = 'in_doubt' where message_key = :k", k=first["message_key"])
    organisation.execute("update message set state = 'queued' where message_key = :k", k=second["message_key"])
    take_receipts(
        organisation.engine,
        [receipt(row["message_id"], ReceiptStatus.SENT) for row in (first, second)],
        hash_key=KEY,
    )
    assert organisation.states(campaign) == {"accepted": 2}


def test_escalation_goes_on_without_delivery_and_stops_with_it(organisation: Organisation) -> None:
    """Undelivered: the call goes at once. Delivered: it is not needed. Silence: it goes when the time is up."""
    campaign = organisation.campaign(
        ["+447700900001", "+447700900002", "+447700900003"],
        ("sms", "voice"),
        settings={"delivery": "escalation", "escalate_after_s": 900},
    )
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 3, "standby": 3}
    rows = [row for row in organisation.messages(campaign) if row["channel"] == "sms"]
    take_receipts(
        organisation.engine,
        [
            receipt(rows[0]["message_id"], ReceiptStatus.UNDELIVERED),
            receipt(rows[1]["message_id"], ReceiptStatus.DELIVERED),
        ],
        hash_key=KEY,
    )
    advance_ledger(organisation.engine)
    calls = [row for row in organisation.messages(campaign) if row["channel"] == "voice"]
    assert [(row["state"], row["reason"]) for row in calls] == [
        ("queued", None),
        ("not_needed", "earlier_channel_delivered"),
        ("standby", None),
    ]
    due_in = calls[2]["due_at"] - dt.datetime.now(dt.UTC)
    assert dt.timedelta(seconds=850) < due_in <= dt.timedelta(seconds=900)
    organisation.execute(
        "update message set handed_off_at = handed_off_at - interval '1 hour' where message_key = :k",
        k=rows[2]["message_key"],
    )
    organisation.execute("update message set due_at = now() where message_key = :k", k=calls[2]["message_key"])
    organisation.drain()
    assert organisation.states(campaign) == {"accepted": 5, "not_needed": 1}
    assert organisation.read(campaign).state == "finished"


def test_a_refused_first_channel_hands_over_to_the_next(organisation: Organisation) -> None:
    """The carrier refuses the number: the standby email goes in the same drain or the next."""
    campaign = organisation.campaign(["+447700907001"], ("sms", "email"), settings={"keep_fallbacks": True})
    organisation.drain()
    organisation.drain()
    assert [(row["channel"], row["state"]) for row in organisation.messages(campaign)] == [
        ("sms", "failed"),
        ("email", "accepted"),
    ]


def test_a_stop_is_honoured_by_the_next_hand_off_and_a_start_lifts_it(organisation: Organisation) -> None:
    """STOP after rendering: the next campaign's message is held. START: it goes again. A bounce stays."""
    number = "+447700900001"
    first = sent(organisation, number)
    waiting = organisation.campaign([number])
    taken = take_replies(organisation.engine, [reply("  Stop! ", number)], hash_key=KEY)
    assert taken.opted_out == 1
    organisation.drain()
    assert [(r["state"], r["reason"]) for r in organisation.messages(waiting)] == [("held", "opted_out")]
    stored = organisation.query("select kind, campaign_id, team_id from reply")
    assert [tuple(row) for row in stored] == [("stop", first.id, organisation.team_id)]
    assert organisation.messages(first)[0]["replied_at"] is not None
    assert take_replies(organisation.engine, [reply("start", number)], hash_key=KEY).opted_in == 1
    again = sent(organisation, number)
    assert organisation.states(again) == {"accepted": 1}


def test_a_reply_is_stored_once_and_tied_to_the_latest_message(organisation: Organisation) -> None:
    """Two campaigns to one number: the reply belongs to the later one; the same event again changes nothing."""
    number = "+447700900001"
    sent(organisation, number)
    later = sent(organisation, number)
    told = reply("Thank you, I will pay on Friday.", number)
    assert take_replies(organisation.engine, [told], hash_key=KEY).taken == 1
    assert take_replies(organisation.engine, [told], hash_key=KEY).repeated == 1
    stored = organisation.query("select kind, campaign_id, text from reply")
    assert [tuple(row) for row in stored] == [("text", later.id, told.text)]
    assert organisation.query("select count(*) from suppression")[0][0] == 0


def test_a_reply_of_a_stranger_is_kept(organisation: Organisation) -> None:
    """Nobody wrote to this number: the reply is stored without a message, and its STOP is for those whose number it is."""
    take_replies(organisation.engine, [reply("STOP", "+447700900999")], hash_key=KEY)
    assert tuple(organisation.query("select message_key, kind from reply")[0]) == (None, "stop")
    found = organisation.query("select team_id, reason from suppression")
    assert [tuple(row) for row in found] == [(organisation.parent_id, "opted_out")]


@pytest.mark.parametrize(
    ("text", "language", "word"),
    [
        ("STOP", "en", Word.STOP),
        ("stop.", "xx", Word.STOP),
        (" Stopp!! ", "de", Word.STOP),
        ("Arrêt", "fr-CH", Word.STOP),
        ("ARRETER", "fr", Word.STOP),
        ("Arrêt", "en", None),
        ("ＳＴＯＰ", None, Word.STOP),
        ("停止", "ja", Word.STOP),
        ("הסר", "iw", Word.STOP),
        ("إيقاف", "ar", Word.STOP),
        ("ΣΤΟΠ", "el", Word.STOP),
        ("STOP STOP", "pl", Word.STOP),
        ("stop all stop all", "en", Word.STOP),
        ("Cancel", "de", Word.STOP),
        ("Fine", "en", None),
        ("Fine", None, None),
        ("Fine", "it", Word.STOP),
        ("please do not stop", "en", None),
        ("stop by at noon", "en", None),
        ("YES", "en", None),
        ("start", "no", Word.START),
        ("Hilfe?", "de-AT", Word.HELP),
        ("Hilfe?", "en", None),
        ("", "en", None),
        ("👍", "en", None),
    ],
)
def test_words_are_whole_replies_in_the_language_of_the_message(
    text: str, language: str | None, word: Word | None
) -> None:
    """Case, accents, width, repetition and punctuation aside; never a word within a sentence, nor of another language."""
    assert word_in(text, language) is word


@pytest.mark.parametrize(
    ("text", "language", "probable"),
    [
        ("please stop texting me", "en", True),
        ("Arrêtez", "fr", True),
        ("arrêtez de m'écrire", "en", True),
        ("stop please", "de", True),
        ("別再發了", "zh-TW", True),
        ("Bitte keine SMS mehr", "de", True),
        ("I don't want this. Remove me.", "en", True),
        ("Fine", "en", False),
        ("fin", "sv", False),
        ("We missed our bus stop", "en", False),
        ("I will stop by at noon", "en", False),
        ("Can I cancel my appointment?", "en", False),
        ("At the end of the month", "en", False),
        ("Ok, thanks", "fr", False),
        ("", None, False),
    ],
)
def test_politer_and_longer_forms_are_probable(text: str, language: str | None, probable: bool) -> None:
    """In the message's language or the person's own; words that also mean something else count for nothing there."""
    assert probably_opts_out(text, language) is probable


def test_every_served_country_has_a_language_with_words_of_its_own() -> None:
    """The languages of the served countries, by country; a country that is added needs its words."""
    languages = {
        "ZA": "af", "DE": "de", "SA": "ar", "AT": "de", "BE": "nl", "BG": "bg", "CY": "el", "HR": "hr", "DK": "da",
        "EG": "ar", "AE": "ar", "ES": "es", "EE": "et", "FI": "fi", "FR": "fr", "GE": "ka", "GR": "el", "HU": "hu",
        "IE": "ga", "IS": "is", "IL": "he", "IT": "it", "LV": "lv", "LI": "de", "LT": "lt", "LU": "fr", "MT": "mt",
        "NO": "nb", "NL": "nl", "PL": "pl", "PT": "pt", "QA": "ar", "CZ": "cs", "RO": "ro", "GB": "en", "SK": "sk",
        "SI": "sl", "SE": "sv", "CH": "de", "AR": "es", "AW": "pap", "BS": "en", "BZ": "en", "BM": "en", "CA": "fr",
        "KY": "en", "CO": "es", "CW": "pap", "DO": "es", "JM": "en", "PR": "es", "TT": "en", "US": "en", "AU": "en",
        "HK": "zh", "JP": "ja", "NZ": "mi", "TW": "zh",
    }  # fmt: skip
    assert set(languages) == set(SERVED_COUNTRIES)
    assert set(languages.values()) <= LANGUAGES
