"""The definitions load, and hold exactly what is written down here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import yaml

from pipelines.dagster_storage import KeptConnectionsStorage
from pipelines.definitions import build_defs, defs
from pipelines.warm_launcher import WarmRunLauncher, WarmRunQueue
from resources.lake import LakeResource

CHECKOUT = Path(__file__).resolve().parents[2]


def test_keys_jobs_sensors_schedules_and_checks_are_these() -> None:
    """A change here is a change that operators and analysts see."""
    repository = build_defs().get_repository_def()
    assert sorted(key.to_user_string() for key in repository.assets_defs_by_key) == [
        *("audience", "contact_file", "contacts", "delivery_report", "ledger", "messages", "opt_outs", "questions"),
        *("receipts", "rejects", "replies", "sends", "usage_report", "warnings"),
    ]
    assert sorted(name for name in repository.job_names if not name.startswith("__")) == [
        *("prepare", "prepare_waiting", "report", "retention", "send", "write_sends")
    ]
    assert sorted(sensor.name for sensor in repository.sensor_defs) == [
        *(
            "api_files",
            "campaigns_due",
            "contact_imports",
            "failed_runs",
            "mailboxes_read",
            "messages_due",
            "receipts_polled",
        ),
        *("reports_due", "sftp_files"),
    ]
    assert sorted((schedule.name, schedule.cron_schedule) for schedule in repository.schedule_defs) == [
        ("nightly", "30 1 * * *"),
        ("retention_round", "0 3 * * *"),
        ("standing_feeds", "* * * * *"),
    ]
    checks = repository.asset_graph.asset_check_keys
    assert sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in checks) == [
        "audience:audience_contract_holds",
        "contact_file:contact_file_contract_holds",
        "contacts:contacts_contract_holds",
        "messages:messages_contract_holds",
        "messages:rows_reconcile",
    ]


def test_everything_is_described_runs_by_itself_and_every_check_blocks() -> None:
    """An operator reads Dagster's page alone; nothing has to be switched on by hand."""
    repository = build_defs().get_repository_def()
    graph = repository.asset_graph
    for key in repository.assets_defs_by_key:
        assert graph.get(key).description
        assert graph.get(key).partitions_def is not None
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        assert spec.blocking
        assert spec.description
    for sensor in repository.sensor_defs:
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert sensor.description
    for schedule in repository.schedule_defs:
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING


def test_the_gate_is_downstream_of_every_blocking_check() -> None:
    """The ledger is loaded last: each checked asset is above it."""
    graph = build_defs().get_repository_def().asset_graph
    above = set(graph.get_ancestor_asset_keys(dg.AssetKey("ledger")))
    assert {key.asset_key for key in graph.asset_check_keys} <= above


def test_resources_can_be_swapped() -> None:
    """Tests swap the outside, and nothing else."""
    swapped = build_defs(resource_overrides={"lake": LakeResource(url="memory://lake")})
    assert swapped.resources is not None
    assert swapped.resources["lake"].url == "memory://lake"
    assert set(swapped.resources) == set(build_defs().resources or {})


def test_the_workspace_and_the_instance_name_what_is_there() -> None:
    """`workspace.yaml` and `dagster.yaml` are data: a renamed module would only show when everything is started."""
    workspace = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())
    assert workspace["load_from"][0]["python_module"]["module_name"] == "pipelines.definitions"
    assert defs is not None
    instance = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
    assert instance["telemetry"] == {"enabled": False}
    storage = instance["storage"]["custom"]
    assert (storage["module"], storage["class"]) == (KeptConnectionsStorage.__module__, KeptConnectionsStorage.__name__)
    assert instance["run_launcher"] == {"module": WarmRunLauncher.__module__, "class": WarmRunLauncher.__name__}
    assert instance["run_coordinator"]["module"] == WarmRunQueue.__module__
    assert instance["run_coordinator"]["class"] == WarmRunQueue.__name__
    assert instance["run_monitoring"]["enabled"] is True
    assert instance["run_retries"]["retry_on_asset_or_op_failure"] is False


def test_the_definitions_load_without_what_only_runs_need() -> None:
    """A code server starts faster without the carriers' SDKs, Great Expectations and SFTP."""
    code = (
        "import sys, pipelines.definitions\n"
        "print([m for m in ('twilio', 'sendgrid', 'great_expectations', 'paramiko', 'babel') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=CHECKOUT, check=True)
    assert done.stdout.strip() == "[]"
