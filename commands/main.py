"""``nightmail``: the one Typer application. A command is one file here; what it does is in the other rooms.

A command's file imports nothing heavy at its top, so that ``nightmail --help`` stays fast. Exit codes are those of
:mod:`nightmail.errors`: 0 done, 1 failed, 2 not understood, 3 the contact file cannot be used, 4 it breaks its
contract, 5 configuration, 6 an outside part does not answer, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from commands import (
    access,
    alerts,
    approve,
    audit,
    campaigns,
    cancel,
    check,
    consents,
    contacts,
    db,
    decide,
    demo,
    doctor,
    doubts,
    explain,
    feed,
    groups,
    imports,
    keys,
    lift,
    lists,
    pause,
    people,
    preferences,
    provision,
    recipient,
    replies,
    report,
    resume,
    sandbox,
    segments,
    send,
    suppress,
    suppressions,
    suspend,
    unsuppress,
    up,
)
from commands.screen import current, screen
from nightmail import __version__
from nightmail.errors import ConfigurationError, NightmailError, UnavailableError, UsageError
from nightmail.reasons import Surface

DISK_FULL, INSUFFICIENT_PRIVILEGE = "53100", "42501"
"""PostgreSQL's codes."""
_ENDS: Any = (
    typer.Exit,
    typer.Abort,
    *[kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"],
)
"""How a command ends that knows what it does: Typer has shown, or will show, what is to be shown."""
_NotUnderstood: Any = typer.BadParameter.__base__
"""What a wrong, missing or unknown argument raises. Typer names only this one child of it in public."""


class ErrorBoundary(TyperGroup):
    """Ends a command with the error's own exit code and no traceback when a user can mend what went wrong."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A defect keeps its traceback; an error for the user never has one."""
        screen("--json" in sys.argv)
        try:
            return super().invoke(ctx)
        except NightmailError as error:
            current().error(error)
            raise typer.Exit(error.exit_code) from None
        except _NotUnderstood as error:
            if not current().json_output:
                raise
            current().error(UsageError("arguments_wrong", problem=error.format_message().rstrip(".")))
            raise typer.Exit(UsageError.exit_code) from None
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                _say_defect()
                raise
            _say_disk_full()
            raise typer.Exit(NightmailError.exit_code) from None
        except KeyboardInterrupt:
            current().notice("stopped", style="yellow")
            raise typer.Exit(130) from None
        except Exception as error:
            if isinstance(error, _ENDS):
                raise
            said = _what_the_database_said(error)
            if said is None:
                _say_defect()
                raise
            if said.reason == "disk_full":
                _say_disk_full()
            else:
                current().error(said)
            raise typer.Exit(said.exit_code) from None


def _what_the_database_said(error: Exception) -> NightmailError | None:
    """The error for the user where the database failed and Nightmail did not: disk full, no answer, missing rights."""
    psycopg = sys.modules.get("psycopg")
    # SQLAlchemy's own errors hold the driver's.
    cause = getattr(error, "orig", None) or error
    if psycopg is None or not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate or ""
    if state == DISK_FULL:
        return _disk_full()
    if state == INSUFFICIENT_PRIVILEGE:
        return ConfigurationError("database_rights", problem=cause.diag.message_primary)
    if state.startswith(("08", "57P")) or (not state and isinstance(cause, psycopg.OperationalError)):
        return UnavailableError("database_unavailable", problem="it went away")
    return None


def _say_defect() -> None:
    """Answer a program with JSON for a defect too; the traceback that follows on standard error is for the developers."""
    current().answer({"ok": False, "error": NightmailError("internal_error").as_dict(Surface.SHELL)})


def _disk_full() -> NightmailError:
    return NightmailError("disk_full", problem="it is full")


def _say_disk_full() -> None:
    try:
        current().error(_disk_full())
        sys.stdout.flush()
    except OSError:
        # Standard output is what is full: what waits in it would fail once more when the program ends.
        with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


app = typer.Typer(
    name="nightmail",
    cls=ErrorBoundary,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Contact files in; delivered notifications and delivery reports out.",
    epilog="Exit codes: 0 done, 1 failed, 2 not understood, 3 file unusable, 4 contract broken, 5 configuration, "
    "6 an outside part does not answer.",
)

RUN, SEND, LOOK, SET_UP = "Run", "Send", "Look", "Set up"

app.command("up", rich_help_panel=RUN)(up.up)
app.command("demo", rich_help_panel=RUN)(demo.demo)
app.command("doctor", rich_help_panel=RUN)(doctor.doctor)
app.command("check", rich_help_panel=SEND)(check.check)
app.command("send", rich_help_panel=SEND)(send.send)
app.command("approve", rich_help_panel=SEND)(approve.approve)
app.command("pause", rich_help_panel=SEND)(pause.pause)
app.command("resume", rich_help_panel=SEND)(resume.resume)
app.command("cancel", rich_help_panel=SEND)(cancel.cancel)
app.command("suspend", rich_help_panel=SEND)(suspend.suspend)
app.command("lift", rich_help_panel=SEND)(lift.lift)
app.command("suppress", rich_help_panel=SEND)(suppress.suppress)
app.command("unsuppress", rich_help_panel=SEND)(unsuppress.unsuppress)
app.command("campaigns", rich_help_panel=LOOK)(campaigns.campaigns)
app.command("alerts", rich_help_panel=LOOK)(alerts.alerts)
app.command("doubts", rich_help_panel=LOOK)(doubts.doubts)
app.command("decide", rich_help_panel=SEND)(decide.decide)
app.command("recipient", rich_help_panel=LOOK)(recipient.recipient)
app.command("replies", rich_help_panel=LOOK)(replies.replies)
app.command("suppressions", rich_help_panel=LOOK)(suppressions.suppressions)
app.command("report", rich_help_panel=LOOK)(report.report)
app.command("explain", rich_help_panel=LOOK)(explain.explain)
app.command("provision", rich_help_panel=SET_UP)(provision.provision)
app.add_typer(sandbox.app, name="sandbox", rich_help_panel=SET_UP)
app.add_typer(people.app, name="people", rich_help_panel=SET_UP)
app.add_typer(access.app, name="access", rich_help_panel=SET_UP)
app.add_typer(keys.app, name="keys", rich_help_panel=SET_UP)
app.add_typer(feed.app, name="feed", rich_help_panel=SET_UP)
app.add_typer(contacts.app, name="contacts", rich_help_panel=SET_UP)
app.add_typer(groups.app, name="groups", rich_help_panel=SET_UP)
app.add_typer(imports.app, name="imports", rich_help_panel=SET_UP)
app.add_typer(lists.app, name="lists", rich_help_panel=SET_UP)
app.add_typer(segments.app, name="segments", rich_help_panel=SET_UP)
app.add_typer(consents.app, name="consents", rich_help_panel=LOOK)
app.add_typer(preferences.app, name="preferences", rich_help_panel=LOOK)
app.add_typer(audit.app, name="audit", rich_help_panel=LOOK)
app.add_typer(db.app, name="db", rich_help_panel=SET_UP)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nightmail {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    del version


if __name__ == "__main__":
    app()
