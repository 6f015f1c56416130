"""The contract: what the senders, the portal and the doubts rely on, asked of every carrier.

Each test runs for each adapter whose description says that it can do what is asked: :func:`asks` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest

from nightmail.carriers.descriptors import AdapterDescriptor, CarrierDescriptor, Support
from nightmail.carriers.error_tables import ErrorClass
from nightmail.carriers.protocol import (
    Carrier,
    CarrierSettings,
    HandOff,
    InDoubt,
    Outcome,
    OutgoingMessage,
    Pending,
    Receipt,
    ReceiptStatus,
    Verdict,
)
from nightmail.carriers.webhooks import WebhookContent, WebhookRequest, WebhookSecret
from nightmail.channels import EMAIL, SMS
from nightmail.errors import ConfigurationError
from resources.carriers import CARRIERS
from tests.carriers.contract_cases import CASES, Case
from tests.support.sandbox_process import Posted, RunningCarriers, WebhookReceiver, eventually
from tests.support.toy_carrier import toy_carrier

_lines = count(5000)


@dataclass
class Rig:
    """One carrier with its stand-in."""

    case: Case
    stand_in: Any
    made: list[Carrier]

    @property
    def carrier(self) -> CarrierDescriptor:
        found = CARRIERS.of_account(self.case.adapter)
        assert found is not None
        return found

    @property
    def adapter(self) -> AdapterDescriptor:
        return CARRIERS.adapters[self.case.adapter]

    def connect(self, **changes: Any) -> Carrier:
        # Our message id may travel in the callback's address: there is one, though nobody listens there as a rule.
        settings = {**self.case.settings(self.stand_in), "webhook_base_url": "http://127.0.0.1:9", **changes}
        self.made.append(CARRIERS.build(CarrierSettings(self.case.adapter, name="contract", **settings)))
        return self.made[-1]

    def message(self, address: str | None = None, **more: Any) -> OutgoingMessage:
        message_id = f"c00000000cc-{next(_lines)}-{self.case.channel}-0"
        if self.case.channel is EMAIL:
            more = {"subject": "Your invoice", **more}
        return OutgoingMessage(message_id, address or self.case.address, f"Invoice {message_id} is due.", **more)

    def fault(self, kind: str, **more: Any) -> None:
        self.stand_in.faults({"kind": kind, "on": self.case.faults_on, "count": 1, "seconds": 30, **more})

    def times_accepted(self, message: OutgoingMessage) -> int:
        return self.stand_in.accepted_ids().count(message.message_id)

    def supporting(self, what: Support) -> dict[str, Any]:
        """The settings with which the carrier does something that it can do."""
        assert what is not Support.NO, f"{self.carrier.label} cannot do this"
        return {"options": dict(self.case.options)} if what is Support.BY_OPTION else {}


def asks(suits: Callable[[Case], bool]) -> pytest.MarkDecorator:
    """Run a test for the cases that suit alone."""
    return pytest.mark.asks(suits)


def _adapter(case: Case) -> AdapterDescriptor:
    """The description of a case's adapter; the toy's is registered only while its tests run."""
    known = CARRIERS.adapters.get(case.adapter)
    return known if known is not None else toy_carrier(SMS).adapters[0]


asks_for_webhooks = asks(lambda case: _adapter(case).receipts_by_webhook is not Support.NO)
asks_for_records = asks(lambda case: _adapter(case).records is not Support.NO)
asks_for_polling = asks(lambda case: _adapter(case).receipts_by_polling is not Support.NO)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test for every case, or for those that :func:`asks` says."""
    own = {name for mark in metafunc.definition.iter_markers("parametrize") for name in mark.args[0]}
    if "rig" in metafunc.fixturenames and "rig" not in own:
        marker = metafunc.definition.get_closest_marker("asks")
        cases = [case for case in CASES if marker is None or marker.args[0](case)]
        metafunc.parametrize("rig", cases, indirect=True, ids=[case.adapter for case in cases])


@pytest.fixture
def rig(request: pytest.FixtureRequest, sandbox: RunningCarriers) -> Iterator[Rig]:
    case: Case = request.param
    with case.open_stand_in(sandbox) as stand_in:
        rig = Rig(case, stand_in, [])
        yield rig
        for carrier in rig.made:
            carrier.close()


@pytest.fixture
def receiver(rig: Rig) -> Iterator[WebhookReceiver]:
    """Stands for the portal: keeps what the carrier posts."""
    receiver = WebhookReceiver()
    if rig.case.take_webhooks_at is not None:
        rig.case.take_webhooks_at(rig.stand_in, receiver.base_url)
    yield receiver
    if rig.case.take_webhooks_at is not None:
        rig.case.take_webhooks_at(rig.stand_in, None)
    receiver.stop()


def test_every_adapter_has_a_case() -> None:
    """A new carrier is asked what all are asked."""
    assert set(CARRIERS.adapters) <= {case.adapter for case in CASES}


# --- The hand-off ---


def test_a_message_is_accepted_once_and_named(rig: Rig) -> None:
    message = rig.message()
    (done,) = rig.connect().hand_off([message])
    assert (done.message_id, done.outcome, done.error) == (message.message_id, Outcome.ACCEPTED, None)
    assert done.carrier_message_id
    assert rig.times_accepted(message) == 1


def test_a_refusal_is_classed_and_names_no_address(rig: Rig) -> None:
    message = rig.message(rig.case.refused_address)
    (done,) = rig.connect().hand_off([message])
    assert done.outcome is Outcome.REJECTED and done.error is not None
    assert done.error_class in (ErrorClass.PERMANENT_ADDRESS, ErrorClass.SUPPRESS, ErrorClass.PERMANENT_MESSAGE)
    assert (done.error_class is ErrorClass.SUPPRESS) == (done.error.suppress_as is not None)
    assert done.error_code and done.error.meaning and rig.case.refused_address not in done.error.meaning
    assert rig.times_accepted(message) == 0


def test_outcomes_come_in_order_and_one_bad_row_stops_no_other(rig: Rig) -> None:
    messages = [rig.message(), rig.message(rig.case.refused_address), rig.message(_other_than(rig.case.address))]
    outcomes = rig.connect().hand_off(messages)
    assert [done.message_id for done in outcomes] == [message.message_id for message in messages]
    assert [done.outcome for done in outcomes] == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
    assert [rig.times_accepted(message) for message in messages] == [1, 0, 1]


def test_a_message_without_a_sender_stops_and_alerts(rig: Rig) -> None:
    (done,) = rig.connect(sender=None).hand_off([rig.message()])
    assert done.outcome is Outcome.REJECTED and done.error_class is ErrorClass.STOP_AND_ALERT and done.alerts


def test_wrong_credentials_are_known_as_such(rig: Rig) -> None:
    message = rig.message()
    (done,) = rig.connect(secret="wrong").hand_off([message])
    assert done.outcome is Outcome.REJECTED and done.error is not None
    assert done.error_class is ErrorClass.STOP_AND_ALERT and done.error.credentials
    assert rig.times_accepted(message) == 0


def test_too_many_requests_are_tried_later_and_the_stated_wait_is_kept(rig: Rig) -> None:
    rig.fault("429", retry_after=7)
    message = rig.message()
    carrier = rig.connect()
    (done,) = carrier.hand_off([message])
    assert done.outcome is Outcome.RETRY_LATER and done.error is not None
    assert rig.times_accepted(message) == 0
    if rig.case.states_a_wait:
        assert done.error.throttles and done.retry_after_s == pytest.approx(7, abs=2)
    assert carrier.hand_off([message])[0].outcome is Outcome.ACCEPTED
    assert rig.times_accepted(message) == 1


def _doubts() -> list[Any]:
    return [pytest.param(case, kind, id=f"{case.adapter}-{kind}") for case in CASES for kind in case.in_doubt]


@pytest.mark.parametrize(("rig", "kind"), _doubts(), indirect=["rig"])
def test_what_was_written_and_has_no_usable_answer_is_in_doubt(rig: Rig, kind: str) -> None:
    """Never retried, whether the carrier has it or not; the next message goes through."""
    rig.fault(kind)
    message, following = rig.message(), rig.message()
    carrier = rig.connect(timeout_s=0.6)
    (done,) = carrier.hand_off([message])
    assert (done.outcome, done.error_class) == (Outcome.IN_DOUBT, ErrorClass.IN_DOUBT)
    assert done.error_code
    assert rig.times_accepted(message) == (1 if kind.endswith("_after") else 0)
    assert carrier.hand_off([following])[0].outcome is Outcome.ACCEPTED
    assert rig.times_accepted(following) == 1


def _certain() -> list[Any]:
    return [pytest.param(c, kind, id=f"{c.adapter}-{kind}") for c in CASES for kind in c.certainly_not_taken]


@pytest.mark.parametrize(("rig", "kind"), _certain(), indirect=["rig"])
def test_what_was_certainly_not_taken_is_tried_later(rig: Rig, kind: str) -> None:
    rig.fault(kind)
    message = rig.message()
    carrier = rig.connect(timeout_s=0.6)
    assert carrier.hand_off([message])[0].outcome is Outcome.RETRY_LATER
    assert carrier.hand_off([message])[0].outcome is Outcome.ACCEPTED
    assert rig.times_accepted(message) == 1


def test_a_carrier_that_cannot_be_reached_has_nothing(rig: Rig) -> None:
    (done,) = rig.connect(base_url=rig.case.unreachable).hand_off([rig.message()])
    assert (done.outcome, done.error_class) == (Outcome.RETRY_LATER, ErrorClass.RETRY_LATER)
    assert done.error is not None and not done.error.throttles


@asks(lambda case: case.drop is not None)
def test_a_connection_that_was_closed_while_idle_is_replaced_before_use(rig: Rig) -> None:
    """A request that is written into the void would be in doubt."""
    assert rig.case.drop is not None
    carrier = rig.connect()
    assert carrier.hand_off([rig.message()])[0].outcome is Outcome.ACCEPTED
    rig.case.drop(rig.stand_in)
    message = rig.message()
    assert carrier.hand_off([message])[0].outcome is Outcome.ACCEPTED
    assert rig.times_accepted(message) == 1


def test_messages_that_may_not_go_are_not_tried(rig: Rig) -> None:
    """A pause takes effect between two requests."""
    messages = [rig.message(), rig.message(_other_than(rig.case.address))]
    asked: list[str] = []

    def may_go(wanted: Sequence[OutgoingMessage]) -> Sequence[OutgoingMessage]:
        asked.extend(message.message_id for message in wanted)
        return [message for message in wanted if message is messages[1]]

    outcomes = rig.connect().hand_off(messages, may_go)
    assert [done.outcome for done in outcomes] == [Outcome.NOT_TRIED, Outcome.ACCEPTED]
    assert set(asked) == {message.message_id for message in messages}
    assert [rig.times_accepted(message) for message in messages] == [0, 1]
    assert [done.outcome for done in rig.connect().hand_off(messages, lambda _: ())] == [Outcome.NOT_TRIED] * 2
    assert [rig.times_accepted(message) for message in messages] == [0, 1]


# --- Webhooks ---


def _posted_of(rig: Rig, receiver: WebhookReceiver, done: HandOff) -> list[tuple[Posted, WebhookContent]]:
    """What the carrier has posted of a message, as its folder reads it."""
    routes = {route.path: route for route in rig.carrier.webhooks}
    found = []
    for posted in list(receiver.posted):
        content = routes[posted.path].read(_request(posted), [_right(rig)])
        if content is not None and any(receipt.message_id == done.message_id for receipt in content.receipts):
            found.append((posted, content))
    return found


def _request(posted: Posted, **changes: Any) -> WebhookRequest:
    headers = {name.lower(): value for name, value in posted.headers.items()}
    request = WebhookRequest(posted.url, urlsplit(posted.url).query, headers, posted.body)
    return replace(request, **changes)


def _right(rig: Rig) -> WebhookSecret:
    account = str(rig.case.settings(rig.stand_in).get("account", ""))
    return WebhookSecret(1, account, rig.case.secret(rig.stand_in))


def _ended(rig: Rig, receiver: WebhookReceiver) -> tuple[HandOff, list[tuple[Posted, WebhookContent]]]:
    """One message, handed off, and all that is posted of it until it has arrived."""
    rig.supporting(rig.adapter.receipts_by_webhook)
    (done,) = rig.connect(webhook_base_url=receiver.base_url).hand_off([rig.message()])
    assert done.outcome is Outcome.ACCEPTED
    reached = (ReceiptStatus.DELIVERED, ReceiptStatus.ANSWERED)

    def told() -> list[tuple[Posted, WebhookContent]]:
        found = _posted_of(rig, receiver, done)
        return found if any(receipt.status in reached for receipt in _receipts(found, done)) else []

    found: list[tuple[Posted, WebhookContent]] = eventually(told)
    return done, found


def _receipts(found: Sequence[tuple[Posted, WebhookContent]], done: HandOff) -> list[Receipt]:
    return [receipt for _, content in found for receipt in content.receipts if receipt.message_id == done.message_id]


@asks_for_webhooks
def test_receipts_name_our_message_and_the_carriers(rig: Rig, receiver: WebhookReceiver) -> None:
    """So that each finds its message though the answer to the hand-off was lost."""
    done, found = _ended(rig, receiver)
    receipts = _receipts(found, done)
    assert {receipt.carrier_message_id for receipt in receipts} == {done.carrier_message_id}
    assert {receipt.channel for receipt in receipts} == {rig.case.channel.name}
    assert {receipt.carrier for receipt in receipts} == {rig.carrier.name}
    assert all(rig.case.address not in repr(receipt) for receipt in receipts)


@asks_for_webhooks
def test_a_repeated_event_has_the_same_key_and_two_events_have_two(rig: Rig, receiver: WebhookReceiver) -> None:
    done, found = _ended(rig, receiver)
    keys = [receipt.event_key for receipt in _receipts(found, done)]
    assert len(keys) == len(set(keys))
    again = _posted_of(rig, receiver, done)
    assert [receipt.event_key for receipt in _receipts(again, done)][: len(keys)] == keys


@asks_for_webhooks
@pytest.mark.parametrize("change", ["secret", "no secret", "signature", "missing", "body"])
def test_a_forged_webhook_is_refused(rig: Rig, receiver: WebhookReceiver, change: str) -> None:
    """Another account's signature, a wrong one, none, and a body that was changed on its way."""
    _, found = _ended(rig, receiver)
    posted, _ = found[-1]
    route = next(route for route in rig.carrier.webhooks if route.path == posted.path)
    request, secrets = _request(posted), [_right(rig)]
    other = WebhookSecret(2, "another", rig.case.other_secret())
    signed = [name for name in request.headers if name.endswith("-signature")]
    assert signed
    if change == "secret":
        secrets = [other]
    elif change == "no secret":
        secrets = []
    elif change == "signature":
        request = replace(request, headers={**request.headers, signed[0]: "AAAA"})
    elif change == "missing":
        request = replace(request, headers={k: v for k, v in request.headers.items() if k not in signed})
    else:
        request = replace(request, body=request.body.replace(b"elivered", b"ailed").replace(b"nswered", b"ailed"))
        assert request.body != posted.body
    assert route.read(request, secrets) is None


@asks_for_webhooks
def test_a_webhook_proves_what_its_own_account_took_and_no_other(rig: Rig, receiver: WebhookReceiver) -> None:
    """Accounts that share a secret, such as one for texts and one for calls, are proved together."""
    _, found = _ended(rig, receiver)
    posted, _ = found[-1]
    route = next(route for route in rig.carrier.webhooks if route.path == posted.path)
    right, other = _right(rig), WebhookSecret(2, "another", rig.case.other_secret())
    for secrets, proved in (([other, right], {1}), ([right, other, replace(right, account_id=3)], {1, 3})):
        content = route.read(_request(posted), secrets)
        assert content is not None and content.accounts == proved


@asks_for_webhooks
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{}", b"[]", b"<html></html>", b"a=1&a=2"])
def test_what_is_no_webhook_of_the_carriers_is_refused(rig: Rig, body: bytes) -> None:
    """As not signed or as malformed, never as a fault of ours."""
    rig.supporting(rig.adapter.receipts_by_webhook)
    for route in rig.carrier.webhooks:
        request = WebhookRequest(f"https://n.example{route.path}", "", {}, body)
        try:
            assert route.read(request, [_right(rig)]) is None
        except ValueError:
            continue


# --- Records ---


@asks_for_records
def test_a_message_in_doubt_is_found_in_the_records(rig: Rig) -> None:
    settings = rig.supporting(rig.adapter.records)
    carrier = rig.connect(timeout_s=0.6, **settings)
    rig.fault("reset_after")
    taken, lost = rig.message(), rig.message(_other_than(rig.case.address))
    (done,) = carrier.hand_off([taken])
    rig.fault("reset_before")
    (never,) = carrier.hand_off([lost])
    assert (done.outcome, never.outcome) == (Outcome.IN_DOUBT, Outcome.IN_DOUBT)
    since = datetime.now(UTC) - timedelta(seconds=5)
    # The ledger knows what it came from, even where the message left that to the account.
    taken, lost = (replace(each, sender=rig.case.settings(rig.stand_in).get("sender")) for each in (taken, lost))
    findings = carrier.find([InDoubt(taken, since), InDoubt(lost, since)], lambda ids: set())
    assert [finding.message_id for finding in findings] == [taken.message_id, lost.message_id]
    assert [finding.verdict for finding in findings] == [Verdict.TAKEN, Verdict.ABSENT]
    assert findings[0].carrier_message_id


@asks_for_records
def test_records_that_cannot_be_read_prove_nothing(rig: Rig) -> None:
    settings = rig.supporting(rig.adapter.records)
    carrier = rig.connect(timeout_s=0.6, **settings)
    rig.stand_in.faults({"kind": "500_before", "on": "lists"})
    (finding,) = carrier.find([InDoubt(rig.message(), datetime.now(UTC))], lambda ids: set())
    assert finding.verdict is Verdict.UNKNOWN and finding.detail


@asks(lambda case: _adapter(case).records is not Support.YES)
def test_a_carrier_without_records_says_so(rig: Rig) -> None:
    messages = [rig.message(), rig.message()]
    findings = rig.connect().find([InDoubt(each, datetime.now(UTC)) for each in messages], lambda ids: set())
    assert [finding.verdict for finding in findings] == [Verdict.UNKNOWN] * 2


@asks_for_polling
def test_receipts_are_polled_where_no_webhook_reaches_us(rig: Rig) -> None:
    settings = rig.supporting(rig.adapter.receipts_by_polling)
    carrier = rig.connect(**settings)
    message = rig.message()
    (done,) = carrier.hand_off([message])
    assert done.carrier_message_id is not None
    pending = Pending(message.message_id, done.carrier_message_id, datetime.now(UTC) - timedelta(seconds=5))

    def arrived() -> list[Receipt]:
        receipts = carrier.poll([pending])
        return [r for r in receipts if r.status in (ReceiptStatus.DELIVERED, ReceiptStatus.ANSWERED)]

    (receipt,) = eventually(arrived)
    assert (receipt.message_id, receipt.carrier_message_id) == (message.message_id, done.carrier_message_id)
    assert receipt.event_key == arrived()[0].event_key


def test_what_a_carrier_cannot_tell_by_polling_is_empty(rig: Rig) -> None:
    carrier = rig.connect()
    pending = Pending("c00000000cc-1-sms-0", "none", datetime.now(UTC))
    if rig.adapter.receipts_by_polling is not Support.YES:
        assert carrier.poll([pending]) == []
    if rig.adapter.replies_by_polling is Support.NO:
        assert carrier.poll_replies(datetime.now(UTC) - timedelta(hours=1)) == []


# --- The account ---


def test_the_check_asks_and_sends_nothing(rig: Rig) -> None:
    before = len(rig.stand_in.accepted_ids())
    assert rig.connect().check().well
    assert len(rig.stand_in.accepted_ids()) == before


@pytest.mark.parametrize("wrong", ["secret", "address"])
def test_the_check_says_what_is_wrong_and_what_to_do(rig: Rig, wrong: str) -> None:
    changes = {"secret": "wrong-secret"} if wrong == "secret" else {"base_url": rig.case.unreachable}
    checked = rig.connect(**changes).check()
    assert not checked.well
    assert checked.message.endswith(".") and checked.remedy.endswith(".") and "wrong-secret" not in checked.message


def test_an_address_of_the_wrong_form_is_refused_with_its_remedy(rig: Rig) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rig.connect(base_url="gopher://carrier.example")
    assert caught.value.reason == "carrier_address" and "gopher://carrier.example" in caught.value.message
    assert caught.value.remedy


def test_a_closed_carrier_connects_again(rig: Rig) -> None:
    """Connections end; closing twice harms nothing."""
    carrier = rig.connect()
    assert carrier.hand_off([rig.message()])[0].outcome is Outcome.ACCEPTED
    carrier.close()
    carrier.close()
    assert carrier.hand_off([rig.message()])[0].outcome is Outcome.ACCEPTED


def test_the_description_fits_the_adapter(rig: Rig) -> None:
    carrier = rig.connect()
    assert isinstance(carrier, Carrier) and carrier.name == "contract"
    assert (carrier.channel, carrier.maximum_batch) == (rig.adapter.channel.name, rig.adapter.maximum_batch)
    if rig.adapter.receipts_by_webhook is Support.NO:
        assert not rig.carrier.webhooks
    else:
        assert rig.carrier.webhooks
        assert rig.carrier.signs_with_secret or "webhook_secret" in rig.carrier.settings


def _other_than(address: str) -> str:
    """An address that no other message went to: a second one to an address may need a request of its own."""
    number = next(_lines)
    return f"contract{number}@mail.example" if "@" in address else f"{address[:-4]}{number}"
