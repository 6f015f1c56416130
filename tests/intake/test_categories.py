"""Whose category a campaign has, and that both its preparation and its senders go by what the organisation says of it."""

from __future__ import annotations

from typing import Any

import pytest

from nightmail.errors import UsageError
from tests.support.pipeline_rig import ORGANISATION, PipelineRig, contact_rows


def categories(rig: PipelineRig, **columns: dict[str, Any]) -> None:
    """Categories of the rig's organisation, by name."""
    lines = "".join(
        f"  - {{name: {name}, {', '.join(f'{k}: {v}' for k, v in more.items())}}}\n" for name, more in columns.items()
    )
    rig.provision(f"{ORGANISATION}categories:\n{lines}")


@pytest.mark.parametrize(
    ("category", "feed", "held"),
    [
        pytest.param({"kind": "service"}, {}, False, id="service"),
        pytest.param({"kind": "marketing"}, {}, True, id="marketing needs consent"),
        pytest.param({"kind": "marketing", "needs_consent": "false"}, {}, False, id="unless the organisation has it"),
        pytest.param({"kind": "service", "needs_consent": "true"}, {}, True, id="as it may for service"),
        pytest.param({"kind": "marketing"}, {"needs_consent": False}, False, id="a feed may do without"),
        pytest.param({"kind": "service"}, {"needs_consent": True}, True, id="or insist"),
    ],
)
def test_consent_is_needed_as_the_organisation_and_the_feed_say(
    rig: PipelineRig, category: dict[str, Any], feed: dict[str, Any], held: bool
) -> None:
    """The team's parent has the category; the template is of another, which needs none."""
    categories(rig, tips={"team": "acme", **category})
    campaign = rig.prepared(contact_rows(3), category="tips", **feed)
    assert campaign.category == "tips"
    # What the senders ask again at hand-off.
    assert campaign.needs_consent is held
    audience = rig.table("audience", campaign)
    reasons = set(audience.column("reason").to_pylist())
    assert reasons == ({"consent_missing"} if held else {None})


def test_the_nearest_teams_category_counts(rig: PipelineRig) -> None:
    """One name, three owners: everybody's, the parent team's, and the team's own."""
    rig.change("insert into category (name, kind) values ('tips', 'service')")
    assert rig.upload(contact_rows(1), category="tips").campaign.needs_consent is False
    categories(rig, tips={"team": "acme", "kind": "marketing"})
    assert rig.upload(contact_rows(2), category="tips").campaign.needs_consent is True
    rig.change(
        "insert into category (name, kind, team_id) select 'tips', 'service', id from team where path = 'acme.billing'"
    )
    assert rig.upload(contact_rows(3), category="tips").campaign.needs_consent is False


def test_a_category_that_is_not_there_is_no_other(rig: PipelineRig) -> None:
    """A file is not sent as the template's category instead, whose preferences and consents are others."""
    with pytest.raises(UsageError) as caught:
        rig.upload(contact_rows(3), category="tipps")
    assert caught.value.reason == "category_unknown"
    assert "tipps" in caught.value.message
    assert "invoices" in caught.value.message
