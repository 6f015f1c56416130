"""``nightmail consents``: what contacts agreed to, with proof, and what they took back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from commands.one_team import TEAM_HELP, one_team
from commands.people import JSON_HELP
from commands.screen import screen, table

if TYPE_CHECKING:
    from nightmail.organisation.teams import TeamRow

app = typer.Typer(no_args_is_help=True, help="Consents: show, give, ask, withdraw, text, evidence.")

CONTACT_HELP = "The contact's external id, or its address where it has none."
AT_HELP = "When it was stated, such as 2026-11-23T10:30; now by default. Without an offset in the team's time zone."
_WHAT = "has the contact"
_WAIT_S = 60.0
_CATEGORY, _CHANNEL = "What for: a category.", "On this channel; on all by default."
_HOW, _SOURCE, _PROOF = "How it was said: web form, call, paper.", "From where.", "What proves it: a file, a reference."


@app.command("show")
def show(
    contact: str = typer.Argument(..., help=CONTACT_HELP),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show all that was stated of a contact's consents, and what holds now."""
    from commands.local import open_database
    from nightmail.consent.evidence import evidence_of

    view = screen(json_output)
    with open_database().connect() as connection:
        owner = one_team(connection, team, _WHAT)
        found = evidence_of(connection, owner.path, contact_id(owner, contact), contact=contact)
    view.answer({"ok": True, **{name: value for name, value in found.as_dict().items() if name != "preferences"}})
    if found.requests:
        columns = ("category", "channel", "asked (UTC)", "by", "message", "open until (UTC)", "confirmed (UTC)")
        asked = [
            (
                each.category,
                each.channel or "all",
                f"{each.asked_at:%Y-%m-%d %H:%M}",
                f"{each.sent_on} to {each.masked}",
                each.outcome or "not known yet",
                f"{each.expires_at:%Y-%m-%d %H:%M}",
                f"{each.confirmed_at:%Y-%m-%d %H:%M}, {each.confirmed_how}" if each.confirmed_at else "",
            )
            for each in found.requests
        ]
        view.show(table("What was asked for", columns, asked))
    if not found.consents:
        view.say(f"Nothing was ever stated about a consent of {contact}.")
        return
    holds = [(category, channel, str(state)) for category, channel, state in found.states]
    view.show(table("What holds now", ("category", "channel", "consent"), holds))
    rows = [
        (
            row.category,
            row.channel or "all",
            "" if row.never_given else f"{row.captured_at:%Y-%m-%d %H:%M}",
            row.captured_how,
            f"{row.withdrawn_at:%Y-%m-%d %H:%M}" if row.withdrawn_at else "",
            f"{row.expires_at:%Y-%m-%d}" if row.expires_at else "",
            row.proof or "",
        )
        for row in found.consents
    ]
    columns = ("category", "channel", "given (UTC)", "how", "withdrawn (UTC)", "ends", "proof")
    view.show(table("What was stated", columns, rows))


@app.command("give")
def give(
    contact: str = typer.Argument(..., help=CONTACT_HELP),
    category: str = typer.Argument(..., help=_CATEGORY),
    *,
    how: str = typer.Option(..., "--how", help=_HOW),
    channel: str = typer.Option(None, "--channel", help=_CHANNEL),
    at: dt.datetime = typer.Option(None, "--at", help=AT_HELP),
    until: dt.datetime = typer.Option(None, "--until", help="When the consent ends."),
    source: str = typer.Option(None, "--source", help=_SOURCE),
    proof: str = typer.Option(None, "--proof", help=_PROOF),
    shown: str = typer.Option(None, "--text", help="The name of the text that was shown."),
    version: int = typer.Option(None, "--text-version", help="Its version; the newest by default."),
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Record that a contact agreed to a category."""
    from commands.local import open_database, principal
    from nightmail.consent.consents import ConsentGiven, find_text, record_consents

    view = screen(json_output)
    with open_database().begin() as connection:
        owner = one_team(connection, team, _WHAT)
        given = ConsentGiven(
            contact_id(owner, contact),
            category,
            stated_time(owner, at),
            how,
            channel=channel,
            source=source,
            proof=proof,
            text_id=None if shown is None else find_text(connection, owner.path, shown, version),
            expires_at=None if until is None else stated_time(owner, until),
        )
        done = record_consents(connection, owner.id, [given], actor=principal().actor)
    view.answer({"ok": True, "added": done.added, "already": done.already})
    view.say(f"recorded the consent of {contact} to {category}" if done.added else "it was recorded before")


@app.command("ask")
def ask_contact(
    contact: str = typer.Argument(..., help="The contact's external id, as the team's address book has it."),
    category: str = typer.Argument(..., help=_CATEGORY),
    *,
    how: str = typer.Option(..., "--how", help="How the contact said that they want it: web form, call, paper."),
    channel: str = typer.Option(None, "--channel", help=_CHANNEL),
    at: dt.datetime = typer.Option(None, "--at", help=AT_HELP),
    until: dt.datetime = typer.Option(None, "--until", help="When the consent ends."),
    source: str = typer.Option(None, "--source", help=_SOURCE),
    proof: str = typer.Option(None, "--proof", help=_PROOF),
    shown: str = typer.Option(None, "--text", help="The name of the text to agree to; a short one by default."),
    version: int = typer.Option(None, "--text-version", help="Its version; the newest by default."),
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Ask a contact for a consent by a message with a link. It holds once they confirm, and not before."""
    from commands.local import open_database, principal
    from nightmail.consent.consent_requests import ConsentAsked
    from nightmail.consent.consents import find_text
    from nightmail.settings import settings
    from portal.recipient_pages.asking import ask
    from portal.recipient_pages.code_messages import CodeMessages

    view = screen(json_output)
    engine, stated = open_database(), settings()
    with engine.connect() as connection:
        owner = one_team(connection, team, _WHAT)
        asked = ConsentAsked(
            contact_id(owner, contact),
            category,
            stated_time(owner, at),
            how,
            channel=channel,
            source=source,
            proof=proof,
            text_id=None if shown is None else find_text(connection, owner.path, shown, version),
            expires_at=None if until is None else stated_time(owner, until),
        )
    messages = CodeMessages(engine, stated.public_url)
    try:
        done = ask(
            engine,
            messages,
            owner.id,
            asked,
            base_url=stated.public_url,
            key=stated.key(),
            actor=principal().actor,
            wait_s=_WAIT_S,
        )
    finally:
        messages.close()
    request = done.request
    view.answer({"ok": True, "new": done.is_new, "sent": done.sent, "request": request and request.as_dict()})
    if request is None:
        view.say(f"{contact} agreed to {category} already: nothing is asked")
    elif not done.is_new:
        view.say(f"{contact} was asked within the last hour, and waits until {request.expires_at:%Y-%m-%d %H:%M} UTC")
    else:
        outcome = {"accepted": "sent", "not_sent": "not sent, ask again later"}.get(
            str(done.sent), "not known to be sent"
        )
        view.say(f"asked {contact} on {request.sent_on} ({request.masked}): {outcome}")


@app.command("withdraw")
def withdraw(
    contact: str = typer.Argument(..., help=CONTACT_HELP),
    category: str = typer.Argument(..., help=_CATEGORY),
    *,
    how: str = typer.Option(..., "--how", help=_HOW),
    channel: str = typer.Option(None, "--channel", help=_CHANNEL),
    at: dt.datetime = typer.Option(None, "--at", help=AT_HELP),
    source: str = typer.Option(None, "--source", help=_SOURCE),
    proof: str = typer.Option(None, "--proof", help=_PROOF),
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Record that a contact withdrew a consent. It holds from the next hand-off on."""
    from commands.local import open_database, principal
    from nightmail.consent.consents import ConsentWithdrawn, withdraw_consents

    view = screen(json_output)
    with open_database().begin() as connection:
        owner = one_team(connection, team, _WHAT)
        withdrawn = ConsentWithdrawn(
            contact_id(owner, contact),
            category,
            stated_time(owner, at),
            how,
            channel=channel,
            source=source,
            proof=proof,
        )
        done = withdraw_consents(connection, owner.id, [withdrawn], actor=principal().actor)
    view.answer({"ok": True, "added": done.added, "already": done.already})
    view.say(f"recorded that {contact} withdrew {category}" if done.added else "it was recorded before")


@app.command("text")
def keep_text(
    name: str = typer.Argument(..., help="The text's name, such as newsletter-form."),
    file: Path = typer.Argument(..., help="The words as people are shown them, in UTF-8.", exists=True, dir_okay=False),
    *,
    language: str = typer.Option(None, "--language", help="Their language, such as en."),
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Keep a text that people are shown when they agree, as the next version of its name."""
    from commands.local import open_database, principal
    from nightmail.consent.consents import add_text

    view = screen(json_output)
    words = file.read_text(encoding="utf-8", errors="replace").replace("\x00", "")
    with open_database().begin() as connection:
        owner = one_team(connection, team, "shows the text")
        _, version = add_text(connection, owner.id, name, words, language=language, actor=principal().actor)
    view.answer({"ok": True, "name": name, "version": version})
    view.say(f"kept {name}, version {version}")


@app.command("evidence")
def evidence(
    contact: str = typer.Argument(..., help=CONTACT_HELP),
    file: Path = typer.Argument(..., help="Where to write it: a name that ends in .html or .json."),
    *,
    team: str = typer.Option(None, "--team", help=TEAM_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Write a document of all that a contact agreed to, took back and chose, with the texts and the proofs."""
    import json

    from commands.local import open_database, principal
    from nightmail.audit import record_look
    from nightmail.consent.evidence import evidence_of, evidence_page

    view = screen(json_output)
    with open_database().begin() as connection:
        owner = one_team(connection, team, _WHAT)
        found = evidence_of(connection, owner.path, contact_id(owner, contact), contact=contact)
        record_look(
            connection,
            actor=principal().actor,
            subject=f"contact:{found.contact_id}",
            team_id=owner.id,
            shown=("consents",),
            count=1,
        )
    if file.suffix.lower() == ".json":
        file.write_text(json.dumps(found.as_dict(), default=str, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    else:
        file.write_text(evidence_page(found), encoding="utf-8")
    view.answer({"ok": True, "file": str(file), "consents": len(found.consents)})
    view.say(f"wrote {file}")


def contact_id(owner: TeamRow, contact: str) -> str:
    """The id that a team's contact has in every table."""
    from nightmail.privacy.hashes import contact_ids
    from nightmail.settings import settings

    return contact_ids(owner.path, [contact], settings().key())[0]


def stated_time(owner: TeamRow, stated: dt.datetime | None) -> dt.datetime:
    """The moment that a person means by a time; now where they gave none."""
    from nightmail.stated_times import moment_of

    now = dt.datetime.now(dt.UTC)
    return now if stated is None else moment_of(stated, owner.time_zone or "UTC", now)
