"""``nightmail send FILE --template T``: one campaign of a file, a list or a segment, now or at a time. What would be sent is shown first."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.choices import refuse_missing_file
from commands.lean_arrow import leave_pandas_out
from commands.screen import Screen, say_ending, screen
from nightmail.errors import NightmailError, UsageError
from nightmail.stated_times import SendIn

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from nightmail.audience import PreferenceSource
    from nightmail.contacts.list_files import ListFile
    from nightmail.forecasts.finish_forecast import FinishForecast
    from nightmail.intake.arrivals import Arrival, Registered
    from nightmail.intake.list_sends import ListSend
    from nightmail.organisation.teams import TeamRow
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.stated_times import StatedStart
    from nightmail.templates import Template

_CHUNK = 1 << 20


def send(
    file: Path = typer.Argument(None, help="The contact file; none with --list or --segment."),
    *,
    list_name: str = typer.Option(
        None, "--list", help="The distribution list that is sent to, in the place of a file."
    ),
    segment: str = typer.Option(None, "--segment", help="The segment that is sent to, in the place of a file."),
    template: str = typer.Option(..., "--template", "-t", help="A template's name, or a YAML, .txt or .html file."),
    team: str = typer.Option(
        None, "--team", help="Whose send it is, such as acme.billing; not needed if there is one."
    ),
    at: str = typer.Option(None, "--at", help="When: 2026-12-01T08:00 in the team's time zone, or with an offset."),
    send_in: SendIn = typer.Option(
        "team", "--send-in", help="Whose clocks --at is read from: team, or recipient for each one's own time zone."
    ),
    cut_off: str = typer.Option(
        None, "--cut-off", help="When what is not handed off is dropped: as --at, or 20:00 for the next such time."
    ),
    again: bool = typer.Option(False, "--again", help="Send the same content once more, on purpose."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON; asks nothing."),
) -> None:
    """Send a contact file, a list or a segment by a template, now or at a time. Shows what would be sent, and asks first."""
    from commands.local import actor, open_database
    from commands.template_choice import choose_template
    from nightmail.forecasts.recorded_forecasts import record_forecast
    from nightmail.settings import settings
    from nightmail.templates.template_storage import store_template

    view = screen(json_output)
    _refuse_two_sources(file, list_name, segment)
    engine = open_database()
    schedule = _schedule(*_team(engine, team), at, send_in, cut_off)
    chosen = choose_template(template, engine)
    listed = None if file is not None else _taken_list(engine, schedule.team, list_name, segment)
    source = listed.path if listed is not None else file
    asks = not (yes or json_output)
    with _kept_if_sent(listed) as sent:
        ending = _foresee(view, engine, source, chosen, schedule, listed, preview=asks)
        if asks:
            say_ending(view, ending)
            if not typer.confirm("Send it?" if schedule.start is None else f"Send it at {schedule.start_in_words}?"):
                view.say("Nothing was sent.")
                raise typer.Exit(1)
        arrival = None if listed is not None else _keep(file, settings().incoming_dir)
        with engine.begin() as connection:
            version = store_template(connection, schedule.team, chosen, actor=actor())
            done = _register(connection, schedule, version, listed or arrival, again=again)
            if done.state == "taken" and done.campaign is not None:
                record_forecast(connection, done.campaign, ending)
        sent.append(done.state == "taken")
    _tell(view, done, schedule, ending, said=asks)


@contextmanager
def _kept_if_sent(listed: ListFile | None) -> Iterator[list[bool]]:
    """Leave the file of a list's contacts only to a campaign that was made of it."""
    sent: list[bool] = []
    try:
        yield sent
    finally:
        if listed is not None and sent != [True]:
            listed.path.unlink(missing_ok=True)


def _refuse_two_sources(file: Path | None, list_name: str | None, segment: str | None) -> None:
    """Raise :class:`UsageError` unless there is one source, and a file is one that exists."""
    if sum(each is not None for each in (file, list_name, segment)) != 1:
        raise UsageError("arguments_wrong", problem="Name one source: a file, --list or --segment")
    if file is not None:
        refuse_missing_file(file)


def _taken_list(engine: Engine, team: str, list_name: str | None, segment: str | None) -> ListFile:
    """Everybody who is in the list or segment now: whom is shown is who gets it."""
    from nightmail.intake.list_sends import take_list
    from nightmail.settings import settings

    kind, name = ("list", list_name) if list_name is not None else ("segment", segment)
    with engine.connect() as connection:
        return take_list(connection, team, kind, str(name), settings().incoming_dir)


def _register(
    connection: Connection, schedule: _Schedule, version: int, source: ListFile | Arrival | None, *, again: bool
) -> Registered | ListSend:
    from commands.local import actor, principal
    from nightmail.intake.arrivals import Arrival
    from nightmail.intake.direct_sends import register_direct_send
    from nightmail.intake.list_sends import register_list_send

    times: dict[str, Any] = {"start": schedule.start, "cut_off_at": schedule.cut_off_at, "again": again}
    if isinstance(source, Arrival):
        return register_direct_send(connection, schedule.team, version, source, actor=actor(), **times)
    assert source is not None
    return register_list_send(connection, schedule.team, version, source, by=principal(), **times)


def _tell(
    view: Screen, done: Registered | ListSend, schedule: _Schedule, ending: FinishForecast, *, said: bool
) -> None:
    from nightmail.forecasts.recorded_forecasts import recorded_forecast

    assert done.campaign is not None
    taken = done.state == "taken"
    view.answer(
        {
            "ok": taken,
            "campaign": done.campaign.key,
            "state": done.state,
            "starts_at": schedule.start and schedule.start.moment,
            "local_start": schedule.start and schedule.start.local,
            # What was sent before is not sent again: its own end is shown with the campaign.
            **(ending if taken else recorded_forecast(done.campaign)).as_dict(),
        }
    )
    if done.state == "repeated":
        view.say(f"The same content was sent before, as {done.campaign.key}. Nothing was sent again.", style="yellow")
        view.say("To send it again on purpose, use --again.")
        raise typer.Exit(1)
    view.say(f"campaign {done.campaign.key}", style="bold green")
    if schedule.start is not None:
        view.say(f"starts at {schedule.start_in_words}")
    if not said:
        say_ending(view, ending)
    view.say(f"follow it with: nightmail campaigns {done.campaign.key}")


def _team(engine: Engine, wanted: str | None) -> tuple[TeamRow, dt.datetime]:
    """The team at the path ``wanted``, by default the only one there is; and the database's time."""
    from commands.one_team import one_team
    from nightmail.store.clock import database_time

    with engine.connect() as connection:
        return one_team(connection, wanted, "sends it"), database_time(connection)


def _schedule(team: TeamRow, now: dt.datetime, at: str | None, send_in: SendIn, cut_off: str | None) -> _Schedule:
    """What ``--at`` and ``--cut-off`` mean. Raises :class:`UsageError` for a time that is over, or comes too early."""
    from nightmail.organisation.feeds import next_time_of_day
    from nightmail.organisation.team_settings import TIME_OF_DAY
    from nightmail.stated_times import moment_of, stated_start

    zone = team.time_zone
    if at is None and send_in != "team":
        raise UsageError(
            "time_invalid", value="--send-in recipient", problem="it needs --at, the time that it is about"
        )
    start = None if at is None else stated_start(_time(at, "2026-12-01T08:00"), zone, now, send_in)
    begins = now if start is None else start.for_team(zone)
    cut_off_at = None
    if cut_off is not None:
        if re.match(TIME_OF_DAY, cut_off):
            cut_off_at = next_time_of_day(cut_off, zone, begins + dt.timedelta(seconds=1))
        else:
            cut_off_at = moment_of(_time(cut_off, "20:00 or 2026-12-01T20:00"), zone, now)
        if cut_off_at <= begins:
            raise UsageError("time_invalid", value=f"{cut_off} ({zone})", problem="the cut-off is not after the start")
    return _Schedule(team.path, zone, team.country, now, start, cut_off_at)


def _time(written: str, example: str) -> dt.datetime:
    """A time as it was typed. Raises :class:`UsageError` for what is none, with an example of one."""
    try:
        return dt.datetime.fromisoformat(written)
    except ValueError as error:
        raise UsageError("time_invalid", value=written, problem=f"it does not read like {example}") from error


@dataclass(frozen=True)
class _Schedule:
    """Whose send it is, and when."""

    team: str
    zone: str
    country: str | None
    now: dt.datetime
    start: StatedStart | None
    cut_off_at: dt.datetime | None

    @property
    def start_in_words(self) -> str:
        """The start as the team's clocks show it, or as each recipient's do; ``now`` without one."""
        from zoneinfo import ZoneInfo

        if self.start is None:
            return "now"
        if self.start.local is not None:
            return f"{self.start.local:%Y-%m-%d %H:%M} in each recipient's own time zone, at once where that is over"
        local = self.start.moment.astimezone(ZoneInfo(self.zone))
        return f"{local:%Y-%m-%d %H:%M} {self.zone} ({self.start.moment:%Y-%m-%d %H:%M} UTC)"


def _foresee(
    view: Screen,
    engine: Engine,
    file: Path,
    template: Template,
    schedule: _Schedule,
    listed: ListFile | None,
    *,
    preview: bool,
) -> FinishForecast:
    """When the send ends, by the pipeline's own stages; as a preview, what would be sent is shown as well.

    A preview raises :class:`ContractError` when nothing would be sent. Otherwise the end is not known
    here, and the result of the campaign says why.
    """
    from commands.check_display import show_counts, show_messages
    from nightmail.forecasts.finish_forecast import FinishForecast, work_of_messages
    from nightmail.preparation.prepared_finish import prepared_finish
    from nightmail.preparation.stage_tables import StageTables
    from nightmail.preparation.stages import prepare

    leave_pandas_out()
    unknown = FinishForecast(None, schedule.cut_off_at)
    folder = Path(tempfile.mkdtemp(prefix="nightmail-send-"))
    try:
        preparation, known = _preparation(engine, file, template, schedule, folder, listed)
        tables = StageTables.in_folder(folder)
        try:
            with view.progress() as progress:
                prepared = prepare(replace(preparation, preview=True), file, tables, known, progress)
        except (NightmailError, OSError):
            if preview:
                raise
            return unknown
        if preview:
            show_counts(view, prepared.counts)
            answer: dict[str, Any] = {**prepared.messages.as_dict(), "samples": []}
            show_messages(view, answer)
        if prepared.problems:
            if preview:
                raise prepared.problems[0].as_error()
            return unknown
        work = work_of_messages(tables.messages)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with engine.connect() as connection:
        return prepared_finish(connection, preparation, work)


def _preparation(
    engine: Engine, file: Path, template: Template, schedule: _Schedule, folder: Path, listed: ListFile | None
) -> tuple[Preparation, PreferenceSource]:
    """The settings of the preparation, as the pipeline will have them."""
    from nightmail.campaigns.start_times import CampaignTimes
    from nightmail.intake.list_sends import list_settings
    from nightmail.organisation.audience_rules import rules_above
    from nightmail.organisation.categories import find_category
    from nightmail.organisation.feeds import FeedSettings
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.preparation.stored_inputs import carriers_by_channel, price_list
    from nightmail.preparation.stored_preferences import StoredPreferences
    from nightmail.settings import settings

    configured = settings()
    with engine.connect() as connection:
        prices, carriers = price_list(connection), carriers_by_channel(connection, schedule.team)
        category = find_category(connection, schedule.team, template.category)
        rules = rules_above(connection, schedule.team)
    times = CampaignTimes(schedule.start, schedule.cut_off_at)
    preparation = Preparation(
        template=template,
        hash_key=configured.key(),
        team=schedule.team,
        category=category,
        rules=rules,
        hosting_region=configured.region,
        default_country=schedule.country or configured.default_country,
        default_time_zone=schedule.zone,
        public_url=configured.public_url,
        prices=prices,
        carriers=carriers,
        now=schedule.now,
        starts_at=times.scheduled_at,
        local_start=times.local_start,
        cut_off=times.cut_off_at,
        file_name=file.name if listed is None else None,
        work_folder=folder,
        feed=FeedSettings() if listed is None else list_settings(listed),
        from_book=listed is not None,
    )
    return preparation, StoredPreferences(engine, schedule.team)


def _keep(file: Path, incoming: Path) -> Arrival:
    """Copy the file to where uploads are kept, and hash it on the way."""
    from nightmail.contact_files.kept_files import incoming_path
    from nightmail.intake.arrivals import Arrival

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
