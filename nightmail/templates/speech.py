"""Call documents: what a call says or plays, and the languages that there are voices for.

A document is XML of five elements, as TwiML defines them: ``Response``, ``Say``, ``Play``, ``Gather`` and ``Hangup``. A carrier
whose service reads another language translates it in its folder. It is complete: it can be said again without the template.
Pressed keys go to the portal, which answers with the same document (the repeat key), with thanks, or with nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from nightmail.carriers.webhooks import keys_path
from nightmail.row_checks.language_matching import choose_language
from nightmail.templates.model import VoiceBody, VoiceQuestion

SPOKEN_LANGUAGES = (
    "ar-AE", "arb", "ca-ES", "cmn-CN", "cs-CZ", "cy-GB", "da-DK", "de-AT", "de-CH", "de-DE", "el-GR", "en-AU", "en-GB",
    "en-IE", "en-IN", "en-NZ", "en-US", "en-ZA", "es-ES", "es-MX", "es-US", "et-EE", "fi-FI", "fr-BE", "fr-CA", "fr-CH",
    "fr-FR", "he-IL", "hi-IN", "hu-HU", "is-IS", "it-IT", "ja-JP", "ko-KR", "lt-LT", "lv-LV", "nb-NO", "nl-BE", "nl-NL",
    "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK", "sv-SE", "tr-TR", "uk-UA", "vi-VN", "yue-CN",
)  # fmt: skip
"""Languages of ``<Say>``."""

_FIRST_CHOICES: Mapping[str, str] = {
    "ar": "arb",
    "ca": "ca-ES",
    "cs": "cs-CZ",
    "cy": "cy-GB",
    "da": "da-DK",
    "de": "de-DE",
    "el": "el-GR",
    "en": "en-GB",
    "es": "es-ES",
    "fr": "fr-FR",
    "he": "he-IL",
    "nb": "nb-NO",
    "nl": "nl-NL",
    "nn": "nb-NO",
    "no": "nb-NO",
    "pt": "pt-PT",
    "zh": "cmn-CN",
    "zh-TW": "cmn-CN",
    "zh-HK": "yue-CN",
    "zh-Hant-HK": "yue-CN",
    "yue": "yue-CN",
}

REPEAT_PROMPTS: Mapping[str, str] = {
    "da": "Tryk {key} for at høre beskeden igen.",
    "de": "Um die Nachricht noch einmal zu hören, drücken Sie die {key}.",
    "en": "To hear this message again, press {key}.",
    "es": "Para escuchar de nuevo el mensaje, pulse {key}.",
    "fi": "Kuullaksesi viestin uudelleen paina {key}.",
    "fr": "Pour réécouter ce message, appuyez sur {key}.",
    "it": "Per riascoltare il messaggio, prema {key}.",
    "nb": "Trykk {key} for å høre meldingen på nytt.",
    "nl": "Druk op {key} om dit bericht nogmaals te horen.",
    "no": "Trykk {key} for å høre meldingen på nytt.",
    "pl": "Aby usłyszeć wiadomość ponownie, naciśnij {key}.",
    "pt": "Para ouvir a mensagem de novo, prima {key}.",
    "sv": "Tryck {key} för att höra meddelandet igen.",
}
"""What is said of the repeat key where the template has no sentence of its own."""

SECONDS_PER_CHARACTER = 1 / 14
PAUSE_SECONDS = 6
"""A call's length beside its text: ringing is not charged, the wait for a key is."""
PLAYED_SECONDS = 60
"""What a played file is taken to last: its length is not known before it is fetched."""

_HEAD = '<?xml version="1.0" encoding="UTF-8"?><Response>'
_TAIL = "</Response>"
_MARKS = re.compile(r"<[^>]*>")


def spoken_language(language: str) -> str | None:
    """The language of ``<Say>`` for a template's language: ``de`` gives ``de-DE``; ``None`` where there is no voice."""
    folded = {tag.casefold(): tag for tag in SPOKEN_LANGUAGES}
    if language.casefold() in folded:
        return folded[language.casefold()]
    for tag, chosen in _FIRST_CHOICES.items():
        if tag.casefold() == language.casefold():
            return chosen
    base = language.split("-", maxsplit=1)[0].casefold()
    return _FIRST_CHOICES.get(base) or choose_language(base, SPOKEN_LANGUAGES, base)


def frame(voice: VoiceBody, language: str, keys_address: str) -> list[tuple[str, str]]:
    """The document of a call in pieces: ``("markup", ...)`` as it is, ``("body", ...)`` the source of a text to render.

    ``keys_address`` is the address that pressed keys go to, up to the message's id, which follows it.
    """
    spoken = spoken_language(language) or "en-GB"
    attributes = f" language={quoteattr(spoken)}" + (f" voice={quoteattr(voice.voice)}" if voice.voice else "")

    def say(source: str) -> list[tuple[str, str]]:
        return [("markup", f"<Say{attributes}>"), ("body", source), ("markup", "</Say>")]

    message = say(voice.say) if voice.say is not None else [("markup", f"<Play>{escape(voice.play or '')}</Play>")]
    prompts: list[tuple[str, str]] = []
    if voice.question is not None:
        prompts += say(voice.question.prompt)
    if voice.repeat_prompt is not None:
        prompts += say(voice.repeat_prompt)
    if not prompts:
        return [("markup", _HEAD), *message, ("markup", _TAIL)]
    gather = '<Gather input="dtmf" numDigits="1" timeout="6" finishOnKey="" method="POST" action="'
    return [
        ("markup", f"{_HEAD}{gather}{escape(keys_address, {chr(34): '&quot;'})}"),
        ("body", "{{ message_id }}"),
        ("markup", '">'),
        *message,
        *prompts,
        ("markup", f"</Gather>{_TAIL}"),
    ]


def keys_address(public_url: str, carrier: str | None) -> str:
    """The address that pressed keys are posted to, up to the message's id. The adapter puts its own path in at the hand-off."""
    return f"{public_url.rstrip('/')}{keys_path(carrier)}?message_id="


def spoken_text(document: str) -> str:
    """The texts that a listener hears of a document, for people to read."""
    return unescape(" ".join(_MARKS.sub(" ", document).split()))


def answer_document(question: VoiceQuestion | None, language: str, key: str) -> str:
    """The document that answers a pressed key: the thanks of the template, then the call ends."""
    thanks = question.thanks.get(key) if question is not None else None
    if thanks is None:
        return f"{_HEAD}<Hangup/>{_TAIL}"
    spoken = spoken_language(language) or "en-GB"
    return f"{_HEAD}<Say language={quoteattr(spoken)}>{escape(thanks)}</Say><Hangup/>{_TAIL}"


def estimated_minutes(characters: npt.NDArray[np.int64], *, plays: bool = False) -> npt.NDArray[np.int64]:
    """Started minutes of calls that speak so many characters, or play a file beside them: what is charged for, about."""
    seconds = np.maximum(characters, 0) * SECONDS_PER_CHARACTER + PAUSE_SECONDS + (PLAYED_SECONDS if plays else 0)
    return np.maximum(1, np.ceil(seconds / 60)).astype(np.int64)
