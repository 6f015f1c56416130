"""A decision can be made again from its log: what the audience says of each contact follows from its verdicts by channel."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightmail.audience import SUPPRESSIONS, AudiencePolicy, KnownPreferences, plan_audience
from nightmail.audience.decisions import Decision, decide_again, decisions_at
from nightmail.lake import TableFile
from nightmail.lake.schemas import CONTACTS
from nightmail.organisation.audience_rules import AudienceRules, StatedRules
from nightmail.organisation.feed_choices import Delivery
from nightmail.privacy import address_hash

KEY = b"k" * 32
NOW = dt.datetime(2026, 12, 25, 12, 0, tzinfo=dt.UTC)
GERMAN, AMERICAN = "+491701234567", "+12125550123"
_ROWS = st.fixed_dictionaries(
    {
        "phone": st.sampled_from([None, GERMAN, AMERICAN]),
        "email": st.sampled_from([None, "a@example.com", "b@example.com"]),
        "country": st.sampled_from([None, "DE", "US"]),
        "birth_date": st.sampled_from([None, None, dt.date(2020, 1, 1)]),
    }
)


def stated(rules: dict[str, Any]) -> tuple[StatedRules, ...]:
    """The rules of the team."""
    return (StatedRules("acme", 1, AudienceRules.model_validate(rules)),)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(_ROWS, min_size=1, max_size=6),
    suppressed=st.lists(st.sampled_from([GERMAN, "a@example.com"]), unique=True),
    deny=st.sampled_from([[], ["DE"], ["US"]]),
    holidays=st.booleans(),
    once=st.booleans(),
    delivery=st.sampled_from(list(Delivery)),
    channels=st.permutations(["sms", "email", "voice"]),
)
def test_the_audience_follows_from_its_log(
    tmp_path: Path,
    rows: list[dict[str, Any]],
    suppressed: list[str],
    deny: list[str],
    holidays: bool,
    once: bool,
    delivery: Delivery,
    channels: list[str],
) -> None:
    contacts, audience, log = (
        TableFile(f"{tmp_path}/{name}.parquet") for name in ("contacts", "audience", "decisions")
    )
    contacts.write(
        pa.Table.from_pylist(
            [{"line": at + 2, "phone_type": "mobile", **row} for at, row in enumerate(rows)], schema=CONTACTS
        )
    )
    hashes = [{"address_hash": address_hash(address, KEY).hex()} for address in suppressed]
    policy = AudiencePolicy(
        team="acme",
        hash_key=KEY,
        channels=tuple(channels),
        languages=dict.fromkeys(channels, ("en",)),
        now=NOW,
        cut_off=NOW + dt.timedelta(hours=30),
        delivery=delivery,
        once_per_address=once,
        rules=stated({"countries": [{"deny": deny, "channels": ["sms"]}], "holidays": [{}] if holidays else []}),
    )
    known = KnownPreferences(suppressions=pa.Table.from_pylist(hashes, schema=SUPPRESSIONS))
    plan_audience(contacts, audience, policy, known, decisions=log)
    for planned, decided in zip(audience.read().to_pylist(), log.read().to_pylist(), strict=True):
        assert planned["line"] == decided["line"]
        again = decide_again(decided["channels"], decided["verdicts"], fallbacks=policy.has_fallbacks)
        assert again == {name: planned[name] for name in again}
        assert sorted(decided["channels"]) == sorted(channels)


def test_the_log_names_the_rules_and_no_person(tmp_path: Path) -> None:
    contacts, audience, log = (
        TableFile(f"{tmp_path}/{name}.parquet") for name in ("contacts", "audience", "decisions")
    )
    person = {"line": 2, "phone": GERMAN, "phone_type": "mobile", "email": "a@example.com", "country": "DE"}
    contacts.write(pa.Table.from_pylist([person], schema=CONTACTS))
    rules = stated({"countries": [{"deny": ["DE"], "channels": ["sms"]}]})
    policy = AudiencePolicy(
        team="acme",
        hash_key=KEY,
        channels=("sms", "email"),
        languages={"sms": ("en",), "email": ("en",)},
        now=NOW,
        rules=rules,
    )
    plan_audience(contacts, audience, policy, KnownPreferences.nothing(), decisions=log)
    (row,) = log.read().to_pylist()
    assert row == {
        "line": 2,
        "channels": ["sms", "email"],
        "verdicts": ["country_denied", None],
        "decided_by": ["acme/countries/0", None],
        "records": None,
        "consents": None,
        "preferences": None,
        "rules": f"acme@{rules[0].version}",
    }
    version = row["rules"]
    assert decisions_at(log, [2, 7]) == {
        2: [
            Decision("sms", "country_denied", "acme/countries/0", rules=version),
            Decision("email", None, rules=version),
        ]
    }
    assert decisions_at(TableFile(f"{tmp_path}/gone.parquet"), [2]) == {}
    kept = json.loads(log.schema().metadata[b"rules"])
    assert AudienceRules.model_validate(kept["teams"][0]["rules"]) == rules[0].rules
    content = Path(log.url).read_bytes()
    assert GERMAN.encode() not in content and b"a@example.com" not in content


def test_the_benchmark_decides_as_the_row_by_row_way_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.audience", "--contacts", "2000", "--json"],
        check=True,
        capture_output=True,
        cwd=Path(__file__).parents[2],
    )
    answer = json.loads(done.stdout)
    assert answer["agrees"]
    assert {"contacts_per_cpu_s", "snapshot_cpu_s", "peak_rss_mb", "ratio"} <= answer.keys()
