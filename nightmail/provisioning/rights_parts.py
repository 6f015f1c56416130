"""The parts of an organisation's file that say who may log in and who may do what."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from nightmail.access.permissions import permissions_named
from nightmail.access.person_fields import checked_email, checked_language, checked_name, checked_time_zone
from nightmail.errors import UsageError
from nightmail.organisation.team_settings import SecretReference

_Path = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonPart(_Part):
    """A person. ``of_age`` attests that they are of age in ``country``: minors cannot have an account."""

    email: str
    name: str
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    of_age: bool
    language: str = "en"
    time_zone: str = "UTC"

    @field_validator("email", "name", "language", "time_zone")
    @classmethod
    def _as_people_have_it(cls, value: str, info: object) -> str:
        check = {
            "email": checked_email,
            "name": checked_name,
            "language": checked_language,
            "time_zone": checked_time_zone,
        }[getattr(info, "field_name")]  # noqa: B009 - pydantic's own type is not exported by name
        try:
            return check(value)
        except UsageError as error:
            raise ValueError(error.message) from None


class RolePart(_Part):
    """A role of one's own, for a team and those below; without a team for the whole organisation."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    description: str = ""
    team: _Path | None = None
    permissions: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("permissions")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(sorted(permissions_named(names)))
        except UsageError as error:
            raise ValueError(error.message) from None


class GrantPart(_Part):
    """A person has a role at a team and below; without a team at the whole organisation."""

    person: str
    role: str
    team: _Path | None = None
    expires_at: AwareDatetime | None = None

    @field_validator("person")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return checked_email(value)
        except UsageError as error:
            raise ValueError(error.message) from None


class GroupPart(_Part):
    """A group of an identity provider's, and the role that it stands for."""

    group: str
    role: str
    team: _Path | None = None


class IdentityProviderPart(_Part):
    """An OpenID Connect provider."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]
    issuer: str
    client_id: str
    client_secret: SecretReference | None = None
    group_claim: str = "groups"
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    link_by_email: bool = False
    active: bool = True
    mappings: tuple[GroupPart, ...] = ()
