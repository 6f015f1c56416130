"""What is known of people, made ready to be looked up in, block by block."""

from __future__ import annotations

import pyarrow as pa

from nightmail.audience.caps import RecentSends
from nightmail.audience.choices import ChoiceIndex
from nightmail.audience.consents import ConsentIndex
from nightmail.audience.policy import AudiencePolicy
from nightmail.audience.suppressed import SuppressionIndex


class KnownIndex:
    """Suppressions, consents and choices as one policy asks for them."""

    def __init__(
        self,
        policy: AudiencePolicy,
        suppressions: pa.Table,
        preferences: pa.Table,
        consents: pa.Table,
        recent: RecentSends | None,
    ) -> None:
        self.suppressions = SuppressionIndex(suppressions, policy.channels, policy.category)
        self.consents = ConsentIndex(consents, policy.channels, policy.category, policy.moment)
        self.choices = ChoiceIndex(policy, preferences)
        self.recent = recent
