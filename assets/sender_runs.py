"""A sender: the one op of the ``send`` job. It drains due messages of all campaigns, then ends.

It lingers while campaigns are being prepared, so that their first message does not wait for a process to start, and
writes ``sends`` of the campaigns that changed.
"""

import threading
import time

import dagster as dg

from assets.sends import write_changed_sends
from nightmail.preparation.attempts import messages_are_coming
from nightmail.sending.advance import advance_ledger
from nightmail.sending.due_work import due_work
from nightmail.sending.senders import SenderOptions, drain
from nightmail.settings import settings
from resources.carrier_accounts import CarriersResource
from resources.database import DatabaseResource
from resources.lake import LakeResource

LINGER_S = 90.0
"""The longest that a sender waits for campaigns that are being prepared."""
COMING_S = 5.0
"""A window of single messages that closes within so many seconds is worth waiting for."""
_LOOK_S = 0.25


@dg.op(
    description="Hands due messages of all campaigns to their carriers, fairly and urgent ones first, until nothing is due. "
    "What was handed off is in the ledger; running it twice sends nothing twice.",
    pool="senders",
)
def hand_off(
    context: dg.OpExecutionContext, database: DatabaseResource, lake: LakeResource, carriers: CarriersResource
) -> None:
    """Drain, linger, drain again; write ``sends`` in between."""
    configured = settings()
    options = SenderOptions(hash_key=configured.key(), public_url=configured.public_url, dagster_run_id=context.run_id)
    totals: dict[str, int] = {}
    writer = _SendsWriter(context, database, lake)
    started = quiet_since = time.monotonic()
    with writer:
        while True:
            summary = drain(database.engine, carriers.factory(), options)
            for name in ("handed_off", "accepted", "rejected", "retried", "in_doubt", "held"):
                totals[name] = totals.get(name, 0) + int(getattr(summary, name))
            if summary.handed_off:
                quiet_since = time.monotonic()
            advance_ledger(database.engine)
            if not _wait_for_more(database, quiet_since + LINGER_S):
                break
    write_changed_sends(context, database, lake)
    context.add_output_metadata({**totals, "seconds": round(time.monotonic() - started, 1)})


def _wait_for_more(database: DatabaseResource, until: float) -> bool:
    """Wait while campaigns are being prepared; return whether a message became due."""
    while time.monotonic() < until:
        with database.connect() as connection:
            if due_work(connection, limit=1).messages:
                return True
            if not messages_are_coming(connection, COMING_S):
                return False
        time.sleep(_LOOK_S)
    return False


class _SendsWriter:
    """Writes ``sends`` of changed campaigns beside the hand-offs, so that a long drain's reports do not wait for its end."""

    def __init__(self, context: dg.OpExecutionContext, database: DatabaseResource, lake: LakeResource) -> None:
        self._parts = context, database, lake
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sends", daemon=True)

    def __enter__(self) -> "_SendsWriter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        context, database, lake = self._parts
        while not self._over.wait(5.0):
            try:
                write_changed_sends(context, database, lake)
            except Exception:
                # The hand-offs must not end because a report could not be written; the last writing raises.
                context.log.exception("the sends partition was not written; it is tried again")
