"""What an organisation file may hold, as typed values; each part is checked, and that the names of the parts meet.

Every part is optional but the organisation itself. Secrets never stand in the file: they are references, ``env:NAME``
or ``file:PATH``. Paths are relative to the file. docs/provisioning.md explains each key.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from nightmail.access.networks import checked_networks
from nightmail.access.permissions import permissions_named, scopes_among
from nightmail.channels.names import ChannelName
from nightmail.errors import UsageError
from nightmail.organisation.audience_rules import AudienceRules, named_categories
from nightmail.organisation.categories import PREDEFINED_CATEGORIES
from nightmail.organisation.team_settings import SecretReference, TeamSettings
from nightmail.provisioning.rights_parts import GrantPart, IdentityProviderPart, PersonPart, RolePart

CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
TeamPath = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$")]

ADAPTERS = "adapters"
"""The key of the validation's context under which the known adapters stand."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TeamPart(_Part):
    """A team and the teams under it. A value that is not stated is taken from the team above."""

    name: str
    path: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", description="The last part of the path")]
    region: Literal["eu", "us"] | None = None
    country: CountryCode | None = None
    time_zone: str | None = None
    currency: CurrencyCode | None = None
    retention_days: Annotated[int, Field(ge=1)] | None = None
    settings: TeamSettings = TeamSettings()
    teams: tuple[TeamPart, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError(f"{zone} is not an IANA time zone such as Europe/Berlin") from error
        return zone


class CategoryPart(_Part):
    """A kind of message; without a team it is one for all."""

    name: str
    kind: Literal["service", "marketing"]
    team: TeamPath | None = None
    needs_consent: bool | None = Field(None, description="Marketing needs consent unless this says otherwise")
    urgent: bool = False
    resend_if_absent: bool = False


class PricePart(_Part):
    """What a carrier charges for one unit, from a day on."""

    carrier: str
    channel: ChannelName
    country: CountryCode | None = None
    amount: Annotated[Decimal, Field(ge=0)]
    currency: CurrencyCode
    effective_from: dt.date


class SftpServerPart(_Part):
    """A server on which teams drop files. ``host_key`` reads like a line of known_hosts without the host."""

    name: str
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    username: str
    password_secret: SecretReference | None = None
    private_key_secret: SecretReference | None = None
    host_key: str
    root: str = "/"

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.password_secret is None and self.private_key_secret is None:
            raise ValueError("give password_secret or private_key_secret")
        return self


class MailboxPart(_Part):
    """The mailbox that answers to an account's emails come into, read over IMAP."""

    url: Annotated[str, Field(pattern=r"^imaps?://[^/@\s]+$")] = Field(
        description="`imaps://mail.example.com`, or `imap://mail.example.com` with STARTTLS; with a port where it is another"
    )
    user: str
    secret: SecretReference
    folder: str = "INBOX"


class FailoverPart(_Part):
    """What :class:`nightmail.organisation.failover_settings.FailoverSettings` has a default for."""

    enabled: bool = True
    after: Annotated[int, Field(ge=1, le=1000)] = 5
    within_s: Annotated[float, Field(ge=1, le=600)] = 60.0
    at_least_percent: Annotated[float, Field(ge=0, le=100)] = 10.0
    step_percent: Annotated[int, Field(ge=1, le=100)] = 25
    cool_down_s: Annotated[float, Field(ge=0.1, le=3600)] = 20.0


class CarrierAccountPart(_Part):
    """An account at a carrier. ``adapter`` is the carrier's name and the channel (``acme_sms``); the rest are its settings."""

    name: str
    adapter: str
    carrier: str | None = Field(None, description="What reports call the carrier; by default as the adapter does")
    channel: ChannelName | None = None
    team: TeamPath | None = None
    region: Literal["eu", "us"] | None = None
    priority: int = 0
    account: str = ""
    secret: SecretReference | None = None
    webhook_secret: SecretReference | None = None
    base_url: str = ""
    rate_per_s: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Units per second that the account allows"
    )
    mailbox: MailboxPart | None = Field(
        None, description="Where answers to its emails are read, for a carrier that brings none"
    )
    failover: FailoverPart | None = Field(
        None, description="When it counts as down, and in which steps the next takes over"
    )
    sandbox: bool = Field(False, description="A stand-in on loopback: nothing leaves the machine")
    options: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_or_stated(self, info: ValidationInfo) -> Self:
        known = (info.context or {}).get(ADAPTERS, ())
        if self.adapter not in known and (self.carrier is None or self.channel is None):
            raise ValueError(f"{self.adapter} is none of {', '.join(known)}: state its carrier and channel as well")
        return self

    @property
    def carrier_name(self) -> str:
        """The carrier's name, stated or the adapter's own."""
        return self.carrier or self.adapter.partition("_")[0]

    @property
    def channel_name(self) -> str:
        """The channel, stated or the adapter's own."""
        return self.channel or self.adapter.partition("_")[2]

    def stored_settings(self) -> dict[str, Any]:
        """The settings as the table ``carrier_account`` keeps them."""
        values: dict[str, Any] = {"adapter": self.adapter, "account": self.account, "base_url": self.base_url}
        if self.rate_per_s is not None:
            values["rate_per_s"] = self.rate_per_s
        if self.failover is not None and (stated := self.failover.model_dump(exclude_unset=True)):
            values["failover"] = stated
        if self.sandbox:
            values["sandbox"] = True
        if self.mailbox is not None:
            values["mailbox"] = self.mailbox.model_dump()
        if self.options:
            values["options"] = dict(self.options)
        return values


class SenderPart(_Part):
    """What a team's messages of a channel come from."""

    team: TeamPath
    channel: ChannelName
    name: str = "default"
    address: str
    display_name: str | None = None
    reply_to: str | None = None
    carrier_account: str
    settings: dict[str, Any] = Field(default_factory=dict)


class TemplatePart(_Part):
    """A template file, stored as the team's; a changed file becomes the next version."""

    team: TeamPath
    file: Path


class FeedPart(_Part):
    """A standing order of a team: where files come from, what is sent, how."""

    team: TeamPath
    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    template: str | None = None
    """What is sent; a feed whose files go into the address book needs none."""
    sftp_server: str | None = None
    folder: str | None = None
    default_country: CountryCode | None = None
    schedule: str | None = Field(None, description="Cron expression in the team's time zone")
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _folder_with_server(self) -> Self:
        if (self.sftp_server is None) != (self.folder is None):
            raise ValueError("sftp_server and folder belong together: give both, or neither for a feed by API only")
        if self.folder is not None and (".." in self.folder.split("/") or not self.folder.strip("/")):
            raise ValueError("folder must name a folder below the server's root")
        return self

    @model_validator(mode="after")
    def _template_where_something_is_sent(self) -> Self:
        kind = self.settings.get("kind", "messages")
        if self.template is None and kind == "messages":
            raise ValueError(
                "template is missing: it is what the feed sends; only kind contacts or preferences sends nothing"
            )
        if self.schedule is not None and kind != "messages":
            raise ValueError(f"schedule is for feeds that send: the files of kind {kind} are taken when they come")
        return self


class ApiKeyPart(_Part):
    """A program's key. It is shown once, when it is made; ``file`` writes it there (mode 0600) as well."""

    team: TeamPath
    name: str
    permissions: Annotated[tuple[str, ...], Field(min_length=1, validation_alias=AliasChoices("permissions", "scopes"))]
    """Names of permissions, or of the scopes that keys had before."""
    file: Path | None = None
    expires_at: AwareDatetime | None = None
    allowed_networks: tuple[str, ...] = ()
    """CIDR blocks that it may come from; none: anywhere."""

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(checked_networks(networks))
        except UsageError as error:
            raise ValueError(error.message) from None

    @field_validator("permissions")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            permissions_named(names)
        except UsageError as error:
            raise ValueError(error.message) from None
        return names

    @property
    def wanted(self) -> tuple[str, ...]:
        """The permissions that the names mean, sorted."""
        return tuple(sorted(permissions_named(self.permissions)))

    @property
    def notes(self) -> tuple[str, ...]:
        """That scopes of earlier versions are named, where they are."""
        old = scopes_among(self.permissions)
        return (f"{', '.join(old)}: scopes of earlier versions, read as permissions",) if old else ()


class WebhookPart(_Part):
    """A team's address that is called at events."""

    team: TeamPath
    url: str
    events: tuple[str, ...]
    secret: SecretReference


class Organisation(_Part):
    """The whole file."""

    organisation: TeamPart
    categories: tuple[CategoryPart, ...] = ()
    prices: tuple[PricePart, ...] = ()
    price_lists: tuple[Path, ...] = ()
    sftp_servers: tuple[SftpServerPart, ...] = ()
    carrier_accounts: tuple[CarrierAccountPart, ...] = ()
    senders: tuple[SenderPart, ...] = ()
    templates: tuple[TemplatePart, ...] = ()
    feeds: tuple[FeedPart, ...] = ()
    api_keys: tuple[ApiKeyPart, ...] = ()
    webhooks: tuple[WebhookPart, ...] = ()
    people: tuple[PersonPart, ...] = ()
    roles: tuple[RolePart, ...] = ()
    grants: tuple[GrantPart, ...] = ()
    identity_providers: tuple[IdentityProviderPart, ...] = ()

    def teams(self) -> list[tuple[str, TeamPart]]:
        """Every team with its whole path, parents before children."""
        found: list[tuple[str, TeamPart]] = []

        def walk(part: TeamPart, above: str) -> None:
            path = f"{above}.{part.path}" if above else part.path
            found.append((path, part))
            for child in part.teams:
                walk(child, path)

        walk(self.organisation, "")
        return found

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        paths = [path for path, _ in self.teams()]
        _refuse_twice("teams", paths)
        _refuse_twice("sftp_servers", [part.name for part in self.sftp_servers])
        _refuse_twice("carrier_accounts", [part.name for part in self.carrier_accounts])
        _refuse_twice("senders", [f"{part.team} {part.channel} {part.name}" for part in self.senders])
        _refuse_twice("feeds", [f"{part.team} {part.name}" for part in self.feeds])
        _refuse_twice("feeds' folders", [f"{part.sftp_server}:{part.folder}" for part in self.feeds if part.folder])
        _refuse_twice("api_keys", [f"{part.team} {part.name}" for part in self.api_keys])
        _refuse_twice("people", [part.email for part in self.people])
        _refuse_twice("roles", [f"{part.team or paths[0]} {part.name}" for part in self.roles])
        _refuse_twice("grants", [f"{part.person} {part.role} {part.team or paths[0]}" for part in self.grants])
        _refuse_twice("identity_providers", [part.name for part in self.identity_providers])
        owned: dict[str, list[str | None]] = {
            "categories": [part.team for part in self.categories],
            "carrier_accounts": [part.team for part in self.carrier_accounts],
            "senders": [part.team for part in self.senders],
            "templates": [part.team for part in self.templates],
            "feeds": [part.team for part in self.feeds],
            "api_keys": [part.team for part in self.api_keys],
            "webhooks": [part.team for part in self.webhooks],
            "roles": [part.team for part in self.roles],
            "grants": [part.team for part in self.grants],
            "identity_providers": [group.team for part in self.identity_providers for group in part.mappings],
        }
        for kind, teams in owned.items():
            for index, team in enumerate(teams):
                if team is not None and team not in paths:
                    raise ValueError(f"{kind}[{index}].team: there is no team {team}; known: {', '.join(paths)}")
        return self

    @model_validator(mode="after")
    def _rules_name_categories(self) -> Self:
        known = sorted({*PREDEFINED_CATEGORIES, *(part.name for part in self.categories)})
        for path, part in self.teams():
            for category in named_categories(part.settings.audience or AudienceRules()):
                if category not in known:
                    raise ValueError(
                        f"the rules of the team {path} name the category {category}, which there is not; "
                        f"known: {', '.join(known)}"
                    )
        return self


def _refuse_twice(kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{kind}: {name} stands twice")
        seen.add(name)
