"""What a login must bring, and how long it lasts: the deployment's settings, and the strictest of what a person's teams demand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, text

from nightmail.access.login_queries import POLICIES_OF_PERSON
from nightmail.organisation.team_settings import LoginPolicy
from nightmail.settings import Settings

PASSWORD, TOTP, RECOVERY_CODE, PASSKEY, PROVIDER = "password", "totp", "recovery_code", "passkey", "provider"
"""The ways by which a person proves who they are."""
DEMONSTRATION = "demonstration"
"""No proof: a link of the demo, in the sandbox only (:mod:`nightmail.access.demonstration`)."""
_COMPLETE = frozenset({PASSKEY, PROVIDER})
_SECOND = frozenset({TOTP, RECOVERY_CODE})


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What holds for one person: ``idle`` and ``whole`` bound a session, ``recent`` a proof of who they are."""

    second_factor: bool
    single_sign_on_only: bool
    idle: dt.timedelta
    whole: dt.timedelta
    recent: dt.timedelta

    def satisfied_by(self, factors: Collection[str]) -> bool:
        """Whether a login with ``factors`` is enough. The provider answers for its own second factor."""
        if self.single_sign_on_only:
            return PROVIDER in factors
        return not self.second_factor or is_strong(factors)


def is_strong(factors: Collection[str]) -> bool:
    """Whether ``factors`` are two: a passkey and what unlocks it, a provider's login, or a password and a code."""
    given = set(factors)
    return bool(given & _COMPLETE) or (PASSWORD in given and bool(given & _SECOND))


ORDINARY_RULES = LoginRules(
    False, False, idle=dt.timedelta(hours=1), whole=dt.timedelta(hours=12), recent=dt.timedelta(minutes=10)
)
"""What holds where nobody has said anything: the settings' own defaults."""


def login_rules(connection: Connection, person_id: int, settings: Settings) -> LoginRules:
    """The rules for a person: those of every team at which they have a role, and of the teams above.

    Who has a role for the deployment as a whole is held to what any team demands.
    """
    stated = [
        LoginPolicy.model_validate(row.stated)
        for row in connection.execute(text(POLICIES_OF_PERSON), {"person": person_id})
    ]
    idle = min([settings.session_idle_minutes, *(each.idle_minutes for each in stated if each.idle_minutes)])
    whole = min([settings.session_hours, *(each.session_hours for each in stated if each.session_hours)])
    recent = min(
        [
            settings.reauthenticate_minutes,
            *(each.reauthenticate_minutes for each in stated if each.reauthenticate_minutes),
        ]
    )
    return LoginRules(
        second_factor=any(each.second_factor for each in stated),
        single_sign_on_only=any(each.single_sign_on_only for each in stated),
        idle=dt.timedelta(minutes=idle),
        whole=dt.timedelta(hours=whole),
        recent=dt.timedelta(minutes=recent),
    )
