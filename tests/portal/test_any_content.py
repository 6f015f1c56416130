"""Signed webhooks of any content whatever: what can be stored is, and the content never makes the portal fail."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nightmail.receipts.applied_receipts import event_hash
from tests.portal.conftest import Organisation, RunningPortal

KINDS = (
    "processed",
    "delivered",
    "bounce",
    "dropped",
    "open",
    "click",
    "spamreport",
    "unsubscribe",
    "group_unsubscribe",
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True)
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "a\x00b", 2**80, -1, "x" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
event_of_any_values = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("sg_event_id", "sg_message_id", "email", "timestamp", "message_id", "status", "reason", "type"), anything
    )
    | {"event": st.sampled_from(KINDS) | anything, "asm_group_id": anything, "sg_machine_open": anything},
)
nearly_right = st.builds(
    lambda base, name, value: {**base, name: value},
    st.builds(
        lambda kind, at: {"event": kind, "email": "b@example.com", "timestamp": at, "sg_event_id": "e"},
        st.sampled_from(KINDS),
        st.integers(),
    ),
    st.sampled_from(["event", "email", "timestamp", "sg_event_id", "sg_message_id", "message_id", "status", "reason"]),
    anything,
)
_numbers: Iterator[int] = iter(range(1, 10**9))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(anything | event_of_any_values | nearly_right, max_size=6), place=st.integers(0, 6))
@example(
    batch=[{"event": "bounce", "email": "a\x00", "timestamp": 1, "sg_event_id": "a\x00", "status": "\x00"}], place=1
)
@example(
    batch=[{"event": ["x"], "timestamp": 10**30}, {"event": "open", "timestamp": "1e9", "sg_event_id": {}}], place=0
)
@example(batch=[{"event": "click", "timestamp": 253402300799, "sg_event_id": "y"}], place=0)
@example(batch=[{"event": "click", "timestamp": -62135596800, "sg_event_id": "z"}], place=0)
def test_one_event_that_cannot_be_stored_harms_no_other(
    portal: RunningPortal,
    organisation: Organisation,
    sendgrid_key: ec.EllipticCurvePrivateKey,
    batch: list[Any],
    place: int,
) -> None:
    """A good event among any JSON is stored, and the batch is answered as taken."""
    name = f"good-{next(_numbers)}"
    good = {"event": "delivered", "email": "a@example.com", "timestamp": int(time.time()), "sg_event_id": name}
    answer = portal.sendgrid(sendgrid_key, [*batch[:place], good, *batch[place:]])
    assert answer.status_code == 204, answer.text
    stored = organisation.rows("select count(*) as n from receipt where event_key = :key", key=event_hash(name))
    assert stored == [{"n": 1}]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=anything.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60) | st.just(b"[" * 100_000))
def test_a_body_of_any_kind_is_no_fault_of_ours(
    portal: RunningPortal, sendgrid_key: ec.EllipticCurvePrivateKey, body: bytes
) -> None:
    assert portal.sendgrid_body(sendgrid_key, body).status_code < 500


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    fields=st.dictionaries(
        st.sampled_from(["headers", "from", "to", "text", "html", "envelope", "charsets", "attachment1", "subject"]),
        st.binary(max_size=40)
        | st.sampled_from(
            [
                b"Ann <a@x.example>",
                b'{"to": ["b@x.example"]}',
                b'{"text": "none"}',
                b"Auto-Submitted: =?x?q?y?=",
                b"<p>STOP",
            ]
        ),
    ),
    kind=st.sampled_from(["multipart/form-data; boundary=B", "multipart/form-data", "text/plain", "x;"]),
)
def test_an_email_of_any_form_is_no_fault_of_ours(
    portal: RunningPortal, sendgrid_key: ec.EllipticCurvePrivateKey, fields: dict[str, bytes], kind: str
) -> None:
    parts = [
        b"--B\r\nContent-Disposition: form-data; name=" + name.encode() + b"\r\n\r\n" + value + b"\r\n"
        for name, value in {"from": b"a@x.example", "to": b"b@x.example", **fields}.items()
    ]
    body, path = b"".join([*parts, b"--B--\r\n"]), "/webhooks/sendgrid/inbound"
    assert portal.sendgrid_body(sendgrid_key, body, path=path, content_type=kind).status_code < 500


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["message-status", "call-status", "inbound-sms", "keys"]),
    values=st.dictionaries(
        st.sampled_from(
            [
                "MessageSid",
                "MessageStatus",
                "ErrorCode",
                "CallSid",
                "CallStatus",
                "CallDuration",
                "Digits",
                "From",
                "To",
                "Body",
                "Timestamp",
                "NumMedia",
                "MediaUrl0",
                "OptOutType",
                "MessagingServiceSid",
            ]
        ),
        st.text(max_size=30)
        | st.sampled_from(["delivered", "completed", "9" * 30, "a\x00b", "1", "Mon, 99 Foo", "stop"]),
    ),
)
def test_a_form_of_any_values_is_no_fault_of_ours(portal: RunningPortal, path: str, values: dict[str, str]) -> None:
    values = {
        "CallSid": "CA1",
        "MessageSid": "SM1",
        "CallStatus": "completed",
        "MessageStatus": "delivered",
        **{name: value.encode(errors="replace").decode() for name, value in values.items()},
    }
    assert portal.twilio(f"/webhooks/twilio/{path}", values).status_code < 500


@pytest.mark.parametrize("kind", ["unsubscribe", "group_unsubscribe", "spamreport"])
@pytest.mark.parametrize("known", ["by message", "by address"])
def test_an_opt_out_without_ids_is_one_like_any_other(
    portal: RunningPortal,
    organisation: Organisation,
    sendgrid_key: ec.EllipticCurvePrivateKey,
    kind: str,
    known: str,
) -> None:
    """SendGrid's own pages send events without an event's or a message's id: they are taken once, and suppress."""
    message_id = organisation.message(organisation.campaign(), channel="email", address="a@example.com")
    at = int(datetime.now(UTC).timestamp())
    event: dict[str, Any] = {"event": kind, "email": "a@example.com", "timestamp": at}
    if known == "by message":
        event["message_id"] = message_id
    for _ in range(2):
        assert portal.sendgrid(sendgrid_key, [event, {"event": "delivered"}]).status_code == 204
    rows = organisation.rows("select t.path, s.reason from suppression s left join team t on t.id = s.team_id")
    reason = "complaint" if kind == "spamreport" else "opted_out"
    # Without a message it is for all that send over the account: here no team has a sender of its own.
    assert rows == [{"path": "acme.billing" if known == "by message" else "acme", "reason": reason}]
    assert len(organisation.rows("select event_key from receipt")) == 1
