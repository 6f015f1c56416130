"""Every text of the portal in every language, and the language that a reader gets."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web.catalogues import TRANSLATED, brought_up, faults, stored, written
from portal.web.translating import LANGUAGES, accepted_language, gettext, ngettext, speak
from tests.portal.conftest import RunningPortal
from tests.portal.web.conftest import SignIn


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    """`make translations` brings the catalogues up to the texts; what is empty there is for a person to write."""
    assert faults(brought_up(language)) == []
    gone = {message.id for message in stored(language)} - {message.id for message in brought_up(language)}
    assert not gone, "run `make translations`"


def test_a_catalogue_is_written_the_same_again() -> None:
    """Sorted and without dates, so that additions of two people seldom meet."""
    assert written(brought_up("de")) == written(brought_up("de"))
    assert b"POT-Creation-Date" not in written(brought_up("de"))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-CH, fr;q=0.9, en;q=0.8", "de"),
        ("it, fr;q=0.5, en;q=0.4", "fr"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("de;q=0, es;q=0.1", "es"),
        ("de;q=abc, es;q=0.1", "es"),
        ("", "en"),
        ("*", "en"),
    ],
)
def test_the_best_language_is_chosen(header: str, language: str) -> None:
    assert accepted_language(header) == language


@given(st.text(max_size=200))
def test_any_header_leads_to_a_language(header: str) -> None:
    assert accepted_language(header) in LANGUAGES


def test_texts_are_spoken_in_the_language_of_the_request() -> None:
    for language, home, problems in (
        ("de", "Start", "Es gibt %(count)s Probleme"),
        ("fr", "Accueil", "Il y a %(count)s problèmes"),
        ("es", "Inicio", "Hay %(count)s problemas"),
        ("en", "Home", "There are %(count)s problems"),
        ("tlh", "Home", "There are %(count)s problems"),
    ):
        speak(language)
        assert gettext("Home") == home
        assert ngettext("There is a problem", "There are %(count)s problems", 2) == problems


def test_a_person_is_spoken_to_in_their_language(sign_in: SignIn) -> None:
    answer = sign_in(language="fr").get("/", headers={"Accept-Language": "de"})
    assert '<html lang="fr"' in answer.text
    assert "Bonjour, Ada Example" in answer.text


def test_a_visitor_is_spoken_to_as_the_browser_asks(portal: RunningPortal) -> None:
    def shown(**headers: str) -> httpx.Response:
        return portal.client.get("/no-such-page", headers={"Accept": "text/html", **headers})

    assert "Seite nicht gefunden" in shown(**{"Accept-Language": "de-AT,en;q=0.5"}).text
    assert "Página no encontrada" in shown(**{"Accept-Language": "de", "Cookie": "nightmail_language=es"}).text
