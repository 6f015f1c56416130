"""A machine whose clock is wrong, or jumps: nothing early, late or twice, since time comes from the database.

The clocks are wrong for real: senders, a portal, a preparing run and a PostgreSQL run under ``faketime``.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from nightmail.campaigns.transitions import pause, resume
from nightmail.sending.doubt_lookup import resolve_in_doubt
from nightmail.store.engine import normalised_url
from nightmail.store.local_server import WORKING_ROLE, LocalServer
from nightmail.store.upgrade import upgrade
from tests.support.database_roles import as_owner
from tests.support.pipeline_fixtures import data_dir
from tests.support.sandbox_process import ROOT, RunningCarriers, eventually
from tests.support.sending_rig import KEY, Organisation, in_minutes

__all__ = ["data_dir"]

pytestmark = pytest.mark.needs_program("faketime")


def wrong_clock(shift: str) -> dict[str, str]:
    """The environment of a process whose clock is wrong by so much.

    A wrong clock does not change how fast time goes by, nor the kernel's count of it.
    """
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


SLEEP = "import select, time; time.sleep = lambda s: s > 0 and select.select([], [], [], s) and None; "
"""faketime 0.9.10 takes a sleep until a moment that is just over for an invalid argument, and Python sleeps until moments."""
SENDER = SLEEP + (
    "from tests.support.sender_processes import send_until_told; send_until_told({url!r}, {public!r}, {idle}, False, {{}})"
)
PORTAL = SLEEP + (
    "import uvicorn; uvicorn.run('portal.application:create_application', factory=True, port={port}, log_level='error')"
)

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(organisation: Organisation) -> Iterator[Start]:
    """Starts a sender in a process whose clock is wrong; ends those that are left."""
    running: list[subprocess.Popen[bytes]] = []
    url = organisation.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def begin(clock: str, idle_s: float = 0.5, **environment: str) -> subprocess.Popen[bytes]:
        code = SENDER.format(url=url, public=organisation.public_url, idle=idle_s)
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **wrong_clock(clock), **environment}
            )
        )
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.parametrize("clock", ["+7h", "-7h", "+400d"])
def test_a_senders_wrong_clock_changes_nothing(
    organisation: Organisation, sandbox: RunningCarriers, start: Start, clock: str
) -> None:
    """Quiet hours, cut-offs and schedules are kept by the database's time, and nothing goes twice."""
    now = dt.datetime.now(dt.UTC)
    there = now + {"+7h": dt.timedelta(hours=7), "-7h": dt.timedelta(hours=-7)}.get(clock, dt.timedelta(0))
    quiet = organisation.campaign(["+447700900001", "+447700900002"], cut_off_at=in_minutes(24 * 60))
    around = {"+447700900001": now}
    if there != now:
        # These are quiet when the wrong clock says so, which is no reason to wait.
        around["+447700900002"] = there
    for number, moment in around.items():
        organisation.execute(
            "insert into preference (team_id, contact_id, quiet_from, quiet_until, time_zone) "
            "values (:t, :c, :f, :u, 'UTC')",
            t=organisation.team_id,
            c=f"contact-{number}",
            f=f"{moment - dt.timedelta(hours=1):%H:%M}",
            u=f"{moment + dt.timedelta(hours=2):%H:%M}",
        )
    open_still = organisation.campaign(20, cut_off_at=in_minutes(30))
    over = organisation.campaign(5, cut_off_at=in_minutes(-1))
    later = organisation.campaign(5, scheduled_at=in_minutes(60))
    assert start(clock).wait(120) == 0
    first, second = organisation.messages(quiet)
    assert (first["state"], second["state"]) == ("queued", "accepted")
    assert dt.timedelta(hours=1, minutes=55) < first["due_at"] - now < dt.timedelta(hours=2, minutes=1)
    assert abs(second["handed_off_at"] - now) < dt.timedelta(minutes=1)
    assert organisation.states(open_still) == {"accepted": 20}
    assert organisation.states(over) == {"expired": 5}
    assert organisation.read(later).state == "scheduled"
    organisation.drain()
    for campaign, sent in ((quiet, 1), (open_still, 20), (over, 0), (later, 0)):
        ids = sandbox.accepted_of(campaign.token)
        assert len(ids) == len(set(ids)) == sent


def test_clocks_that_jump_break_no_lease_and_no_pause(
    organisation: Organisation, sandbox: RunningCarriers, start: Start, tmp_path: Path
) -> None:
    """Two senders, one clock jumping by hours all the time: each message once, none in doubt, a pause within a second."""
    clock = tmp_path / "clock"
    clock.write_text("+5h\n")
    sandbox.faults({"kind": "wait", "on": "messages", "seconds": 0.05})
    organisation.change_account("sms", connections=2)
    campaign = organisation.campaign(300)
    jumping = start("+5h", 2.0, FAKETIME="", FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1")
    start("-9h", 2.0)

    def jump(until: Callable[[], bool]) -> None:
        end = time.monotonic() + 120
        while not until():
            assert time.monotonic() < end
            for shift in ("-5h", "+5h"):
                clock.write_text(f"{shift}\n")
                time.sleep(0.02)

    jump(lambda: len(sandbox.accepted_of(campaign.token)) >= 60)
    pause(organisation.engine, campaign.key, actor="test")
    paused_at = time.time()
    jump(lambda: time.time() > paused_at + 1.5)
    last = max(
        dt.datetime.fromisoformat(line["at"]).timestamp()
        for line in sandbox.accepted()
        if (line["message_id"] or "").startswith(campaign.token)
    )
    assert last < paused_at + 1.0
    assert len(sandbox.accepted_of(campaign.token)) < 300
    resume(organisation.engine, campaign.key, actor="test")
    jump(lambda: jumping.poll() is not None)
    organisation.drain()
    ids = sandbox.accepted_of(campaign.token)
    assert len(ids) == len(set(ids)) == 300
    assert organisation.states(campaign) == {"accepted": 300}
    assert organisation.query("select count(*) from attempt where outcome <> 'accepted'")[0][0] == 0


def test_a_portals_wrong_clock_refuses_no_receipt(
    organisation: Organisation, sandbox: RunningCarriers, tmp_path: Path
) -> None:
    """Ten days ahead: signed email events are as fresh as the database says, and are taken."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = organisation.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    environment = {
        **os.environ,
        **wrong_clock("+10d"),
        "NIGHTMAIL_DATABASE_URL": url,
        "NIGHTMAIL_SECRET_KEY": KEY.decode(),
        "NIGHTMAIL_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "NIGHTMAIL_DATA_DIR": str(tmp_path / "data"),
    }
    portal = subprocess.Popen(
        [sys.executable, "-c", PORTAL.format(port=port)],
        cwd=ROOT, env=environment,
    )  # fmt: skip
    try:

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        eventually(listens, 120)
        sandbox.ask("/webhooks", {"base": f"http://127.0.0.1:{port}"})
        campaign = organisation.campaign(10, ("email",))
        organisation.drain()
        eventually(lambda: {row["delivery"] for row in organisation.messages(campaign)} == {"delivered"}, 60)
        told = organisation.query("select max(delivery_at) from message")[0][0]
        assert abs(told - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=2)
        assert organisation.query("select count(*) from alert")[0][0] == 0
    finally:
        portal.terminate()
        portal.wait(20)


PREPARE = f"""{SLEEP}
import sys
from pathlib import Path
from sqlalchemy import create_engine
from nightmail.store.engine import normalised_url
from tests.support.pipeline_rig import PipelineRig, contact_rows
url, folder = sys.argv[1:]
rig = PipelineRig(create_engine(normalised_url(url)), url, Path(folder))
rig.prepared(contact_rows(3), quiet_hours=sys.stdin.read())
"""


def test_a_preparing_runs_wrong_clock_moves_no_quiet_hours(database: Engine, database_url: str, data_dir: Path) -> None:
    """What is planned seven hours ahead of time is not put off because of hours that are quiet then."""
    then = dt.datetime.now(dt.UTC) + dt.timedelta(hours=7)
    quiet = f"{then - dt.timedelta(hours=1):%H:%M}-{then + dt.timedelta(hours=2):%H:%M}"
    data_dir.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, database_url, str(data_dir)],
        cwd=ROOT, env={**os.environ, **wrong_clock("+7h")}, input=quiet, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0
    with database.connect() as connection:
        late = connection.scalar(text("select count(*) from message where due_at > now()"))
        key, loaded = connection.execute(text("select key, now() from campaign")).one()
        assert connection.scalar(text("select count(*) from message")) == 3
    assert late == 0
    assert key.startswith(f"{loaded:%Y-%m-%d}")


def test_a_databases_wrong_clock_sends_nothing_twice(
    sandbox: RunningCarriers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL three hours ahead: what the carrier took is found by its records, not sent again as if it were absent."""
    folder = Path(tempfile.mkdtemp(prefix="nightmail-test-clock-"))
    folder.chmod(0o755)
    server = LocalServer(folder / "pg")
    with monkeypatch.context() as wrong:
        for name, value in wrong_clock("+3h").items():
            wrong.setenv(name, value)
        server.start()
    engine = create_engine(normalised_url(server.url()))
    try:
        upgrade(as_owner(engine), WORKING_ROLE)
        with engine.connect() as connection:
            ahead = connection.scalars(text("select now()")).one() - dt.datetime.now(dt.UTC)
        assert dt.timedelta(hours=2, minutes=59) < ahead < dt.timedelta(hours=3, minutes=1)
        organisation = Organisation(engine, tmp_path, sandbox.told)
        organisation.execute("update category set resend_if_absent = true")
        sandbox.faults({"kind": "500_after", "on": "messages", "count": 3})
        before = len(sandbox.accepted())
        campaign = organisation.campaign(["+447700913001", "+447700913002", "+447700913003"])
        organisation.drain()
        organisation.execute("update message set changed_at = now() - interval '11 minutes' where state = 'in_doubt'")
        resolve_in_doubt(engine, organisation.carriers)
        organisation.drain()
        assert organisation.states(campaign) == {"accepted": 3}
        assert len(sandbox.accepted()) - before == 3
    finally:
        engine.dispose()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
