"""API keys: never more than their maker holds, from where they may come, rotated side by side, revoked at once."""

from __future__ import annotations

import datetime as dt
from ipaddress import IPv6Address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import text

from nightmail.access.api_keys import KeyRefusedError, verify_key
from nightmail.access.key_changes import change_key, find_key, list_keys, new_key, revoke_key, rotate_key
from nightmail.access.networks import checked_networks, is_within
from nightmail.access.permissions import Permission
from nightmail.access.principals import Held, Principal
from nightmail.errors import NightmailError, UsageError
from tests.access.conftest import ROOT, Rights


def _reason(call: object) -> str:
    assert callable(call)
    with pytest.raises(NightmailError) as caught:
        call()
    return caught.value.reason


def test_a_key_gets_no_more_than_its_maker_holds(rights: Rights) -> None:
    """A person and a program alike; a key that may make keys makes none that may more, and none above its team."""
    connection = rights.connection
    ada = rights.person("Ada", "team_administrator@acme.billing")

    def make(by: Principal, team: str, *permissions: str, name: str = "crm") -> str:
        return new_key(connection, by=by, team=team, name=name, permissions=permissions)[1]

    secret = make(ada, "acme.billing", "key.edit", "key.see", "file.upload")
    program = verify_key(connection, secret).principal
    assert program.actor == f"key:{program.id}"
    child = verify_key(connection, make(program, "acme.billing.north", "file.upload", name="child"))
    assert (child.team_path, child.permissions) == ("acme.billing.north", {Permission.FILE_UPLOAD})
    assert _reason(lambda: make(program, "acme.billing", "report.see", name="more")) == "grant_exceeds_yours"
    assert _reason(lambda: make(program, "acme", "file.upload", name="up")) == "not_permitted"
    assert _reason(lambda: make(ada, "acme.billing", "carrier.edit", name="more")) == "grant_exceeds_yours"
    assert _reason(lambda: make(child.principal, "acme.billing.north", "file.upload", name="x")) == "not_permitted"
    assert _reason(lambda: make(ada, "acme.billing", "file.upload")) == "key_exists"
    assert _reason(lambda: make(ada, "acme.billing", "file.upload", name="a/b")) == "key_name"
    assert [key.name for key in list_keys(connection, ada)] == ["child", "crm"]
    assert list_keys(connection, rights.person("Vic", "viewer@acme")) == []
    assert f"{program.actor} key.made key:{child.key_id}" in rights.audit()


def test_rotation_keeps_both_for_a_while(rights: Rights) -> None:
    connection = rights.connection
    in_a_month = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    key, first = new_key(
        connection,
        by=ROOT,
        team="acme",
        name="crm",
        permissions=["file.upload"],
        expires_at=in_a_month,
        allowed_networks=["10.0.0.0/8"],
    )
    made, second = rotate_key(connection, key, by=ROOT, overlap=dt.timedelta(hours=1))
    assert (made.name, made.permissions, made.allowed_networks) == ("crm", key.permissions, ("10.0.0.0/8",))
    assert made.expires_at is not None and abs(made.expires_at - in_a_month) < dt.timedelta(minutes=5)
    assert verify_key(connection, first, "10.1.2.3").key_id == key.id
    assert verify_key(connection, second, "10.1.2.3").key_id == made.id
    old = find_key(connection, str(key.id), by=ROOT)
    assert (old.state, old.replaced_by) == ("replaced", made.prefix)
    assert _reason(lambda: rotate_key(connection, old, by=ROOT)) == "key_state"
    assert find_key(connection, "acme/crm", by=ROOT).id == made.id
    connection.execute(text("update api_key set expires_at = now() where id = :id"), {"id": key.id})
    assert _reason(lambda: verify_key(connection, first, "10.1.2.3")) == "key_expired"
    third, _ = rotate_key(connection, made, by=ROOT, overlap=dt.timedelta(0))
    assert _reason(lambda: verify_key(connection, second, "10.1.2.3")) == "key_expired"
    assert [key.id for key in list_keys(connection, ROOT)] == [third.id]
    assert len(list_keys(connection, ROOT, over=True)) == 3


def test_who_rotates_a_key_comes_to_know_it_and_so_must_hold_what_it_does(rights: Rights) -> None:
    connection = rights.connection
    key, _ = new_key(connection, by=ROOT, team="acme", name="crm", permissions=["carrier.edit"])
    ada = rights.person("Ada", "team_administrator@acme")
    assert _reason(lambda: rotate_key(connection, key, by=ada)) == "grant_exceeds_yours"
    assert revoke_key(connection, key, by=ada).state == "revoked"


def test_a_key_is_taken_from_its_networks_alone(rights: Rights) -> None:
    connection = rights.connection
    key, secret = new_key(
        connection,
        by=ROOT,
        team="acme",
        name="crm",
        permissions=["file.upload"],
        allowed_networks=["2001:db8::/32", "10.1.0.0/16"],
    )
    for address in ("10.1.255.1", "::ffff:10.1.2.3", "2001:db8::7"):
        assert verify_key(connection, secret, address).key_id == key.id
    for other in ("10.2.0.1", "2001:db9::1", "", None, "not an address"):
        with pytest.raises(KeyRefusedError) as caught:
            verify_key(connection, secret, other)
        assert caught.value.reason == "key_network"
    changed = change_key(
        connection, key, by=ROOT, permissions=key.permissions, expires_at=None, allowed_networks=["127.0.0.1"]
    )
    assert changed.allowed_networks == ("127.0.0.1/32",)
    assert _reason(lambda: verify_key(connection, secret, "10.1.2.3")) == "key_network"


def test_a_revoked_key_is_refused_and_another_teams_does_not_exist(rights: Rights) -> None:
    connection = rights.connection
    key, secret = new_key(connection, by=ROOT, team="brick", name="crm", permissions=["file.upload"])
    ada = rights.person("Ada", "organisation_administrator@acme")
    for named in (str(key.id), key.prefix, "brick/crm"):
        assert _reason(lambda named=named: find_key(connection, named, by=ada)) == "key_unknown"
    revoke_key(connection, find_key(connection, secret, by=ROOT), by=ROOT)
    assert _reason(lambda: verify_key(connection, secret)) == "key_wrong"


@example(IPv6Address("::ffff:0:0"), 0)
@given(st.ip_addresses(), st.integers(0, 32))
def test_an_address_is_within_every_network_around_it(address: object, length: int) -> None:
    (network,) = checked_networks([str(ip_network(f"{address}/{length}", strict=False))])
    assert is_within(str(address), [network])
    assert not is_within(str(address), [])


@pytest.mark.parametrize("written", ["10.1.2.3/16", "10.1.0.0/33", "example.com", "", "10.1"])
def test_what_is_no_network_is_refused(written: str) -> None:
    """A block with further bits too: `10.1.2.3/16` may have been meant as one address or as many."""
    with pytest.raises(UsageError) as caught:
        checked_networks([written])
    assert caught.value.reason == "network_wrong"


def test_a_key_of_a_later_permission_holds_what_is_known() -> None:
    assert Principal("program", 1, "x", (Held(None, "key x", "acme", frozenset()),)).actor == "key:1"
