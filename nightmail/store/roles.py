"""Who may do what in the database: the owner of the tables, and the role that the product works as.

The owner runs migrations, backups and restores. The working role reads and writes rows. It can change no table, and what
:data:`READ_ONLY` and :data:`APPEND_ONLY` name it cannot change at all: whoever gets hold of the product's connection can
neither mend the audit log nor take a month of it away. What the product needs beyond rows, the owner's functions do for it
(:data:`OWNERS_FUNCTIONS`): they make months ahead, drop old ones and state what the deployment's row keeps, within bounds that
they look at themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, text

READ_ONLY = ("alembic_version", "state_transition", "channel", "deployment", "audit_month_gone")
"""Tables that the working role only reads."""

APPEND_ONLY: dict[str, tuple[str, ...]] = {
    # Who writes an entry says neither when it was written nor in which place: the database does.
    "audit": ("month", "actor", "action", "object", "team_id", "detail", "origin", "before", "after"),
    "audit_seal": (),
}
"""Tables to which the working role adds rows, and nothing else: the columns that it may fill; none: all of them."""

OWNERS_FUNCTIONS = (
    *("make_month(text, date, integer)", "analyze_month(text, date)", "retire_month(text, date, boolean)"),
    *("keep_key(text)", "note_server()"),
)
"""Functions that run with the owner's rights (``security definer``), and that only the working role may call."""

# Tables, partitions and views of the product, with what a row says of the table that a partition belongs to.
_RELATIONS = """
    select c.oid, c.relname as name, coalesce(p.relname, c.relname) as table_name, c.relispartition as partition,
        c.relkind::text as kind
    from pg_class c
    left join pg_inherits i on i.inhrelid = c.oid
    left join pg_class p on p.oid = i.inhparent
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
    order by c.relname
"""

# Whether a role has exactly the rights on a relation that a table of the product's own rows needs.
_HAS_ROWS = """
    select has_table_privilege(%(role)s, %(oid)s::oid, 'select') and has_table_privilege(%(role)s, %(oid)s::oid, 'insert')
        and has_table_privilege(%(role)s, %(oid)s::oid, 'update') and has_table_privilege(%(role)s, %(oid)s::oid, 'delete')
"""

# What belongs to another role: relations (sequences of a column follow their table), functions and types.
_FOREIGN = """
    select 'table' as kind, c.oid::regclass::text as name
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
      and c.relowner <> %(owner)s::regrole
      and not exists (
        select from pg_depend d
        where c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i'))
    union all
    select 'routine', p.oid::regprocedure::text
    from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proowner <> %(owner)s::regrole
    union all
    select 'type', t.oid::regtype::text
    from pg_type t
    where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd') and t.typowner <> %(owner)s::regrole
"""


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """What the role of a connection is in its database."""

    name: str
    superuser: bool
    owner: bool
    """Whether it owns the product's tables, or may act as who does."""


def role_facts(connection: Connection) -> RoleFacts:
    """What the connection's role is: for ``nightmail doctor``."""
    row = connection.execute(
        text(
            "select current_user::text as name, r.rolsuper as superuser, "
            "coalesce((select pg_has_role(current_user, c.relowner, 'member') from pg_class c "
            "where c.oid = to_regclass('public.audit')), has_schema_privilege('public', 'create')) as owner "
            "from pg_roles r where r.rolname = current_user"
        )
    ).one()
    return RoleFacts(row.name, row.superuser, row.owner)


def grant_working_rights(connection: psycopg.Connection[Any], role: str | None) -> None:
    """Give the working role what it needs and take away what it does not; safe to repeat.

    Without a role, where the product works as the owner, only what everybody may do is narrowed. Run by the owner.
    """
    for function in OWNERS_FUNCTIONS:
        if connection.execute("select to_regprocedure(%s) is not null", [f"public.{function}"]).fetchone() == (True,):
            _do(connection, f"revoke all on function public.{function} from public")
            if role is not None:
                _do(connection, f"grant execute on function public.{function} to {{}}", role)
    if role is None:
        return
    _do(connection, "grant usage on schema public to {}", role)
    for oid, name, table, partition, kind in connection.execute(_RELATIONS).fetchall():
        if table in APPEND_ONLY or table in READ_ONLY or kind == "v":
            _do(connection, "revoke all on {} from {}", name, role)
            # A partition has rights of its own, which hold for who names it and not its table.
            if not partition:
                _do(connection, "grant select on {} to {}", name, role)
                _grant_appending(connection, table, role)
        elif connection.execute(_HAS_ROWS, {"role": role, "oid": oid}).fetchone() != (True,):
            _do(connection, "grant select, insert, update, delete on {} to {}", name, role)


def _grant_appending(connection: psycopg.Connection[Any], table: str, role: str) -> None:
    if table not in APPEND_ONLY:
        return
    named = APPEND_ONLY[table]
    if not named:
        _do(connection, "grant insert on {} to {}", table, role)
        return
    # Before its newest migration the table has fewer columns.
    found = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attname = any(%s)",
        [f"public.{table}", list(named)],
    )
    columns = sql.SQL(", ").join(sql.Identifier(row[0]) for row in found.fetchall())
    connection.execute(
        sql.SQL("grant insert ({}) on {} to {}").format(columns, sql.Identifier(table), sql.Identifier(role))
    )


def give_database(connection: psycopg.Connection[Any], database: str, owner: str, working: str | None) -> None:
    """Make ``owner`` the owner of a database that another role made, and of all that the product has in it.

    Run by a superuser, in one transaction: of a server whose roles were not two yet.
    """
    for kind, name in connection.execute(_FOREIGN, {"owner": owner}).fetchall():
        # The names are those of the catalogue, quoted by it.
        _do(connection, f"alter {kind} {name} owner to {{}}", owner)
    if working is not None:
        grant_working_rights(connection, working)
    _do(connection, "alter database {} owner to {}", database, owner)


def _do(connection: psycopg.Connection[Any], statement: str, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))
