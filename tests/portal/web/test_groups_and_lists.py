"""The pages of groups, segments and lists: put together by hand and by rule, refused where they would mislead, and not there for others."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import Connection, text

from nightmail.access.permissions import Permission
from nightmail.contacts.list_membership import Membership
from nightmail.contacts.live_counts import Members, members_within
from portal.web.segments import fitting
from tests.portal.conftest import Organisation
from tests.portal.web.conftest import SignIn
from tests.portal.web.sample_contacts import TEAM, book, contact_of, list_in, segment_in
from tests.portal.web.test_contacts import EDITS, seen, token

LISTS = (*EDITS, Permission.LIST_EDIT)


def _post(client: httpx.Client, address: str, **form: object) -> httpx.Response:
    return client.post(address, data={"csrf": token(client), **form})


def _shown(client: httpx.Client, answer: httpx.Response) -> str:
    assert answer.status_code == 303, re.findall(r'class="error"[^>]*>(.*?)</p>', answer.text)
    return client.get(answer.headers["location"]).text


def test_a_group_takes_whom_lines_mean_and_gives_back_the_others(organisation: Organisation, sign_in: SignIn) -> None:
    people = {each.external_id: each.id for each in book(organisation.engine)}
    other = contact_of(organisation.engine, "acme.care", "X-1", email="other@example.org")
    client = sign_in(*LISTS, team="acme")
    for wrong in ({"name": ""}, {"name": "guests OF the autumn fair"}, {"team": "acme.nowhere"}):
        assert _post(client, "/groups/new", **({"name": "New", "team": TEAM} | wrong)).status_code == 422, wrong
    made = _post(client, "/groups/new", name="Choir", team=TEAM)
    here = made.headers["location"]
    assert "Nobody is in it yet" in _shown(client, made)
    lines = "C-1001\nelena@example.org\n+49 170 1234570\njuergen@example.org\nX-1\nC-9999"
    answer = _post(client, f"{here}/members", members=lines)
    assert answer.status_code == 422 and "3 contacts are put in" in answer.text
    (left,) = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", answer.text, re.DOTALL)
    assert left.splitlines() == ["X-1", "C-9999", "juergen@example.org"]
    inside = (
        "select contact_id from contact_group_member m join contact_group g on g.id = m.group_id where g.name = 'Choir'"
    )
    members = {row["contact_id"] for row in organisation.rows(inside)}
    assert members == {people[each] for each in ("C-1001", "C-1003", "C-1004")} and other.id not in members
    out = _post(client, f"{here}/members/remove", contact=[people["C-1001"], people["C-1003"]])
    assert "2 contacts are taken out" in _shown(client, out)
    stale = seen(client, f"{here}/change")
    assert "Big choir" in _shown(client, _post(client, f"{here}/change", name="Big choir", seen=stale))
    assert "Somebody else changed it" in _shown(client, _post(client, f"{here}/change", name="Small", seen=stale))
    assert "Somebody else changed it" in _shown(client, _post(client, f"{here}/remove", seen=stale))
    gone = _post(client, f"{here}/remove", seen=seen(client, f"{here}/remove"))
    assert "The group is removed" in _shown(client, gone)
    assert client.get(here).status_code == 404


def test_a_rule_is_built_row_by_row_without_scripts_and_shows_who_fits(
    organisation: Organisation, sign_in: SignIn
) -> None:
    book(organisation.engine)
    client = sign_in(*LISTS, team=TEAM)
    first = {"team": TEAM, "name": "Near", "what": ["field:country"], "how": ["is_one_of"], "with": ["de, at"]}
    first |= {"joined": ["and"]}
    page = _post(client, "/segments/new", **first, action="show").text
    assert "The country is DE or AT." in page and "4 contacts fit now" in page
    page = _post(client, "/segments/new", **first, action="further").text
    assert page.count('name="what"') == 2
    both = first | {"what": ["field:country", "attribute:balance"], "how": ["is_one_of", ""], "with": ["DE", ""]}
    both |= {"joined": ["and", "or"]}
    page = _post(client, "/segments/new", **both, action="show")
    assert page.status_code == 422 and 'id="error-with-2"' in page.text
    assert '<option value="at_least"' in page.text, "what can be compared follows from what is chosen"
    both |= {"how": ["is_one_of", "at_least"], "with": ["DE", "100"]}
    page = _post(client, "/segments/new", **both, action="show").text
    assert "is DE or balance is at least 100" in page and "5 contacts fit now" in page
    assert _post(client, "/segments/new", **both, action="without-1").text.count('name="what"') == 1
    assert organisation.rows("select id from segment") == []
    made = _post(client, "/segments/new", **both, action="save")
    here = made.headers["location"]
    assert "balance is at least 100" in _shown(client, made)
    kept = organisation.rows("select rule, team_id from segment")[0]["rule"]
    assert [len(part["any"]) for part in kept["all"]] == [2]
    form = client.get(f"{here}/change").text
    assert form.count('name="what"') == 2 and 'value="100"' in form
    for wrong in ({"name": ""}, {"with": ["Narnia", "100"]}):
        sent = {**both, "seen": seen(client, f"{here}/change"), "action": "save"} | wrong
        assert _post(client, f"{here}/change", **sent).status_code == 422, wrong
    assert _post(client, "/segments/new", **both, action="save").status_code == 422, "the name is taken"
    stale = seen(client, f"{here}/change")
    assert "The rule is kept" in _shown(
        client, _post(client, f"{here}/change", **(both | {"with": ["AT", "5"]}), seen=stale, action="save")
    )
    assert "Somebody else changed it" in _shown(
        client, _post(client, f"{here}/change", **both, seen=stale, action="save")
    )
    assert "The segment is removed" in _shown(
        client, _post(client, f"{here}/remove", seen=seen(client, f"{here}/remove"))
    )


def test_a_rule_of_a_program_is_shown_and_changed_as_json(organisation: Organisation, sign_in: SignIn) -> None:
    segment = segment_in(organisation.engine)
    organisation.change(
        "update segment set rule = cast(:rule as jsonb) where id = :id",
        id=segment,
        rule='{"not": {"on": "tag", "name": "vip", "test": "has"}}',
    )
    client = sign_in(*LISTS, team="acme")
    page = client.get(f"/segments/{segment}/change").text
    assert 'name="rule"' in page and 'name="what"' not in page
    form = {"name": "Others", "seen": seen(client, f"/segments/{segment}/change"), "action": "save"}
    for wrong in ('{"not": 3}', "{", '{"all": [{"on": "tag", "name": "vip", "test": "is"}]}'):
        assert _post(client, f"/segments/{segment}/change", **form, rule=wrong).status_code == 422, wrong
    page = _shown(
        client, _post(client, f"/segments/{segment}/change", **form, rule='{"on": "tag", "name": "vip", "test": "has"}')
    )
    assert "They have the tag vip." in page


def test_a_list_excludes_over_what_it_includes_and_refuses_to_hold_itself(
    organisation: Organisation, sign_in: SignIn
) -> None:
    number = list_in(organisation.engine)
    here = f"/lists/{number}"
    client = sign_in(*LISTS, team="acme")

    def add(**form: str) -> httpx.Response:
        return _post(client, f"{here}/entries", seen=seen(client, here), **({"how": "include"} | form))

    def now() -> int:
        (count,) = re.findall(r'Who is in it now: <span class="number">([0-9]+)<', client.get(here).text)
        return int(count)

    before = now()
    page = client.get(here).text
    (group,) = organisation.rows("select id from contact_group")
    (staff,) = organisation.rows("select id from distribution_list where name = 'Staff'")
    assert "Staff" in page and before > 2
    for wrong, field in (
        ({}, "what"),
        ({"what": f"list:{number}"}, "what"),
        ({"what": "group:99999"}, "what"),
        ({"contact": "nobody at all"}, "contact"),
        ({"contact": "juergen@example.org"}, "contact"),
    ):
        answer = add(**wrong)
        assert answer.status_code == 422 and f'id="error-{field}"' in answer.text, wrong
    assert "It is included" in _shown(client, add(what=f"list:{staff['id']}"))
    in_it = _post(
        client,
        f"/lists/{staff['id']}/entries",
        seen=seen(client, f"/lists/{staff['id']}"),
        what=f"list:{number}",
        how="include",
    )
    assert in_it.status_code == 422 and "contain itself" in in_it.text
    assert "It is excluded" in _shown(client, add(what=f"group:{group['id']}", how="exclude"))
    assert ">gone<" not in client.get(here).text
    assert now() < before
    stale = str(int(seen(client, here)) - 1)
    late = _post(client, f"{here}/entries", seen=stale, what=f"list:{staff['id']}", how="exclude")
    assert "Somebody else changed it" in _shown(client, late)
    out = _post(client, f"{here}/entries/remove", seen=seen(client, here), entry=f"group:{group['id']}", how="exclude")
    assert "taken out of the list" in _shown(client, out) and now() == before
    held = _post(client, f"/lists/{staff['id']}/remove", seen=seen(client, f"/lists/{staff['id']}/remove"))
    assert held.status_code == 422 and "Invitations" in held.text
    (segment,) = organisation.rows("select id from segment where name = 'Near or important'")
    used = f"/segments/{segment['id']}/remove"
    assert _post(client, used, seen=seen(client, used)).status_code == 422
    assert "Summer" in _shown(
        client, _post(client, f"{here}/change", name="Summer", seen=seen(client, f"{here}/change"))
    )
    assert "The list is removed" in _shown(client, _post(client, f"{here}/remove", seen=seen(client, f"{here}/remove")))


def test_other_teams_and_readers_change_nothing(organisation: Organisation, sign_in: SignIn) -> None:
    number = list_in(organisation.engine)
    (segment,) = organisation.rows("select id from segment where name = 'Near or important'")
    (group,) = organisation.rows("select id from contact_group")
    pages = (f"/lists/{number}", f"/segments/{segment['id']}", f"/groups/{group['id']}")
    elsewhere, reader = sign_in(*LISTS, team="acme.care"), sign_in(Permission.CONTACT_SEE, team="acme")
    for page in pages:
        assert elsewhere.get(page).status_code == 404
        text = reader.get(page).text
        assert "Remove" not in text and "Öberg" not in text and "1234567" not in text
        for client in (elsewhere, reader):
            assert client.get(f"{page}/change").status_code == 404
            assert _post(client, f"{page}/remove", seen="1").status_code == 404
    assert (
        organisation.rows(
            "select 1 as x from audit where action in ('list.removed', 'segment.removed', 'group.removed')"
        )
        == []
    )


def test_who_takes_long_to_count_is_estimated_and_counted_for_who_asks(
    organisation: Organisation, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = organisation.engine
    number = list_in(engine)
    client = sign_in(*LISTS, team="acme")
    segment = organisation.rows("select id from segment where name = 'Near or important'")[0]["id"]
    pages = (f"/lists/{number}", f"/segments/{segment}")
    monkeypatch.setattr(fitting, "members_within", _slowly)
    monkeypatch.setattr(fitting, "LOOK_S", 0.2)
    for page in pages:
        shown = client.get(page)
        assert shown.status_code == 200 and "It takes longer to count them" in shown.text and "about " in shown.text
        assert (
            f'href="{page}?count=exact#members"' in shown.text and "C-1002" not in shown.text.split('id="members"')[1]
        )
        counted = client.get(f"{page}?count=exact").text
        assert "It takes longer" not in counted and "C-1002" in counted.split('id="members"')[1]
    form = {"name": "New", "team": TEAM, "rule": '{"all": []}', "action": "look"}
    looked = _post(client, "/segments/new", **form)
    assert "the figure is an estimate, and may be far off" in looked.text
    # What is sent does not depend on the figure of a page: who makes the list's campaign finds everybody, or nobody.
    with engine.connect() as connection:
        assert connection.scalar(text("show statement_timeout")) == "0"


def _slowly(connection: Connection, membership: Membership, limit: int, *, seconds: float) -> Members:
    """Count with a rule beside it that takes half a second for each look."""
    slow = replace(membership, condition=f"{membership.condition} and (select true from pg_sleep(0.5))")
    return members_within(connection, slow, limit, seconds=seconds)
