"""The demo's link logs in once, in the sandbox only, and says why it does not."""

from __future__ import annotations

import pytest

from nightmail.access.demonstration import offer_demonstration
from nightmail.errors import UsageError
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web.people import make_person
from tests.support.people import audited
from tests.support.portal_visitor import PortalVisitor

SANDBOX = "update carrier_account set settings = settings || '{\"sandbox\": true}', active = true"


@pytest.fixture
def visitor(portal: RunningPortal) -> PortalVisitor:
    return PortalVisitor(portal)


def _address(organisation: Organisation) -> str:
    organisation.change(SANDBOX)
    person = make_person(organisation.engine, role="viewer", name="Di Example")
    with organisation.engine.begin() as connection:
        return f"/demonstration/{offer_demonstration(connection, person, by='user:root')}"


def test_it_logs_in_once(organisation: Organisation, visitor: PortalVisitor) -> None:
    address = _address(organisation)
    answer = visitor.get(address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Di Example" in visitor.follow(answer).text
    assert visitor.signed_in
    with organisation.engine.connect() as connection:
        assert audited(connection, "person.logged_in") == ["person.logged_in"]
    other = PortalVisitor(visitor.portal)
    again = other.get(address)
    assert again.status_code == 410
    assert "was used before" in again.text
    assert not other.signed_in


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("update access_link set expires_at = now()", "time of this link is over"),
        ("update access_link set purpose = 'password'", "is not valid"),
        ("update person set state = 'disabled'", "is not valid"),
        ("update carrier_account set settings = settings - 'sandbox'", "good in the sandbox only"),
        ("update carrier_account set active = false", "good in the sandbox only"),
    ],
)
def test_it_says_why_it_does_not(organisation: Organisation, visitor: PortalVisitor, change: str, words: str) -> None:
    address = _address(organisation)
    organisation.change(change)
    answer = visitor.get(address)
    assert answer.status_code == 410
    assert words in answer.text
    assert not visitor.signed_in
    assert organisation.rows("select count(*) as n from person_session") == [{"n": 0}]


def test_none_is_made_where_a_message_can_reach_somebody(organisation: Organisation) -> None:
    organisation.change(SANDBOX)
    organisation.change("update carrier_account set settings = settings - 'sandbox'")
    person = make_person(organisation.engine, role="viewer")
    with organisation.engine.begin() as connection, pytest.raises(UsageError) as refused:
        offer_demonstration(connection, person, by="user:root")
    assert refused.value.reason == "demonstration_refused"
