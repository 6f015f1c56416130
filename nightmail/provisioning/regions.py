"""What of an organisation file is this deployment's: the file is one for all hosting regions, and each takes its own teams."""

from __future__ import annotations

from dataclasses import dataclass

from nightmail.errors import ConfigurationError
from nightmail.provisioning.organisation import Organisation, TeamPart
from nightmail.provisioning.setup import LEAVE, Change


@dataclass(frozen=True)
class OfRegion:
    """The organisation as far as a region hosts it, and what was left out."""

    organisation: Organisation
    left: tuple[Change, ...]
    """The teams and carrier accounts of other regions, by name."""


def of_region(organisation: Organisation, region: str) -> OfRegion:
    """Return what a region hosts of an organisation.

    A team of another region stays where a team below it is hosted here, without its feeds, senders, keys and webhooks: the tree
    needs it, and those below may use its templates. Raises :class:`ConfigurationError` (``no_team_of_region``).
    """
    regions = _regions(organisation)
    other = {path for path, its in regions.items() if its != region}
    if len(other) == len(regions):
        raise ConfigurationError("no_team_of_region", region=region, regions=", ".join(sorted(set(regions.values()))))
    if not other and all(account.region in (None, region) for account in organisation.carrier_accounts):
        return OfRegion(organisation, ())
    above = {path for path in other if any(kept.startswith(f"{path}.") for kept in regions.keys() - other)}
    gone = other - above
    accounts = tuple(
        account
        for account in organisation.carrier_accounts
        if account.region in (None, region) and account.team not in gone
    )
    names = {account.name for account in accounts}
    kept = organisation.model_copy(
        update={
            "organisation": _without(organisation.organisation, "", gone),
            "carrier_accounts": accounts,
            "senders": tuple(
                part for part in organisation.senders if part.team not in other and part.carrier_account in names
            ),
            "categories": tuple(part for part in organisation.categories if part.team not in gone),
            "templates": tuple(part for part in organisation.templates if part.team not in gone),
            "grants": tuple(part for part in organisation.grants if part.team not in gone),
            **{
                name: tuple(part for part in getattr(organisation, name) if part.team not in other)
                for name in ("feeds", "api_keys", "webhooks")
            },
        }
    )
    left = [Change(LEAVE, "team", path, (_why(regions[path], region, path in above),)) for path in sorted(other)]
    left += [
        Change(LEAVE, "carrier account", account.name, (_why(account.region, region, False),))
        for account in organisation.carrier_accounts
        if account.region not in (None, region)
    ]
    return OfRegion(kept, tuple(left))


def _why(its: str | None, region: str, above: bool) -> str:
    return f"hosted in {its}, this deployment in {region}" + (": only what is below it is here" if above else "")


def _regions(organisation: Organisation) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, team in organisation.teams():
        found[path] = team.region or found.get(path.rpartition(".")[0], "eu")
    return found


def _without(part: TeamPart, above: str, gone: set[str]) -> TeamPart:
    path = f"{above}.{part.path}" if above else part.path
    children = [child for child in part.teams if f"{path}.{child.path}" not in gone]
    return part.model_copy(update={"teams": tuple(_without(child, path, gone) for child in children)})
