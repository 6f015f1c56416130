"""Calls: languages, documents, keys and lengths."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from nightmail.templates import VoiceQuestion
from nightmail.templates.speech import (
    REPEAT_PROMPTS,
    SPOKEN_LANGUAGES,
    answer_document,
    estimated_minutes,
    spoken_language,
    spoken_text,
)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "en-GB"),
        ("en-us", "en-US"),
        ("de", "de-DE"),
        ("de-AT", "de-AT"),
        ("de-LI", "de-DE"),
        ("pt", "pt-PT"),
        ("pt-BR", "pt-BR"),
        ("fr-CA", "fr-CA"),
        ("no", "nb-NO"),
        ("nn-NO", "nb-NO"),
        ("zh", "cmn-CN"),
        ("zh-HK", "yue-CN"),
        ("sv", "sv-SE"),
        ("ja", "ja-JP"),
        ("eo", None),
    ],
)
def test_spoken_languages(language: str, expected: str | None) -> None:
    """A template's language to one that the carrier has a voice for."""
    assert spoken_language(language) == expected


def test_every_ready_sentence_can_be_spoken_and_names_the_key() -> None:
    """A repeat key without a sentence of its own must work wherever we offer one."""
    for language, sentence in REPEAT_PROMPTS.items():
        assert spoken_language(language) in SPOKEN_LANGUAGES
        assert "7" in sentence.format(key="7")


def test_answers() -> None:
    """A key that is an answer is thanked for, in the language of the call, and the call ends."""
    question = VoiceQuestion("?", {"1": "confirm", "2": "cancel"}, {"1": "Danke <b> & tschüss"})
    root = ElementTree.fromstring(answer_document(question, "de", "1"))
    assert [(entry.tag, entry.text, entry.get("language")) for entry in root] == [
        ("Say", "Danke <b> & tschüss", "de-DE"),
        ("Hangup", None, None),
    ]
    for document in (answer_document(question, "de", "2"), answer_document(None, "de", "1")):
        assert [entry.tag for entry in ElementTree.fromstring(document)] == ["Hangup"]


@pytest.mark.parametrize(("characters", "minutes"), [(0, 1), (700, 1), (760, 2), (1590, 2), (4000, 5)])
def test_lengths(characters: int, minutes: int) -> None:
    """Every started minute counts."""
    assert estimated_minutes(np.array([characters])).tolist() == [minutes]


def test_a_document_for_people_to_read() -> None:
    """Previews show what is heard, not markup."""
    assert spoken_text('<Response><Say language="en-GB">A &amp; B</Say><Say>C</Say></Response>') == "A & B C"
