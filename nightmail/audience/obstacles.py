"""What stands in the way of a contact: language, country, opt-outs, suppressions, consent, age."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.addressing import Addressed
from nightmail.audience.caps import Caps
from nightmail.audience.consents import ConsentIndex
from nightmail.audience.country_rules import CountryRules
from nightmail.audience.known import KnownPreferences
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.verdicts import CODE, GOOD, by_value, mark
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, present, truth
from nightmail.organisation.served_countries import SERVED_COUNTRIES, consent_age
from nightmail.privacy.keyed_hashes import Hashes, HashIndex, from_hex
from nightmail.row_checks.language_matching import choose_language


class Obstacles:
    """The rules of a policy and what is known of people, asked for a block of contacts at a time."""

    def __init__(self, policy: AudiencePolicy, known: KnownPreferences) -> None:
        self._policy = policy
        self._served = SERVED_COUNTRIES if policy.served is None else policy.served
        names, category = policy.channels, policy.category
        self._caps = Caps(policy.rules, category, urgent=policy.urgent, recent=known.recent)
        self._country_rules = {
            name: CountryRules(policy.rules, category, name, policy.hosting_region) for name in names
        }
        self._opted_out = {name: _suppressions(known, name, None, asked_for=True) for name in names}
        self._suppressed = {name: _suppressions(known, name, None) for name in names}
        self._undecided = {name: _suppressions(known, name, category, undecided=True) for name in names}
        self._out_of_category = {name: _suppressions(known, name, category) for name in names}
        self._consents = {name: ConsentIndex(known.consents, name, category, policy.moment) for name in names}

    def judge(self, addressed: Addressed, language: pa.Array, contact_hashes: Hashes) -> None:
        """Mark the rows that cannot be sent to on the channel, whose countries are settled; the first reason stays."""
        self._judge_language(addressed, language)
        self._judge_country(addressed)
        self._judge_known(addressed, contact_hashes)

    def _judge_language(self, addressed: Addressed, language: pa.Array) -> None:
        default = self._policy.default_language
        available = self._policy.languages.get(addressed.channel.name, ())
        missing = by_value(language, lambda tag: choose_language(tag, available, default) is None)
        mark(addressed.verdicts, missing, "language_not_available")

    def _judge_country(self, addressed: Addressed) -> None:
        known = present(addressed.country)
        mark(addressed.verdicts, known & by_value(addressed.country, self._is_not_served), "country_not_served")
        rules = self._country_rules[addressed.channel.name]
        mark(addressed.verdicts, by_value(addressed.country, rules.denies), "country_denied")
        mark(addressed.verdicts, by_value(addressed.country, rules.is_outside), "outside_region")
        if addressed.channel.needs_country or self._policy.country_needed or rules.need_country:
            mark(addressed.verdicts, ~known, "country_unsettled")

    def _is_not_served(self, country: str | None) -> bool:
        return country is not None and country not in self._served

    def _judge_known(self, addressed: Addressed, contact_hashes: Hashes) -> None:
        name, verdicts, hashes = addressed.channel.name, addressed.verdicts, addressed.hashes
        mark(verdicts, self._opted_out[name].contains(hashes), "opted_out")
        mark(verdicts, self._suppressed[name].contains(hashes), "suppressed")
        mark(verdicts, self._undecided[name].contains(hashes), "probable_opt_out")
        mark(verdicts, self._out_of_category[name].contains(hashes), "category_opted_out")
        stands = self._consents[name].of(contact_hashes)
        mark(verdicts, stands.withdrawn, "consent_withdrawn")
        if self._policy.needs_consent:
            mark(verdicts, stands.expired, "consent_expired")
            mark(verdicts, ~stands.given, "consent_missing")

    def judge_caps(self, addressed: Addressed, contact_hashes: Hashes) -> None:
        """Mark the rows that got as much as a cap allows; only those are looked at that nothing else stands in the way of."""
        rows = np.flatnonzero(addressed.verdicts == GOOD)
        reached = self._caps.reached(addressed.channel.name, contact_hashes[rows], addressed.hashes[rows])
        addressed.verdicts[rows[reached]] = CODE["frequency_cap"]

    def minors(self, block: pa.Table, country: pa.Array) -> Mask:
        """Contacts under the age of consent of their country on the day of sending (GDPR, article 8)."""
        born = column_of(block, "birth_date")
        if born.null_count == len(born):
            return np.zeros(len(born), dtype=bool)
        on = self._policy.reference_date
        countries = country.dictionary_encode()
        of_age = [_years_before(on, consent_age(code).age) for code in countries.dictionary.to_pylist()]
        of_age.append(_years_before(on, consent_age(None).age))
        codes = pc.fill_null(countries.indices, len(of_age) - 1)
        latest = pa.array(of_age, pa.date32()).take(codes)
        return truth(pc.greater(born, latest))

    @staticmethod
    def unread_birth_dates(block: pa.Table) -> Mask:
        """Contacts whose birth date is filled and cannot be read: they may be minors."""
        if "birth_date_unread" not in block.column_names:
            return np.zeros(block.num_rows, dtype=bool)
        return truth(column_of(block, "birth_date_unread"))


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _suppressions(
    known: KnownPreferences, channel: str, category: str | None, *, asked_for: bool = False, undecided: bool = False
) -> HashIndex:
    """Suppressed addresses on a channel: for all categories (``category`` ``None``), or for just that one.

    With ``asked_for`` only those whose owner asked for it, with ``undecided`` only those that wait for a decision.
    """
    table = known.suppressions
    if undecided:
        table = table.filter(pc.fill_null(table["undecided"], False))
    if asked_for:
        table = table.filter(pc.fill_null(table["opted_out"], False))
    on_channel = pc.or_kleene(pc.is_null(table["channel"]), pc.equal(table["channel"], channel))
    of_category: Any = pc.is_null(table["category"]) if category is None else pc.equal(table["category"], category)
    return HashIndex(from_hex(table.filter(pc.and_kleene(on_channel, of_category))["address_hash"]))
