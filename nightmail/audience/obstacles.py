"""What stands in the way of a contact: language, country, opt-outs, suppressions, consent, age."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nightmail.audience.addressing import Addressed
from nightmail.audience.caps import Caps
from nightmail.audience.closed_days import ClosedDays
from nightmail.audience.consents import EXPIRED, NOTHING, WITHDRAWN
from nightmail.audience.country_rules import CountryRules
from nightmail.audience.known_index import KnownIndex
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.verdicts import (
    CATEGORY,
    CHANNEL,
    CONSENT,
    FEED,
    GOOD,
    QUIET_HOURS,
    REASONS,
    SERVED,
    SUPPRESSION,
    TEMPLATE,
    DeciderNames,
    codes_of,
)
from nightmail.channels import CHANNELS
from nightmail.lake import column_of
from nightmail.lake.masks import Mask, truth
from nightmail.organisation.served_countries import SERVED_COUNTRIES, consent_age
from nightmail.privacy.hash_groups import Places
from nightmail.privacy.keyed_hashes import Hashes
from nightmail.row_checks.language_matching import choose_language


class Obstacles:
    """The rules of a policy and what is known of people, asked for a block of contacts at a time."""

    def __init__(self, policy: AudiencePolicy, known: KnownIndex, deciders: DeciderNames) -> None:
        self._policy, self._known, self._deciders = policy, known, deciders
        self._served = SERVED_COUNTRIES if policy.served is None else policy.served
        names, category = policy.channels, policy.category
        self._caps = Caps(policy.rules, category, urgent=policy.urgent, recent=known.recent)
        self._country_rules = {
            name: CountryRules(policy.rules, category, name, policy.hosting_region) for name in names
        }

    def looked_at(self, channel: str, closed: ClosedDays) -> list[str]:
        """What is looked at for a message on a channel, in this order: the first that objects decides."""
        caps = [stated.place for stated in self._caps.on(channel)]
        unsettled = [FEED] if self._policy.country_needed else [CHANNEL] if CHANNELS[channel].needs_country else []
        rules = [TEMPLATE, SERVED, *unsettled, *self._country_rules[channel].places, SUPPRESSION, CONSENT]
        return [*rules, *([CATEGORY] if self._policy.needs_consent else ()), QUIET_HOURS, *closed.places, *caps]

    def judge(self, addressed: Addressed, language: pa.DictionaryArray, consents: Places) -> None:
        """Mark the rows that cannot be sent to on the channel, whose countries are settled; the first reason stays.

        ``consents`` are the places of the contacts among the consents.
        """
        self._judge_language(addressed, language)
        self._judge_country(addressed)
        self._judge_known(addressed, consents)

    def _judge_language(self, addressed: Addressed, language: pa.DictionaryArray) -> None:
        default = self._policy.default_language
        available = self._policy.languages.get(addressed.channel.name, ())
        tags = [*language.dictionary.to_pylist(), None]
        missing = np.array([choose_language(tag, available, default) is None for tag in tags], dtype=bool)
        if missing.any():
            addressed.mark(missing[codes_of(language)], "language_not_available", self._deciders.code(TEMPLATE))

    def _judge_country(self, addressed: Addressed) -> None:
        encoded = addressed.country.dictionary_encode()
        judged = [self._of_country(addressed, country) for country in [*encoded.dictionary.to_pylist(), None]]
        codes = codes_of(encoded)
        for found in {each for each in judged if each is not None}:
            where = np.array([each == found for each in judged], dtype=bool)
            addressed.mark(where[codes], found[0], self._deciders.code(found[1]))

    def _of_country(self, addressed: Addressed, country: str | None) -> tuple[str, str] | None:
        """Why nobody of a country can be sent to on a channel, and what says so."""
        rules = self._country_rules[addressed.channel.name]
        if country is None:
            if rules.need_country:
                return "country_unsettled", rules.places[0]
            if self._policy.country_needed:
                return "country_unsettled", FEED
            return ("country_unsettled", CHANNEL) if addressed.channel.needs_country else None
        if country not in self._served:
            return "country_not_served", SERVED
        denied = rules.denied_by(country)
        if denied is not None:
            return "country_denied", denied
        outside = rules.outside_by(country)
        return None if outside is None else ("outside_region", outside)

    def _judge_known(self, addressed: Addressed, consents: Places) -> None:
        name = addressed.channel.name
        verdicts, records = self._known.suppressions.of(name, addressed.hashes)
        by = self._deciders.code(SUPPRESSION)
        for verdict in np.flatnonzero(np.bincount(verdicts, minlength=len(REASONS))[1:]) + 1:
            addressed.mark(verdicts == verdict, REASONS[verdict], by, records)
        stands, records = self._known.consents.on(name, consents)
        by = self._deciders.code(CONSENT)
        addressed.mark(stands == WITHDRAWN, "consent_withdrawn", by, records)
        if not self._policy.needs_consent:
            return
        addressed.mark(stands == EXPIRED, "consent_expired", by, records)
        addressed.mark(stands == NOTHING, "consent_missing", self._deciders.code(CATEGORY))
        # Who is left was let through by a consent, whatever is decided after that.
        addressed.consents = np.where(addressed.verdicts == GOOD, records, -1)

    def judge_caps(self, addressed: Addressed, contact_hashes: Hashes) -> None:
        """Mark the rows that got as much as a cap allows; only those are looked at that nothing else stands in the way of."""
        caps = self._caps.on(addressed.channel.name)
        rows = np.flatnonzero(addressed.verdicts == GOOD)
        if not caps or not len(rows):
            return
        all_rows = len(rows) == len(addressed.verdicts)
        contacts, addresses = (each if all_rows else each[rows] for each in (contact_hashes, addressed.hashes))
        reached = self._caps.reached(addressed.channel.name, contacts, addresses)
        full = np.full(len(addressed.verdicts), -1, dtype=np.int64)
        full[rows] = reached
        for at, stated in enumerate(caps):
            addressed.mark(full == at, "frequency_cap", self._deciders.code(stated.place))

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
