"""``nightmail send FILE --template T``: one campaign of one file, now or at a time. What would be sent is shown first."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.lean_arrow import leave_pandas_out
from commands.screen import Screen, screen
from nightmail.errors import ContractError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.intake.arrivals import Arrival, Registered
    from nightmail.templates import Template

_CHUNK = 1 << 20


def send(
    file: Path = typer.Argument(..., help="The contact file."),
    *,
    template: str = typer.Option(..., "--template", "-t", help="A template's name, or a YAML, .txt or .html file."),
    team: str = typer.Option(
        None, "--team", help="Whose send it is, such as acme.billing; not needed if there is one."
    ),
    at: str = typer.Option(None, "--at", help="When: 2026-12-01T08:00 in the team's time zone, or with an offset."),
    again: bool = typer.Option(False, "--again", help="Send the same content once more, on purpose."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON; asks nothing."),
) -> None:
    """Send a contact file by a template, now or at a time. Shows what would be sent and asks first."""
    from commands.local import actor, open_database
    from commands.template_choice import choose_template
    from nightmail.intake.direct_sends import register_direct_send, store_template
    from nightmail.settings import settings

    view = screen(json_output)
    if not file.is_file():
        raise UsageError("file_missing", f"There is no file {file}.", "Give the path of a contact file.")
    engine = open_database()
    whose, zone, now = _team(engine, team)
    starts_at = None if at is None else _moment(at, zone, now)
    chosen = choose_template(template, engine)
    if not (yes or json_output):
        _preview(view, engine, file, chosen, whose)
        if not typer.confirm("Send it?" if starts_at is None else f"Send it at {starts_at:%Y-%m-%d %H:%M} UTC?"):
            view.say("Nothing was sent.")
            raise typer.Exit(1)
    arrival = _keep(file, settings().incoming_dir)
    with engine.begin() as connection:
        version = store_template(connection, whose, chosen, actor=actor())
        done = register_direct_send(
            connection, whose, version, arrival, actor=actor(), scheduled_at=starts_at, again=again
        )
    _tell(view, done, starts_at)


def _tell(view: Screen, done: Registered, starts_at: dt.datetime | None) -> None:
    assert done.campaign is not None
    view.answer(
        {
            "ok": done.state == "taken",
            "campaign": done.campaign.key,
            "state": done.state,
            "starts_at": starts_at,
        }
    )
    if done.state == "repeated":
        view.say(f"The same content was sent before, as {done.campaign.key}. Nothing was sent again.", style="yellow")
        view.say("To send it again on purpose, use --again.")
        raise typer.Exit(1)
    view.say(f"campaign {done.campaign.key}", style="bold green")
    view.say(f"follow it with: nightmail campaigns {done.campaign.key}")


def _team(engine: Engine, wanted: str | None) -> tuple[str, str, dt.datetime]:
    """The team's path and time zone, and the time; without a wish, the only team there is."""
    from sqlalchemy import text

    from nightmail.intake.direct_sends import team_of

    with engine.connect() as connection:
        if wanted is None:
            known = connection.scalars(text("select path from team order by path limit 20")).all()
            if len(known) != 1:
                raise UsageError(
                    "team_needed",
                    "It is not clear whose send this is.",
                    f"Add --team with one of: {', '.join(known)}." if known else "Provision an organisation first.",
                )
            wanted = known[0]
        team_of(connection, wanted)
        zone, now = connection.execute(
            text("select time_zone, now() from team where path = :path"), {"path": wanted}
        ).one()
    return wanted, str(zone), now


def _moment(at: str, zone: str, now: dt.datetime) -> dt.datetime:
    """The moment that ``--at`` means (UTC). Raises :class:`UsageError` for what is no time, or is over."""
    from zoneinfo import ZoneInfo

    try:
        moment = dt.datetime.fromisoformat(at)
    except ValueError as error:
        raise UsageError("time_invalid", f"{at} is not a time.", "Write it as 2026-12-01T08:00.") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    moment = moment.astimezone(dt.UTC)
    if moment < now:
        raise UsageError(
            "time_invalid", f"{at} is over ({zone}).", "Give a time to come, or leave --at out to send now."
        )
    return moment


def _preview(view: Screen, engine: Engine, file: Path, template: Template, team: str) -> None:
    """What would be sent, by the pipeline's own stages. Raises :class:`ContractError` when nothing would."""
    from sqlalchemy import text

    from commands.check import show_counts, show_messages
    from nightmail.intake.preparations import carriers_by_channel, known_preferences, price_list
    from nightmail.preparing import Preparation, StageTables, prepare
    from nightmail.settings import settings

    leave_pandas_out()
    configured = settings()
    with engine.connect() as connection:
        known = known_preferences(connection, team)
        prices, carriers = price_list(connection), carriers_by_channel(connection, team)
        country = connection.scalar(text("select country from team where path = :path"), {"path": team})
    folder = Path(tempfile.mkdtemp(prefix="nightmail-send-"))
    try:
        preparation = Preparation(
            template=template,
            hash_key=configured.key(),
            team=team,
            default_country=country or configured.default_country,
            public_url=configured.public_url,
            prices=prices,
            carriers=carriers,
            file_name=file.name,
            work_folder=folder,
        )
        with view.progress() as progress:
            prepared = prepare(preparation, file, StageTables.in_folder(folder), known, progress)
        show_counts(view, prepared.counts)
        answer: dict[str, Any] = {**prepared.messages.as_dict(), "samples": []}
        show_messages(view, answer)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if prepared.problems:
        problem = prepared.problems[0]
        raise ContractError(problem.reason, problem.message, problem.remedy)


def _keep(file: Path, incoming: Path) -> Arrival:
    """Copy the file to where uploads are kept, and hash it on the way."""
    from nightmail.intake.arrivals import Arrival, incoming_path

    destination = incoming_path(incoming, file.name, uuid.uuid4().hex)
    digest = hashlib.sha256()
    with file.open("rb") as source, destination.open("wb") as target:
        while block := source.read(_CHUNK):
            digest.update(block)
            target.write(block)
    destination.chmod(0o600)
    return Arrival(
        source="command",
        path=str(file.resolve()),
        name=file.name,
        size=destination.stat().st_size,
        sha256=digest.hexdigest(),
        stored_path=destination,
    )
