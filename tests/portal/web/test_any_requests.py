"""Every route of people's pages, asked in every wrong way: no answer is a fault of the portal's, and none lacks its guards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from portal.web import ROUTERS
from portal.web.list_places import place_of, place_text
from portal.web.rendering import POLICY, POLICY_WITH_PREVIEW, PREVIEW_POLICY
from tests.portal.conftest import Organisation, RunningPortal
from tests.portal.web import sample_people
from tests.portal.web.conftest import SignIn
from tests.portal.web.people import make_person, session_of
from tests.portal.web.strange_requests import FIELDS, STRANGE_FORMS, WORDS

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
POSTS = [route for route in ROUTES if "POST" in (route.methods or ())]
GETS = [route for route in ROUTES if "GET" in (route.methods or ())]
ROLES = ("organisation_administrator", "auditor", "viewer", None)
text_of_any_kind = st.sampled_from(WORDS) | st.text(max_size=12)
fields = st.dictionaries(st.sampled_from(FIELDS), text_of_any_kind, max_size=6)


def _filled(route: APIRoute, values: list[str]) -> str:
    """A route's address with something in each of its places."""
    from urllib.parse import quote

    given_ = iter(values)
    return re.sub(r"\{[^}]+\}", lambda _: quote(next(given_, "1") or "1", safe=""), route.path)


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@pytest.fixture
def clients(organisation: Organisation, portal: RunningPortal) -> Iterator[list[tuple[httpx.Client, str]]]:
    """One of each role and a visitor, each with the token of their forms."""
    sample_people.filled("/", organisation.engine)
    made = []
    for role in ROLES:
        client = httpx.Client(base_url=portal.url, timeout=60, trust_env=False, headers={"Accept": "text/html"})
        if role is not None:
            person = make_person(organisation.engine, role=role, name=f"A {role}")
            client.cookies.set("nightmail_session", session_of(organisation.engine, person))
        page = client.get("/" if role else "/login").text
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
        assert found
        made.append((client, found[1]))
    yield made
    for client, _token in made:
        client.close()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    route=st.sampled_from(ROUTES),
    places=st.lists(text_of_any_kind, min_size=2, max_size=2),
    query=fields,
    form=fields,
    who=st.integers(0, len(ROLES) - 1),
)
def test_no_request_is_a_fault_of_ours(
    clients: list[tuple[httpx.Client, str]],
    route: APIRoute,
    places: list[str],
    query: dict[str, str],
    form: dict[str, str],
    who: int,
) -> None:
    if route.path == "/logout":
        return
    client, token = clients[who]
    address = _filled(route, [_clean(place) for place in places])
    params = {name: _clean(value)[:9_000] for name, value in query.items()}
    if "GET" in (route.methods or ()):
        answer = client.get(address, params=params)
    else:
        answer = client.post(
            address, params=params, data={**{name: _clean(value) for name, value in form.items()}, "csrf": token}
        )
    assert answer.status_code < 500 or answer.headers.get("retry-after"), (route.path, address, params, form)
    assert answer.headers.get("cache-control") in ("no-store", "private, no-cache")
    if location := answer.headers.get("location"):
        assert re.match(r"/($|[^/\\])", location), location


@pytest.mark.parametrize("part", range(4))
def test_every_word_in_every_field(clients: list[tuple[httpx.Client, str]], part: int) -> None:
    """An administrator puts the same word into all fields of all pages that they open, one page after the other."""
    for word in WORDS[part::4]:
        _ask_with(clients[0][0], word)


def _ask_with(client: httpx.Client, word: str) -> None:
    params = {name: _clean(word)[:100] for name in FIELDS}
    for path in ("/people", "/roles", "/rights", "/api-keys", "/teams", "/teams/acme", "/audit", "/search", "/login"):
        answer = client.get(path, params=params)
        assert answer.status_code < 500, path
    for path in ("/people", "/rights", "/api-keys", "/teams", "/audit"):
        for name in sorted({"after", "search", "team", "person"} & _taken_by(path)):
            answer = client.get(path, params={name: _clean(word)[:3_000], "permission": "campaign.see"})
            assert answer.status_code < 500, (path, name)


@cache
def _taken_by(path: str) -> frozenset[str]:
    """The parameters that a page reads of its address: any other says nothing of it."""
    (route,) = (route for route in GETS if route.path == path)
    return frozenset(parameter.alias for parameter in route.dependant.query_params)


def test_a_form_of_any_kind_is_refused_quietly(clients: list[tuple[httpx.Client, str]]) -> None:
    for (client, token), (content_type, body) in product((clients[0], clients[-1]), STRANGE_FORMS):
        for headers in ({}, {"X-CSRF-Token": token}):
            for path in ("/appearance", "/parts", "/people/invite"):
                answer = client.post(path, content=body, headers={"Content-Type": content_type, **headers})
                assert answer.status_code < 500, path
                assert "made a mistake" not in answer.text


def test_a_form_beyond_the_bound_is_not_read(clients: list[tuple[httpx.Client, str]], portal: RunningPortal) -> None:
    client, token = clients[0]
    body = b"csrf=" + token.encode() + b"&note=" + b"a" * (portal.settings.maximum_request_bytes + 1)
    answer = client.post("/parts", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413


def test_a_form_from_elsewhere_changes_nothing(
    clients: list[tuple[httpx.Client, str]], organisation: Organisation
) -> None:
    """Without the token, with the one of another session, and from another site: refused before anything is looked up."""
    before = organisation.rows("select count(*) as entries from audit")
    tokens = {token for _client, token in clients}
    for route, (client, token) in product(POSTS, (clients[0], clients[-1])):
        address = _filled(route, ["1", "1"])
        for other in ("", token[:-1], token.upper() + "0", *(tokens - {token})):
            assert client.post(address, data={"csrf": other}).status_code == 403, (address, other)
        for headers in FROM_ELSEWHERE:
            answer = client.post(address, data={"csrf": token}, headers=headers)
            assert answer.status_code == 403, (address, headers)
    assert organisation.rows("select count(*) as entries from audit") == before


FROM_ELSEWHERE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


def test_no_look_changes_anything(clients: list[tuple[httpx.Client, str]], organisation: Organisation) -> None:
    """GET and HEAD leave people, rights, keys and teams as they are, whatever their query says; POST alone is not taken."""
    tables = ("person", "role", "role_grant", "api_key", "team", "passkey", "access_link", "person_identity")
    state = " || ".join(
        f"coalesce((select md5(string_agg(t::text, '' order by t::text)) from {name} t), '')" for name in tables
    )
    before = organisation.rows(f"select {state} as state")
    client, token = clients[0]
    values = {"csrf": token, "_method": "POST", "team": "acme", "role": "viewer", "name": "x", "title": "x"}
    for route in GETS:
        address = _filled(route, ["1", "1"])
        assert client.get(address, params=values).status_code < 500
        answer = client.get(address, headers={"X-HTTP-Method-Override": "POST", "X-CSRF-Token": token})
        assert answer.status_code < 500
    assert organisation.rows(f"select {state} as state") == before


WITH_A_FRAME = frozenset({"/messages/{message}", "/templates/{template_id}/versions/{version}"})
"""The pages that show an email in a frame of their own."""
FRAMED = frozenset({"/messages/{message}/preview", "/templates/{template_id}/versions/{version}/email"})
"""What stands in such a frame."""


def test_every_page_has_its_guards(clients: list[tuple[httpx.Client, str]]) -> None:
    """No frame, no sniffing, nothing kept, nothing from elsewhere: for whoever asks, whatever the answer is."""
    for route, (client, _token) in product(GETS, clients):
        answer = client.get(_filled(route, ["1", "1"]))
        # A part that is asked for again and again is kept by who asked, to be told that nothing changed. A file is kept by nobody.
        polled = "etag" in answer.headers and "content-disposition" not in answer.headers
        assert answer.headers["cache-control"] == ("private, no-cache" if polled else "no-store"), route.path
        assert "access-control-allow-origin" not in answer.headers
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        policy, frames = answer.headers["content-security-policy"], answer.headers["x-frame-options"]
        if route.path in FRAMED and answer.status_code == 200:
            assert (policy, frames) == (PREVIEW_POLICY, "SAMEORIGIN"), route.path
            continue
        may_frame = route.path in WITH_A_FRAME
        assert policy == POLICY or (may_frame and policy == POLICY_WITH_PREVIEW), route.path
        assert frames == "DENY"
        assert may_frame or "<iframe" not in answer.text
        assert "<script>" not in answer.text
        assert not re.search(r"<[^>]+\s(on\w+|style)=", answer.text)


def test_what_no_page_is_has_its_guards_too(portal: RunningPortal) -> None:
    for path in (
        "/docs",
        "/openapi.json",
        "/health",
        "/problems/not_found",
        "/v1/campaigns",
        "/no-such",
        "/static/no-such",
    ):
        for accept in ("text/html", "application/json"):
            answer = portal.client.get(path, headers={"Accept": accept})
            assert answer.headers.get("x-content-type-options") == "nosniff", (path, accept)
            if answer.headers["content-type"].startswith("text/html"):
                assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path


HEADERS = ("Referer", "Origin", "User-Agent", "Accept-Language", "Cookie", "Accept", "If-None-Match")
VALUES = (
    *(
        "http://[",
        "\xff\xfe",
        "a" * 8_000,
        "nightmail_message=W10=.x",
        "nightmail_visitor=\xe4",
        ";;=,",
        "de;q=nan",
        "*",
    ),
)


def test_no_header_is_a_fault_of_ours(clients: list[tuple[httpx.Client, str]]) -> None:
    for (client, token), header, value in product((clients[0], clients[-1]), HEADERS, VALUES):
        accept = {} if header == "Accept" else {"Accept": "text/html"}
        headers = [(name.encode(), text.encode("latin-1")) for name, text in {**accept, header: value}.items()]
        request = client.build_request("GET", "/", headers=headers)
        assert client.send(request).status_code < 500, (header, value)
        request = client.build_request("POST", "/appearance", headers=headers, data={"csrf": token})
        assert client.send(request).status_code < 500, (header, value)


@settings(max_examples=200, deadline=None)
@given(name=st.text(max_size=200), number=st.integers(0, 2**31 - 1))
def test_a_place_in_a_list_is_found_again(name: str, number: int) -> None:
    found = place_of(place_text(name, number))
    storable = "\x00" not in name and name == name.encode("utf-8", "replace").decode()
    assert found == ((name, number) if storable else None)


@settings(max_examples=200, deadline=None)
@given(word=st.text(max_size=60) | st.sampled_from(["W" * 30_000, "W1tb" * 900, "Ilx1ZDgwMCI", "WyJcdWQ4MDAiLDFd"]))
@example(word="WyJcdWQ4MDAiLDFd")
def test_a_place_of_any_kind_is_none_or_one(word: str) -> None:
    found: Any = place_of(word)
    assert found is None or (isinstance(found[0], str) and 0 <= found[1] < 2**31)
    if found is not None:
        found[0].encode()


def test_a_browser_is_led_to_any_path_of_ours(sign_in: SignIn) -> None:
    """Signs beyond ASCII are written as a header can have them."""
    answer = sign_in().get("/login", params={"next": "/search?q=€&x=%2F"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/search?q=%E2%82%AC&x=%2F")
