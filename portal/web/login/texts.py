"""What goes wrong at a login, in the reader's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nightmail.errors import NightmailError
from portal.web.refusals import sentence_of
from portal.web.translating import gettext as _

_TEXTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "login_wrong": lambda _f: _("Email address and password do not fit together."),
    "login_wait": lambda f: _("There were too many attempts. Wait %(seconds)s seconds and try again.") % f,
    "logins_busy": lambda _f: _("Too many people log in at this moment. Try again in a few seconds."),
    "login_step_over": lambda _f: _(
        "This login has taken too long, or was finished in another window. Log in once more."
    ),
    "code_wrong": lambda _f: _(
        "The code is not valid now. Type the one that the app shows at this moment. If it goes on, the clock of your "
        "device is wrong."
    ),
    "recovery_code_wrong": lambda _f: _("This is none of your recovery codes, or it was used before."),
    "factor_unreadable": lambda _f: _(
        "The app's secret cannot be read any more. Use a recovery code or a passkey, and set the app up anew."
    ),
    "factor_last": lambda _f: _(
        "It is the last way by which you can log in, or what your organisation demands. Add another one first."
    ),
    "passkey_refused": lambda _f: _("The passkey was not taken. Try again, or log in another way."),
    "passkeys_too_many": lambda f: _("You have %(most)s passkeys, the most that are kept.") % f,
    "password_too_short": lambda f: (
        _("Take at least %(least)s characters. Four words that do not belong together are good.") % f
    ),
    "password_too_long": lambda f: _("Take at most %(most)s characters.") % f,
    "password_common": lambda _f: _(
        "This password is among those that are tried first. Take one that nobody else has."
    ),
    "password_of_person": lambda _f: _("This password is little more than your name or email address."),
    "access_link_wrong": lambda _f: _("This link is not valid. Check that it is whole, or ask for a new one."),
    "access_link_used": lambda _f: _("This link was used before. Log in, or ask for a new link."),
    "access_link_expired": lambda _f: _("The time of this link is over. Ask for a new one."),
    "demonstration_refused": lambda _f: _("Links of the demo are good in the sandbox only. Log in as everybody does."),
    "provider_away": lambda f: _("%(provider)s does not answer. Try again in a minute, or log in another way.") % f,
    "provider_wrong": lambda f: (
        _("The login by %(provider)s is not set up as it should be. Log in another way, and tell an administrator.") % f
    ),
    "provider_refused": lambda f: _("The login by %(provider)s was not taken. Try once more.") % f,
    "provider_unknown": lambda _f: _("There is no such identity provider here. Log in another way."),
    "provider_nobody": lambda f: (
        _("%(provider)s knows you, but nobody here is linked with you. Ask an administrator for an invitation.") % f
    ),
    "identity_taken": lambda f: _("This login of %(provider)s belongs to another person here.") % f,
    "single_sign_on_demanded": lambda _f: _("Your organisation demands that you log in by its identity provider."),
    "second_factor_demanded": lambda _f: _("Your organisation demands a second factor."),
    "administrator_exists": lambda _f: _("There is an administrator already. Ask them for an invitation."),
}


def is_known(error: NightmailError) -> bool:
    """Whether ``error`` is one of logins, of which there are words in every language."""
    return error.reason in _TEXTS


def words_of(error: NightmailError) -> str:
    """What to tell a person about ``error``; in English where it is none that logins know."""
    text = _TEXTS.get(error.reason)
    return sentence_of(error) if text is None else text(error.fields)


def words_of_end(ended: str | None) -> str | None:
    """Why a session is over, for who held it; ``None`` where there is nothing to say."""
    if ended is None:
        return None
    known = {
        "idle": _("You were away for a while, so your session has ended."),
        "expired": _("Your session has reached its longest time and has ended."),
        "stolen": _(
            "A copy of your session was used from somewhere else, so it was ended. Unless you restored an old browser "
            "profile, change your password and tell an administrator."
        ),
        "rules": _("Your organisation now demands more of a login, so your session has ended."),
        "disabled": _("Your session has ended."),
    }
    return known.get(ended, _("Your session was ended."))
