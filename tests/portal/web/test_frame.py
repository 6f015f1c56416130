"""The frame of every page: who gets in, what it says, and that a form from elsewhere does nothing."""

from __future__ import annotations

import re

import httpx

from nightmail.access.permissions import Permission
from tests.portal.conftest import RunningPortal
from tests.portal.web.conftest import SignIn


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def test_a_page_leads_to_the_login_and_back(portal: RunningPortal) -> None:
    answer = portal.client.get("/search?q=a%20b", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Fsearch%3Fq%3Da%2520b"


def test_home_is_shown_in_the_frame_with_the_policy(sign_in: SignIn) -> None:
    client = sign_in(Permission.PEOPLE_SEE)
    answer = client.get("/")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "Hello, Ada Example" in answer.text
    assert "<script>" not in answer.text
    assert "style=" not in answer.text


def test_an_address_that_is_not_there_says_nothing(sign_in: SignIn, portal: RunningPortal) -> None:
    with_session = sign_in().get("/no-such-page")
    without = portal.client.get("/no-such-page", headers={"Accept": "text/html"})
    for answer in (with_session, without):
        assert answer.status_code == 404
        assert "Page not found" in answer.text
    assert portal.client.get("/no-such-page").headers["content-type"] == "application/problem+json"


def test_a_form_needs_the_token_of_its_session_and_comes_from_here(sign_in: SignIn) -> None:
    client = sign_in()
    token = _csrf(client.get("/").text)
    other = _csrf(sign_in(name="Bob Example").get("/").text)
    form = {"theme": "dark", "next": "/keys"}

    def sent(csrf: str, **headers: str) -> httpx.Response:
        return client.post("/appearance", data={**form, "csrf": csrf}, headers=headers)

    assert sent("").status_code == 403
    assert sent(other).status_code == 403
    assert sent(token, Origin="https://evil.example").status_code == 403
    assert sent(token, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert sent(token, **{"Sec-Fetch-Site": "same-site"}).status_code == 403
    done = sent(token, Origin=str(client.base_url).rstrip("/"), **{"Sec-Fetch-Site": "same-origin"})
    assert (done.status_code, done.headers["location"]) == (303, "/keys")
    assert 'data-theme="dark"' in client.get("/keys").text


def test_a_form_leads_to_no_other_site(sign_in: SignIn) -> None:
    client = sign_in()
    token = _csrf(client.get("/").text)
    for address in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\n/evil"):
        answer = client.post("/appearance", data={"csrf": token, "theme": "light", "next": address})
        assert answer.headers["location"] == "/"
