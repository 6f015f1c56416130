"""From which age a person may have an account, by country: the age of majority, since minors cannot have one.

The offer forbids accounts of minors. Who invites a person attests that they have this age.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AccountAge:
    """The age from which somebody in ``country`` is of age, the rule it comes from, and where it is another."""

    country: str
    age: int
    source: str
    note: str = ""


DEFAULT_ACCOUNT_AGE = AccountAge("", 18, "Convention on the Rights of the Child, Article 1")
"""For a country without an entry of its own."""

_ENTRIES = (
    AccountAge("CA", 18, "the provinces' ages of majority", "19 in some provinces: attest the province's age"),
    AccountAge("EG", 21, "Egyptian Civil Code, Article 44"),
    AccountAge("NZ", 20, "Age of Majority Act 1970, section 4"),
    AccountAge("PR", 21, "Civil Code of Puerto Rico of 2020, Article 97"),
    AccountAge(
        "US", 18, "the states' ages of majority", "19 in Alabama and Nebraska, 21 in Mississippi: attest the state's"
    ),
)

ACCOUNT_AGES: dict[str, AccountAge] = {entry.country: entry for entry in _ENTRIES}
"""Countries (ISO 3166-1 alpha-2) whose age is not :data:`DEFAULT_ACCOUNT_AGE`."""


def account_age(country: str) -> AccountAge:
    """The age for ``country``, or the default."""
    return ACCOUNT_AGES.get(country, DEFAULT_ACCOUNT_AGE)
