"""``nightmail access``: who may do what, and where."""

from __future__ import annotations

import typer

from commands.people import JSON_HELP, PERSON_HELP
from commands.screen import screen, table
from commands.stated_ends import UNTIL_HELP, stated_end

app = typer.Typer(
    no_args_is_help=True, help="Give roles, withdraw them, and say who may what.", rich_markup_mode="rich"
)

TEAM_HELP = "The team; it holds there and below. By default the whole deployment."


@app.command("grant")
def grant(
    person: str = typer.Argument(..., help=PERSON_HELP),
    role: str = typer.Argument(..., help="The role's name."),
    team: str = typer.Argument(None, help=TEAM_HELP),
    *,
    until: str = typer.Option(None, "--until", help=UNTIL_HELP),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Give a person a role at a team and below. Given again, it holds until the new time."""
    from commands.local import open_database, principal
    from nightmail.access.grants import give_role
    from nightmail.access.people import find_person
    from nightmail.access.roles import find_role

    view = screen(json_output)
    with open_database().begin() as connection:
        given = give_role(
            connection,
            by=principal(),
            person_id=find_person(connection, person).id,
            role=find_role(connection, role, team or ""),
            team=team or "",
            expires_at=stated_end(until),
        )
    view.answer({"ok": True, "grant": given.as_dict()})
    ends = "" if given.expires_at is None else f" until {given.expires_at:%Y-%m-%d %H:%M} UTC"
    view.say(f"{given.name} is {given.role} at {given.team or 'all teams'}{ends} (grant {given.id})")


@app.command("withdraw")
def withdraw(
    grant_id: int = typer.Argument(..., metavar="GRANT", help="The grant's number: `nightmail people list` shows it."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Withdraw a grant. It holds no more from the person's next request on."""
    from commands.local import open_database, principal
    from nightmail.access.grants import withdraw_role

    view = screen(json_output)
    with open_database().begin() as connection:
        was = withdraw_role(connection, grant_id, by=principal())
    view.answer({"ok": True, "withdrawn": was.as_dict()})
    view.say(f"{was.name} is {was.role} at {was.team or 'all teams'} no more")


@app.command("roles")
def roles(
    team: str = typer.Argument(None, help="The roles that can be given at this team; by default those for all teams."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List roles and what each allows."""
    from commands.local import open_database
    from nightmail.access.roles import list_roles
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    with open_database().connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        found = list_roles(connection, team or "")
    view.answer({"ok": True, "roles": [role.as_dict() for role in found]})
    rows = [(role.name, role.description or role.title, ", ".join(sorted(role.permissions))) for role in found]
    view.show(table("Roles", ("role", "is", "permissions"), rows))


@app.command("explain")
def explain(
    person: str = typer.Argument(..., help=PERSON_HELP),
    permission: str = typer.Argument(..., help="A permission, such as campaign.approve."),
    team: str = typer.Argument(None, help="The team; by default the deployment as a whole."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """Say whether a person may do something at a team, and by which grants. Exit code 1: they may not."""
    from commands.local import open_database
    from nightmail.access.grants import explain_access
    from nightmail.access.people import find_person
    from nightmail.access.permissions import permission_named
    from nightmail.organisation.teams import team_id_of
    from nightmail.reasons import explain as explained

    view = screen(json_output)
    asked = permission_named(permission)
    with open_database().connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        found = find_person(connection, person)
        decision = explain_access(connection, found.id, asked, team or "")
    by = [{"grant": held.grant_id, "role": held.role, "team": held.team or None} for held in decision.by]
    said = explained(
        decision.why,
        who=found.name if found.state == "active" else f"{found.name}, who is {found.state} and so holds nothing,",
        permission=asked,
        team=team or "the deployment as a whole",
        by=", ".join(f"{held.role} at {held.team or 'all teams'} (grant {held.grant_id})" for held in decision.by),
    )
    view.answer(
        {
            "ok": True,
            "person": found.email,
            "state": found.state,
            "permission": asked,
            "team": team,
            "allowed": decision.yes,
            "reason": decision.why,
            "by": by,
            "message": said,
        }
    )
    view.say(said, style="green" if decision.yes else "yellow")
    if not decision.yes:
        raise typer.Exit(1)


@app.command("who")
def who(
    permission: str = typer.Argument(..., help="A permission, such as campaign.approve."),
    team: str = typer.Argument(None, help="The team; by default the deployment as a whole."),
    limit: int = typer.Option(100, "--limit", min=1, max=1000, help="At most so many grants, by name."),
    json_output: bool = typer.Option(False, "--json", help=JSON_HELP),
) -> None:
    """List who may do something at a team, with the grants that say so."""
    from commands.local import open_database, principal
    from nightmail.access.grants import who_can
    from nightmail.access.permissions import permission_named
    from nightmail.organisation.teams import team_id_of

    view = screen(json_output)
    asked = permission_named(permission)
    with open_database().connect() as connection:
        if team is not None:
            team_id_of(connection, team)
        found = who_can(connection, asked, team or "", asks=principal(), limit=limit)
    view.answer({"ok": True, "permission": asked, "team": team, "grants": [grant.as_dict() for grant in found]})
    rows = [(grant.name, grant.email, grant.role, grant.team or "all teams", grant.id) for grant in found]
    view.show(table(f"{asked} at {team or 'all teams'}", ("name", "address", "role", "at", "grant"), rows))
