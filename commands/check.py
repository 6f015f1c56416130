"""``nightmail check FILE --template T``: what would happen to this file. Nothing is sent, and nothing need be running.

It runs the pipeline's own stages (:func:`nightmail.preparation.stages.prepare`) and nothing else, so that its verdict is the
pipeline's. The JSON of ``--json`` and the tables of ``--out`` are relied upon by other programs: keys and columns may be
added, never renamed or removed. docs/command-line.md describes them.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.check_answer import check_answer
from commands.check_display import show_check
from commands.check_settings import CheckRequest, check_preparation
from commands.choices import refuse_missing_file
from commands.lean_arrow import leave_pandas_out
from commands.screen import Screen, screen
from nightmail.errors import ContractError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.audience import PreferenceSource
    from nightmail.forecasts.finish_forecast import FinishForecast
    from nightmail.intake.feed_checks import FeedCheck
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.preparation.stage_tables import StageTables
    from nightmail.preparation.stages import Prepared


def check(
    file: Path = typer.Argument(
        ..., help="The contact file: CSV, XLSX, ODS, JSON Lines or Parquet; also gzip, zip, zstd."
    ),
    *,
    template: str = typer.Option(
        None, "--template", "-t", help="YAML file, .txt (SMS) or .html (email) body, or a template's name."
    ),
    country: str = typer.Option(None, "--country", help="Country of national phone numbers, such as GB."),
    out: Path = typer.Option(None, "--out", help="Write each stage's table to this folder as Parquet."),
    json_output: bool = typer.Option(False, "--json", help="Print JSON."),
    feed_settings: Path = typer.Option(
        None, "--feed-settings", help="YAML of a feed's settings: contract, mapping, channels, unique_by."
    ),
    known: bool = typer.Option(False, "--known", help="Use preferences, consents and suppressions from the database."),
    team: str = typer.Option(
        None, "--team", help="Path of the team, such as acme.billing: for --known, and to say when it ends."
    ),
    feed: str = typer.Option(
        None,
        "--feed",
        help="Judge as this feed would, such as acme.billing/nightly: all that it is, from the database.",
    ),
) -> None:
    """Show what would happen to a contact file: counts, rejects, held, samples, segments, cost. Sends nothing.

    With --feed the feed's settings, contract, template, category, prices, preferences and earlier campaigns hold.
    """
    started = time.perf_counter()
    view = screen(json_output)
    refuse_missing_file(file)
    if known and team is None:
        raise UsageError("team_needed", what="--known is about", known="such as acme.billing")
    if feed is not None:
        _refuse_beside_feed(
            {"--template": template, "--country": country, "--feed-settings": feed_settings, "--team": team}, known
        )
    leave_pandas_out()
    folder = out or Path(tempfile.mkdtemp(prefix="nightmail-check-"))
    try:
        if out is not None:
            _make_folder(out)
        answer, ending = _check(
            view,
            CheckRequest(
                file=file,
                template=template,
                country=country,
                folder=folder,
                feed_settings=feed_settings,
                known=known,
                team=team,
                feed=feed,
            ),
        )
    except BaseException:
        if out is not None:
            _clear(out)
        raise
    finally:
        if out is None:
            shutil.rmtree(folder, ignore_errors=True)
    answer["tables"] = {name: str(out / f"{name}.parquet") for name in TABLES} if out is not None else {}
    answer["seconds"] = round(time.perf_counter() - started, 3)
    view.answer(answer)
    show_check(view, answer, ending)
    if answer["problems"]:
        raise typer.Exit(ContractError.exit_code)


TABLES = ("contact_file", "contacts", "rejects", "warnings", "audience", "messages")
"""The tables that ``--out`` promises."""
_WRITTEN = (*TABLES, "file_rejects")


def _refuse_beside_feed(options: dict[str, object], known: bool) -> None:
    """Refuse options that say otherwise than a feed would."""
    given = [name for name, value in options.items() if value is not None] + ["--known"] * known
    if given:
        raise UsageError("options_contradict", first="--feed", second=given[0])


def _make_folder(folder: Path) -> None:
    """Make the folder, without tables of an earlier check: what lies there afterwards is of this file alone."""
    doing = "made"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        doing = "written"
        with tempfile.TemporaryFile(dir=folder):
            pass
        for name in _WRITTEN:
            (folder / f"{name}.parquet").unlink(missing_ok=True)
    except OSError as error:
        problem = f"it cannot be {doing}: {error.strerror}"
        raise UsageError("folder_unusable", folder=folder, problem=problem) from error


def _clear(folder: Path) -> None:
    """Take the first stages' tables away again where a later one failed."""
    for name in _WRITTEN:
        with suppress(OSError):
            (folder / f"{name}.parquet").unlink(missing_ok=True)


def _check(view: Screen, request: CheckRequest) -> tuple[dict[str, Any], FinishForecast]:
    from commands.local import open_database, optional_database
    from nightmail.preparation.stage_tables import StageTables
    from nightmail.preparation.stages import prepare
    from nightmail.preparation.stored_preferences import StoredPreferences

    needed = request.known or request.feed is not None
    engine = open_database() if needed else optional_database()
    by_feed = _by_feed(request, engine)
    preferences: PreferenceSource | None = None
    if by_feed is not None:
        preparation, preferences, earlier = by_feed.preparation, by_feed.known, by_feed.earlier
    else:
        preparation, earlier = check_preparation(request, engine), ()
        if request.known and engine is not None:
            preferences = StoredPreferences(engine, preparation.team)
    tables = StageTables.in_folder(request.folder.absolute())
    with view.progress() as progress:
        prepared = prepare(replace(preparation, preview=True), request.file, tables, preferences, progress, earlier)
    approval = None
    if by_feed is not None and engine is not None:
        prepared = replace(prepared, problems=(*by_feed.problems, *prepared.problems))
        with engine.connect() as connection:
            approval = by_feed.approval(connection, prepared)
    ending = _ending(engine, preparation, prepared, tables)
    answer = check_answer(request.file, preparation, prepared, tables, engine) | ending.as_dict()
    answer |= {"feed": request.feed, "waits_for_approval_because": approval}
    return answer, ending


def _by_feed(request: CheckRequest, engine: Engine | None) -> FeedCheck | None:
    """How the feed would prepare the file, where one is named."""
    from nightmail.intake.feed_checks import feed_check
    from nightmail.settings import settings

    if request.feed is None or engine is None:
        return None
    return feed_check(engine, request.feed, request.file, settings(), request.folder)


def _ending(engine: Engine | None, preparation: Preparation, prepared: Prepared, tables: StageTables) -> FinishForecast:
    """When it ends at the rates of the team's carriers; not known without a team that the database has."""
    from nightmail.forecasts.finish_forecast import FinishForecast, work_of_messages
    from nightmail.preparation.prepared_finish import prepared_finish

    if engine is None or preparation.now is None or prepared.problems:
        return FinishForecast(None, None)
    work = work_of_messages(tables.messages)
    with engine.connect() as connection:
        return prepared_finish(connection, preparation, work)
