"""``nightmail people``: who may log in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from commands.screen import Screen, screen, table
from commands.stated_ends import UNTIL_HELP, stated_end
from nightmail.errors import UsageError

if TYPE_CHECKING:
    from nightmail.access.people import PersonRow

app = typer.Typer(no_args_is_help=True, help="Invite, list, disable and enable people.", rich_markup_mode="rich")

PERSON_HELP = "The person's email address or number."
JSON_HELP = "Print JSON."


@app.command("invite")
def invite(
    email: str = typer.Argument(..., help="The address that the person logs in with."),
    *,
    name: str = typer.Option(..., "--name", help="The person's name, as they write it; up to 200 characters."),
    team: str = typer.Option(None, "--team", help="The team to invite to; by default the whole deployment."),
    role: list[str] = typer.Option([], "--role", help="A role at the team; may be given several times."),
    until: str = typer.Option(None, "--until", help=f"Of the roles. {UNTIL_HELP}"),
    country: str = typer.Option(..., "--country", help="Where the person lives (ISO 3166-1), for the age to attest."),
    of_age: bool = typer.Option(
        False, "--of-age", help="You attest that the person is of age there: minors cannot have an account."
    ),
    language: str = typer.Option("en", "--language", help="What the portal speaks to the person: en, de, fr or es."),
    time_zone: str = typer.Option("UTC", "--time-zone", help="IANA name."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Invite a person. The link is shown once; it is good for seven days, once."""
    from commands.local import open_database, principal
    from nightmail.access.people import Invitation
    from nightmail.access.people import invite as invite_person

    view = screen(json_output)
    invitation = Invitation(
        email=email,
        name=name,
        country=country,
        of_age=of_age,
        team=team or "",
        roles=role,
        expires_at=stated_end(until),
        language=language,
        time_zone=time_zone,
    )
    with open_database().begin() as connection:
        person, token = invite_person(connection, invitation, by=principal())
    _show_link(view, person, token)


@app.command("invite-again")
def invite_again(
    person: str = typer.Argument(..., help=PERSON_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Give a person who has not accepted yet a new link; the earlier one is over."""
    from commands.local import open_database, principal
    from nightmail.access.people import find_person
    from nightmail.access.people import invite_again as again

    view = screen(json_output)
    with open_database().begin() as connection:
        found = find_person(connection, person)
        token = again(connection, found.id, by=principal())
    _show_link(view, found, token)


@app.command("reset")
def reset(
    person: str = typer.Argument(..., help=PERSON_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Forget how a person logs in, and give a link by which they choose again: for a lost device. Roles stay."""
    from commands.local import open_database, principal
    from nightmail.access.people import find_person, reset_factors

    view = screen(json_output)
    with open_database().begin() as connection:
        found = find_person(connection, person)
        token = reset_factors(connection, found.id, by=principal())
    _show_link(view, found, token)


@app.command("first-administrator")
def first_administrator(
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Show the link by which somebody becomes the first administrator, once, within 24 hours. `nightmail up` does so too."""
    from commands.local import actor, link_address, open_database
    from nightmail.access.first_administrator import offer_administration

    view = screen(json_output)
    with open_database().begin() as connection:
        token = offer_administration(connection, by=actor())
    if token is None:
        raise UsageError("administrator_exists")
    address = link_address(token, "first-administrator")
    view.answer({"ok": True, "link": address})
    view.say("Who opens this link becomes the first administrator; it is good once, for 24 hours:")
    view.say(address, style="yellow")


@app.command("list")
def list_all(
    *,
    search: str = typer.Option(None, "--search", help="A part of the name or address."),
    state: str = typer.Option(None, "--state", help="Only who is invited, active or disabled."),
    team: str = typer.Option(None, "--team", help="Only those with a role at this team or below."),
    after: str = typer.Option(None, "--after", help="Go on after this person (email address or number)."),
    limit: int = typer.Option(50, "--limit", min=1, max=1000, help="At most so many, by name."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List people by name, with their roles."""
    from commands.local import open_database, principal
    from nightmail.access.grants import grants_of
    from nightmail.access.people import STATES, find_person, list_people
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    if state is not None and state not in STATES:
        raise UsageError("arguments_wrong", problem=f"{state} is no state: {', '.join(STATES)}")
    with open_database().connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        last = None if after is None else find_person(connection, after)
        found = list_people(
            connection,
            principal(),
            state=state,
            search=search,
            team=team,
            after=None if last is None else last.position,
            limit=limit + 1,
        )
        more, found = len(found) > limit, found[:limit]
        grants = {person.id: grants_of(connection, person.id) for person in found}
    people = [{**person.as_dict(), "grants": [grant.as_dict() for grant in grants[person.id]]} for person in found]
    following = found[-1].email if more else None
    view.answer({"ok": True, "people": people, "next": following})
    rows = [
        (
            person.id,
            person.name,
            person.email,
            person.state,
            "\n".join(f"{grant.role} at {grant.team or 'all teams'} (grant {grant.id})" for grant in grants[person.id]),
        )
        for person in found
    ]
    view.show(table("People", ("number", "name", "address", "is", "roles"), rows))
    if following:
        view.say(f"There are more: --after {following}")


@app.command("disable")
def disable(
    person: str = typer.Argument(..., help=PERSON_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Disable a person: sessions end at once, links are void. `nightmail people enable` takes it back."""
    from commands.local import open_database, principal
    from nightmail.access.people import disable as disable_person
    from nightmail.access.people import find_person

    view = screen(json_output)
    with open_database().begin() as connection:
        changed = disable_person(connection, find_person(connection, person).id, by=principal())
    _show_state(view, changed)


@app.command("enable")
def enable(
    person: str = typer.Argument(..., help=PERSON_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Enable a person again, with the roles that they have."""
    from commands.local import open_database, principal
    from nightmail.access.people import enable as enable_person
    from nightmail.access.people import find_person

    view = screen(json_output)
    with open_database().begin() as connection:
        changed = enable_person(connection, find_person(connection, person).id, by=principal())
    _show_state(view, changed)


def _show_link(view: Screen, person: PersonRow, token: str) -> None:
    from commands.local import link_address

    address = link_address(token)
    view.answer({"ok": True, "person": person.as_dict(), "link": address})
    view.say(
        f"{person.name} <{person.email}> is invited. The link is shown only now, and is good once, for seven days:"
    )
    view.say(address, style="yellow")


def _show_state(view: Screen, person: PersonRow) -> None:
    view.answer({"ok": True, "person": person.as_dict()})
    view.say(f"{person.name} <{person.email}> is {person.state}")
