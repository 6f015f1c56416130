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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from commands.choices import refuse_missing_file
from commands.lean_arrow import leave_pandas_out
from commands.screen import Screen, current, say_ending, screen, table
from nightmail.errors import ContractError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from nightmail.audience import KnownPreferences
    from nightmail.forecasts.finish_forecast import FinishForecast
    from nightmail.lake import TableFile
    from nightmail.organisation.categories import Category
    from nightmail.organisation.feeds import FeedSettings
    from nightmail.organisation.prices import PriceList
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.preparation.stage_tables import StageTables
    from nightmail.preparation.stages import Prepared
    from nightmail.templates import Template

SAMPLE_REJECTS = 5
SAMPLE_MESSAGES = 3
KEY_WITHOUT_SETTINGS = b"nightmail check without a deployment"
"""Hashes need a key; a check must not make a data folder for one. Its tables hold the addresses anyway."""


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """What was asked for."""

    file: Path
    template: str | None
    country: str | None
    folder: Path
    feed_settings: Path | None
    known: bool
    team: str | None


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
) -> None:
    """Show what would happen to a contact file: counts, rejects, held, samples, segments, cost. Sends nothing."""
    started = time.perf_counter()
    view = screen(json_output)
    refuse_missing_file(file)
    if known and team is None:
        raise UsageError("team_needed", what="--known is about", known="such as acme.billing")
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
    _show(view, answer, ending)
    if answer["problems"]:
        raise typer.Exit(ContractError.exit_code)


TABLES = ("contact_file", "contacts", "rejects", "warnings", "audience", "messages")
"""The tables that ``--out`` promises."""
_WRITTEN = (*TABLES, "file_rejects")


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
    from nightmail.preparation.stage_tables import StageTables
    from nightmail.preparation.stages import prepare

    engine = _database(required=request.known)
    preparation = _preparation(request, engine)
    preferences = _known(engine, preparation) if request.known and engine is not None else None
    tables = StageTables.in_folder(request.folder.absolute())
    with view.progress() as progress:
        prepared = prepare(preparation, request.file, tables, preferences, progress)
    ending = _ending(engine, preparation, prepared, tables)
    answer = _answer(request.file, preparation, prepared, tables, engine) | ending.as_dict()
    return answer, ending


def _database(required: bool) -> Engine | None:
    """The database, if one is configured and answers; only ``--known`` insists on it."""
    from commands.local import database_url, open_database
    from nightmail.errors import NightmailError

    if required:
        return open_database()
    try:
        database_url()
        return open_database()
    except NightmailError:
        return None


def _preparation(request: CheckRequest, engine: Engine | None) -> Preparation:
    from commands.template_choice import choose_template
    from nightmail.preparation.preparation_settings import Preparation
    from nightmail.settings import settings

    configured = settings()
    has_key = configured.secret_key is not None or (configured.data_dir / "secret_key").exists()
    feed = _feed_settings(request.feed_settings)
    template = choose_template(request.template, engine)
    return Preparation(
        template=template,
        hash_key=configured.key() if has_key else KEY_WITHOUT_SETTINGS,
        feed=feed,
        team=request.team or "check",
        default_country=_country(request.country) or configured.default_country,
        public_url=configured.public_url,
        prices=_prices(engine),
        file_name=request.file.name,
        limits={
            "size_limit": configured.maximum_file_bytes,
            "expanded_limit": configured.maximum_expanded_bytes,
            "row_limit": configured.maximum_rows,
            "column_limit": configured.maximum_columns,
        },
        work_folder=request.folder,
        **_of_team(engine, request.team, feed, template),
    )


def _of_team(engine: Engine | None, team: str | None, feed: FeedSettings, template: Template) -> dict[str, Any]:
    """What the team decides, where it is known: its category, and when the feed's settings would have this file sent."""
    from nightmail.campaigns.start_times import recipient_start, start_times
    from nightmail.organisation.categories import find_category, named_category
    from nightmail.organisation.teams import find_team
    from nightmail.store.clock import database_time

    if engine is None or team is None:
        return {}
    with engine.connect() as connection:
        found = find_team(connection, team)
        if found is None:
            return {}
        now = database_time(connection)
        if feed.category is not None:
            category: Category | None = named_category(connection, team, feed.category, by="the feed")
        else:
            category = find_category(connection, team, template.category)
    starts_at, cut_off = start_times(feed, found.time_zone, now)
    return {
        "category": category,
        "default_time_zone": found.time_zone,
        "now": now,
        "starts_at": starts_at,
        "local_start": recipient_start(feed, starts_at),
        "cut_off": cut_off,
    }


def _ending(engine: Engine | None, preparation: Preparation, prepared: Prepared, tables: StageTables) -> FinishForecast:
    """When it ends at the rates of the team's carriers; not known without a team that the database has."""
    from nightmail.forecasts.finish_forecast import FinishForecast, work_of_messages
    from nightmail.preparation.prepared_finish import prepared_finish

    if engine is None or preparation.now is None or prepared.problems:
        return FinishForecast(None, None)
    work = work_of_messages(tables.messages)
    with engine.connect() as connection:
        return prepared_finish(connection, preparation, work)


def _country(code: str | None) -> str | None:
    if code is None:
        return None
    from nightmail.row_checks.countries import country_code

    found = country_code(code)
    if found is None:
        raise UsageError("country_unknown", value=code)
    return found


def _feed_settings(file: Path | None) -> FeedSettings:
    from nightmail.organisation.feeds import feed_settings

    if file is None:
        # Without a feed there is no agreed limit of rejects: the counts speak for themselves.
        return feed_settings({"reject_limit": 1.0, "shared_key_limit": 1.0})
    import yaml

    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = f"it cannot be read as YAML: {' '.join(str(error).split())}"
        raise UsageError("feed_settings_invalid", feed=file, problem=problem) from error
    if values is not None and not isinstance(values, dict):
        raise UsageError("feed_settings_invalid", feed=file, problem="they are not a mapping")
    return feed_settings(values, file.name)


def _known(engine: Engine, preparation: Preparation) -> KnownPreferences:
    from nightmail.preparation.stored_inputs import known_preferences

    with engine.connect() as connection:
        return known_preferences(connection, preparation.team)


def _prices(engine: Engine | None) -> PriceList | None:
    """The deployment's prices, else the sample list, so that a cost can be shown with nothing set up."""
    from nightmail.organisation.prices import SAMPLE_PRICES, load_prices

    if engine is not None:
        from nightmail.preparation.stored_inputs import price_list

        with engine.connect() as connection:
            stored = price_list(connection)
        if stored is not None:
            return stored
    return load_prices(SAMPLE_PRICES) if SAMPLE_PRICES.is_file() else None


def _answer(
    file: Path, preparation: Preparation, prepared: Prepared, tables: StageTables, engine: Engine | None
) -> dict[str, Any]:
    template = preparation.template
    contact_file = prepared.contact_file
    return {
        "ok": not prepared.problems,
        "sandbox": engine is None or bool(current().in_sandbox),
        "file": str(file),
        "template": {
            "name": template.name,
            "category": template.category,
            "channels": list(template.channels),
            "languages": list(template.languages),
            "warnings": [finding.as_dict() for finding in template.warnings(contact_file.columns)],
        },
        "counts": prepared.counts,
        "contact_file": contact_file.as_dict(),
        "rejects": {
            "by_reason": _rejects_only(prepared.contacts.by_reason),
            "samples": _reject_samples(tables.rejects),
        },
        "duplicates": {"by_reason": _duplicates_only(prepared.contacts.by_reason)},
        "warnings": {
            "by_reason": dict(prepared.contacts.warnings_by_reason),
            "of_the_file": [
                {"reason": w.reason, "message": w.message, "count": w.count, "column": w.column, "lines": list(w.lines)}
                for w in contact_file.warnings
            ],
            "samples": _rows(tables.warnings, SAMPLE_REJECTS),
        },
        "decisions": [decision.as_dict() for decision in (*contact_file.decisions, *prepared.contacts.decisions)],
        "held": {"by_reason": _held_by_reason(prepared)},
        "messages": {**prepared.messages.as_dict(), "samples": message_samples(tables.messages)},
        "problems": [problem.as_dict() for problem in prepared.problems],
        "phone_metadata_version": prepared.contacts.phone_metadata_version,
        "default_country": preparation.default_country,
    }


def _rejects_only(by_reason: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(by_reason.items()) if not reason.startswith("duplicate_")}


def _duplicates_only(by_reason: dict[str, int]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(by_reason.items()) if reason.startswith("duplicate_")}


def _held_by_reason(prepared: Prepared) -> dict[str, int]:
    return dict(sorted((prepared.audience.by_reason + prepared.messages.by_reason).items()))


def _rows(file: TableFile, limit: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = next(file.blocks(rows=limit)).to_pylist()
    return rows[:limit]


def _reject_samples(rejects: TableFile) -> list[dict[str, Any]]:
    """The first reject of each reason, then further ones, up to a few."""
    rows = [row for row in _rows(rejects, 5_000) if not row["reason"].startswith("duplicate_")]
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row["reason"], row)
    chosen = list(first.values()) + [row for row in rows if first[row["reason"]] is not row]
    return [
        {key: row[key] for key in ("line", "column", "value", "reason", "message")} for row in chosen[:SAMPLE_REJECTS]
    ]


def message_samples(messages: TableFile) -> list[dict[str, Any]]:
    """Messages of as many channels and languages as there are, up to three."""
    columns = ("line", "channel", "language", "address", "subject", "body", "segments", "cost", "currency", "state")
    rows = next(messages.blocks(columns=columns, rows=5_000)).to_pylist()
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        first.setdefault((row["channel"], row["language"]), row)
    chosen = list(first.values()) + rows
    samples: list[dict[str, Any]] = []
    for row in chosen:
        if len(samples) < SAMPLE_MESSAGES and row not in samples:
            samples.append(row)
    return samples


def _show(view: Screen, answer: dict[str, Any], ending: FinishForecast) -> None:
    if view.json_output:
        return
    if answer["sandbox"] and view.in_sandbox is None:
        view.sandbox()
    show_file(view, answer)
    show_counts(view, answer["counts"])
    for decision in answer["decisions"]:
        view.say(f"decided: {decision['message']}")
    for title, part in (
        ("Rejected", "rejects"),
        ("Duplicates", "duplicates"),
        ("Held", "held"),
        ("Warnings", "warnings"),
    ):
        by_reason = answer[part]["by_reason"]
        if by_reason:
            show_reasons(view, title, by_reason)
    samples = answer["rejects"]["samples"]
    if samples:
        cells = [(row["line"], row["column"], row["value"], row["message"]) for row in samples]
        view.show(table("Some rejected rows", ("line", "column", "value", "what to do"), cells, numeric=[0]))
    for warning in answer["warnings"]["of_the_file"]:
        view.say(f"note: {warning['message']}", style="yellow")
    for warning in answer["template"]["warnings"]:
        view.say(f"note: {warning['message']} {warning['remedy']}", style="yellow")
    show_messages(view, answer["messages"])
    say_ending(view, ending)
    for problem in answer["problems"]:
        view.say(f"problem: {problem['message']} {problem['remedy']}", style="bold red")
    if answer["problems"]:
        view.say("Nothing of this file would be sent.", style="bold red")
    if answer["tables"]:
        view.say(f"tables in {Path(answer['tables']['messages']).parent}")
    view.say(f"{answer['seconds']:.1f} s; nothing was sent", style="dim")


def show_file(view: Screen, answer: dict[str, Any]) -> None:
    """What the file turned out to be."""
    about = answer["contact_file"]
    view.say(answer["file"], style="bold")
    parts = [about["format"], about["container"], about["encoding"], f"{about['rows']:,} rows"]
    view.say("  " + ", ".join(str(part) for part in parts if part))
    renamed = [f"{header} → {column}" for header, column in about["mapping"].items() if header != column]
    if renamed:
        view.say("  columns read as: " + ", ".join(renamed))


def show_counts(view: Screen, counts: dict[str, int]) -> None:
    """How the rows divide."""
    view.show(table("Rows", ("", "count"), [(name, f"{value:,}") for name, value in counts.items()], numeric=[1]))


def show_reasons(view: Screen, title: str, by_reason: dict[str, int]) -> None:
    """Counts by reason, each with its sentence's code."""
    cells = [(reason, f"{count:,}") for reason, count in sorted(by_reason.items(), key=lambda item: -item[1])]
    view.show(table(title, ("reason", "rows"), cells, numeric=[1]))


def _show_characters(view: Screen, characters: dict[str, Any]) -> None:
    """What characters outside of the GSM 7-bit alphabet add to text messages, and what was replaced."""
    if characters["replaced"]:
        signs = ", ".join(f"{sign!r} in {count:,} messages" for sign, count in characters["replaced"].items())
        view.say(f"  replaced, since the template prefers gsm7: {signs}")
    if not characters["segments_added"]:
        return
    costs = ", ".join(f"{amount} {currency}" for currency, amount in characters["costs_added"].items())
    view.say(
        f"  characters outside of the GSM 7-bit alphabet add {characters['segments_added']:,} segments"
        + (f" ({costs})" if costs else ""),
        style="yellow",
    )
    cells = [
        (
            repr(entry["character"]),
            entry["name"],
            f"{entry['messages']:,}",
            f"{entry['segments_added']:,}",
            "-" if entry["replacement"] is None else repr(entry["replacement"]),
        )
        for entry in characters["characters"]
    ]
    view.show(table("They are", ("", "name", "messages", "segments added", "write"), cells, numeric=[2, 3]))


def show_messages(view: Screen, messages: dict[str, Any]) -> None:
    """Messages by channel, segments, cost, and a few of them as they would be sent."""
    costs = ", ".join(f"{amount} {currency}" for currency, amount in messages["costs"].items()) or "no price known"
    channels = ", ".join(f"{count:,} {channel}" for channel, count in messages["by_channel"].items()) or "none"
    view.say(f"Messages: {channels}; {messages['segments']:,} segments; estimated cost {costs}", style="bold")
    _show_characters(view, messages["characters"])
    for row in messages["samples"]:
        head = f"  line {row['line']}, {row['channel']} ({row['language']}) to {row['address']}"
        view.say(f"{head}, {row['segments']} segment{'s' if row['segments'] != 1 else ''}", style="cyan")
        if row["subject"]:
            view.say(f"    {row['subject']}", style="bold")
        for line in row["body"].splitlines()[:6]:
            view.say(f"    {line}")
