"""The sandbox's secrets, which everybody knows, prove nothing where a real account carries the channel."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, text

from nightmail.provisioning import Organisation, provision
from resources.carriers import CARRIERS
from sandbox.carriers import ACCOUNT_SID, AUTH_TOKEN
from tests.portal.test_replies_of_two_organisations import EVERYBODY, INBOUND, STATUS
from tests.support.running_portal import PortalStarter, RunningPortal, portals
from tests.support.two_organisations import BILLING, DEFAULT, GLOBEX, MARKETING, PERSON, SHARED, TwoOrganisations

REAL_SID, REAL_TOKEN = "AC" + "e" * 32, "e" * 32
KEYS = {"sandbox": ec.generate_private_key(ec.SECP256R1()), "real": ec.generate_private_key(ec.SECP256R1())}


def public(key: ec.EllipticCurvePrivateKey) -> str:
    encoded = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "".join(encoded.decode().splitlines()[1:-1])


def of_twilio(portal: RunningPortal, path: str, whose: str) -> httpx.Response:
    account, token = {"sandbox": (ACCOUNT_SID, AUTH_TOKEN), "real": (REAL_SID, REAL_TOKEN)}[whose]
    return portal.twilio(path, {"MessageSid": "SM1", "CallSid": "CA1"}, account=account, token=token)


def of_sendgrid(portal: RunningPortal, path: str, whose: str) -> httpx.Response:
    return portal.sendgrid(KEYS[whose], [], path=path)


SIGNED: dict[str, Callable[[RunningPortal, str, str], httpx.Response]] = {"twilio": of_twilio, "sendgrid": of_sendgrid}
"""How each carrier signs, by its name: one that is added needs its own here."""


@pytest.fixture
def start(database: Engine, tmp_path: Path) -> Iterator[PortalStarter]:
    with portals(lambda: database, tmp_path) as starter:
        yield starter


def accounts(carrier: str, whose: str) -> list[dict[str, object]]:
    described = CARRIERS[carrier]
    return [
        {
            "name": f"{whose}-{adapter.channel.name}",
            "adapter": described.adapter_name(adapter),
            "account": {"sandbox": ACCOUNT_SID, "real": REAL_SID}[whose],
            "secret": f"env:TEST_{whose.upper()}",
            "webhook_secret": f"env:TEST_{whose.upper()}",
            "sandbox": whose == "sandbox",
        }
        for adapter in described.adapters
    ]


@pytest.mark.parametrize(
    ("carrier", "path"), [(each.name, route.path) for each in CARRIERS.values() for route in each.webhooks]
)
def test_its_secret_ends_where_a_real_account_begins(
    database: Engine,
    start: PortalStarter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    carrier: str,
    path: str,
) -> None:
    """For every address that a carrier posts to: signed by the sandbox, it is read before and refused after."""
    monkeypatch.setenv("TEST_SANDBOX", AUTH_TOKEN if carrier == "twilio" else public(KEYS["sandbox"]))
    monkeypatch.setenv("TEST_REAL", REAL_TOKEN if carrier == "twilio" else public(KEYS["real"]))
    content = {"organisation": {"name": "Acme", "path": "acme"}, "carrier_accounts": accounts(carrier, "sandbox")}
    provision(database, Organisation.model_validate(content, context={"adapters": CARRIERS.adapters}), tmp_path, "t")
    before = start()
    assert SIGNED[carrier](before, path, "sandbox").status_code != 403
    assert SIGNED[carrier](before, path, "real").status_code == 403

    content["carrier_accounts"] = accounts(carrier, "real")
    provision(database, Organisation.model_validate(content, context={"adapters": CARRIERS.adapters}), tmp_path, "t")
    after = start()
    refused = SIGNED[carrier](after, path, "sandbox")
    assert (refused.status_code, refused.json()["reason"]) == (403, "webhook_forged")
    assert SIGNED[carrier](after, path, "real").status_code != 403


def test_a_carrier_that_posts_nothing_has_no_secret_to_prove(database: Engine) -> None:
    """So that the test above has every carrier: none is left out but those without an address to post to."""
    assert {each.name for each in CARRIERS.values() if each.webhooks} == set(SIGNED)


def test_the_sandbox_of_another_channel_moves_nothing_of_a_real_account(
    database: Engine, start: PortalStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls go to the sandbox, texts to two organisations' own accounts: its token signs texts and receipts in vain."""
    two = TwoOrganisations(database, monkeypatch)
    monkeypatch.setenv("TEST_SANDBOX", AUTH_TOKEN)
    with database.begin() as connection:
        connection.execute(
            text(
                "insert into carrier_account (name, carrier, channel, secret, settings) "
                "values ('sandbox-voice', 'twilio', 'voice', 'env:TEST_SANDBOX', cast(:settings as jsonb))"
            ),
            {"settings": json.dumps({"account": ACCOUNT_SID, "sandbox": True})},
        )
    portal = start()

    def post(path: str, form: dict[str, str], message_id: str | None = None) -> int:
        return portal.twilio(path, form, message_id, account=ACCOUNT_SID, token=AUTH_TOKEN).status_code

    messages = {team: two.sent(team) for team in EVERYBODY}
    sids = {row["carrier_message_id"] for row in two.rows("select carrier_message_id from message")}
    for message_id in messages.values():
        failed = {"MessageSid": two.sid(), "MessageStatus": "undelivered", "ErrorCode": "21610", "To": PERSON}
        assert post(STATUS, failed, message_id) == 204
    for sid in sids:
        assert post(STATUS, {"MessageSid": sid, "MessageStatus": "delivered", "To": PERSON}) == 204
    for number in (BILLING, MARKETING, SHARED, DEFAULT, GLOBEX):
        assert post(INBOUND, two.text_form("STOP", number)) == 200
    assert two.rows("select * from receipt") == []
    assert two.rows("select * from suppression") == []
    assert {row["delivery"] for row in two.rows("select delivery from message")} == {None}
    assert {row["team_id"] for row in two.rows("select team_id from reply")} <= {None}
    assert "webhook_of_another_account" in {row["reason"] for row in two.rows("select reason from alert")}


def test_what_a_retired_account_says_is_taken_for_thirty_days(
    database: Engine, start: PortalStarter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Receipts of what it took still come after it was retired, and STOPs to its numbers."""
    monkeypatch.setenv("TEST_REAL", REAL_TOKEN)
    content = {"organisation": {"name": "Acme", "path": "acme"}, "carrier_accounts": accounts("twilio", "real")}
    for named in (content, {**content, "carrier_accounts": []}):
        wanted = Organisation.model_validate(named, context={"adapters": CARRIERS.adapters})
        provision(database, wanted, tmp_path, "t", prune=True)
    assert of_twilio(start(), STATUS, "real").status_code != 403
    with database.begin() as connection:
        connection.execute(text("update carrier_account set retired_at = now() - interval '31 days'"))
    assert of_twilio(start(), STATUS, "real").status_code == 403
