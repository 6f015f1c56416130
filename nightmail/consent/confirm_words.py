"""The word by which somebody confirms in an answer what they were asked to agree to.

Only a whole reply counts, as with STOP: "Ja!" confirms, "ja, aber nicht jeden Tag" does not. What also means STOP, START or HELP
in the language of the request confirms nothing.
"""

from __future__ import annotations

from nightmail.consent.opt_out_words import plain_words, word_in

_CONFIRM = {
    "en": ("yes", "confirm", "i confirm"),
    "de": ("ja", "bestätigen", "ich bestätige"),
    "fr": ("oui", "confirmer", "je confirme"),
    "es": ("sí", "confirmar", "confirmo"),
}
_SHOWN = {"en": "YES", "de": "JA", "fr": "OUI", "es": "SÍ"}
"""What a message asks for."""
_LONGEST = 40


def shown_word(language: str, own: str | None = None) -> str:
    """The word that a message in ``language`` asks for: the team's ``own``, or else ours."""
    return own.upper() if own else _SHOWN.get(language, _SHOWN["en"])


def confirms(written: str, language: str, own: str | None = None) -> bool:
    """Whether a whole reply to a request in ``language`` confirms it.

    >>> confirms("Yes.", "en"), confirms("si", "es"), confirms("Ja", "en")
    (True, True, False)
    >>> confirms("yes please, but not on Sundays", "en")
    False
    """
    if len(written) > _LONGEST or word_in(written, language) is not None:
        return False
    said = plain_words(written)
    return bool(said) and said in {
        plain_words(word) for word in (*_CONFIRM.get(language, _CONFIRM["en"]), *filter(None, (own,)))
    }
