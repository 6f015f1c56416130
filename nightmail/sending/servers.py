"""The server that the database is on: another one may have taken over, and may lack the last that was committed.

PostgreSQL begins a timeline when a standby is made the server, or when a backup is recovered to a point in time. Senders commit
intents only on the timeline that the deployment's row has (the database's function ``may_hand_off``). Here the row is brought up
to the server: after a synchronous standby took over, all goes on; after any other one, campaigns come back as after a restore.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.audit import write_entry
from nightmail.campaigns.alerts import raise_alert, resolve_alerts
from nightmail.reasons import explain
from nightmail.store.fencing import fence_unsent

_log = logging.getLogger("nightmail.sending")

SUBJECT = "database:standby"
FENCED_SUBJECT = "database:server"
_ACTOR = "failover"


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the deployment's row says of its server, for ``nightmail doctor``."""

    synchronous: bool
    """Whether commits wait for a standby."""
    held: bool
    """Whether nothing is handed off, as the server is another one or commits have ceased to wait."""


def server_facts(connection: Connection) -> ServerFacts:
    """Whether a standby has all that is committed, and whether senders may work."""
    row = connection.execute(
        text("select server_is_synchronous() as synchronous, may_hand_off(server_timeline()) as works")
    ).one()
    return ServerFacts(row.synchronous, not row.works)


def note_server(engine: Engine) -> str:
    """Bring the deployment's row up to its server, and fence what may have been lost; return what was found.

    ``same``, ``taken_over`` (a standby that had everything), ``fenced`` (one that may not), ``held``, ``holds`` and
    ``asynchronous`` (commits ceased to wait for a standby), ``synchronous`` (they do again).
    """
    with engine.begin() as connection:
        found = str(connection.scalar(text("select note_server()")))
        if found == "taken_over":
            epoch = connection.scalar(text("select epoch from deployment"))
            write_entry(connection, actor=_ACTOR, action="database.taken_over", subject=str(epoch))
        elif found == "fenced":
            epoch = int(connection.scalar(text("select epoch from deployment")) or 1)
            fenced = fence_unsent(connection, epoch, actor=_ACTOR, action="database.restored")
            message = explain("server_taken_over", campaigns=len(fenced.paused), messages=fenced.in_doubt)
            raise_alert(connection, reason="server_taken_over", subject=FENCED_SUBJECT, message=message)
        elif found in ("held", "asynchronous"):
            message = explain("standby_lost")
            raise_alert(connection, reason="standby_lost", subject=SUBJECT, message=message, again=False)
        elif found == "synchronous":
            resolve_alerts(connection, subject=SUBJECT)
    if found not in ("same", "holds"):
        _log.warning("the database's server: %s", found)
    return found
