"""Senders: as many runs of the ``send`` job as there is work and room for; writing ``sends`` is a part of their work.

The first sender is asked for with the preparation (:mod:`sensors.prepare_requests`), so that the first message does not wait for
a process to start; it lingers for it (:mod:`assets.sender_runs`).
"""

import dagster as dg

from nightmail.campaigns.campaign_rows import sends_to_write
from nightmail.preparation.attempts import messages_are_coming
from nightmail.sending.advance import advance_ledger
from nightmail.sending.due_work import due_work
from nightmail.settings import settings
from nightmail.store.clock import database_time
from resources.database import DatabaseResource
from sensors.asked_runs import SEND_JOB
from sensors.lost_runs import runs_of
from sensors.watching import watch

MESSAGES_FOR_A_SECOND = 2_000
"""Fewer due messages than this are one sender's work."""
WRITING_PAUSE_S = 60.0
"""A run to write ``sends`` alone is asked for no more often: a lake that takes nothing must not start runs without end."""
FIRST_WORD_S = 2.0
"""The tick that asks for a preparation asks for its sender as well; after so many seconds it is missed here."""
_PAUSE_S = 0.5


def senders_wanted(due_messages: int, other_work: bool, most: int) -> int:
    """The number of senders that the work needs: none, one for little or for other work, else ``most``.

    Other work is to wait for campaigns that are being prepared, and to write ``sends``.
    """
    if due_messages == 0:
        return 1 if other_work else 0
    return most if due_messages >= MESSAGES_FOR_A_SECOND else 1


@dg.sensor(
    job_name=SEND_JOB,
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps as many sender runs as there are due messages and room for; also moves on what time decides: "
    "cut-offs, escalations, finished campaigns.",
)
def messages_due(context: dg.SensorEvaluationContext, database: DatabaseResource) -> dg.SensorResult | dg.SkipReason:
    """Advance the ledger, count what is due, ask for the senders that are missing."""
    advance_ledger(database.engine)
    # By the locks that they hold: Dagster believes runs of a worker that vanished to be at work for long.
    running = runs_of(context.instance, database, SEND_JOB)
    most = settings().senders

    with database.connect() as connection:
        now = database_time(connection).timestamp()
        # Receipts, cut-offs and loading change ledgers too, when no sender is at work.
        unwritten = now - float(context.cursor or 0) >= WRITING_PAUSE_S and bool(
            sends_to_write(connection, settings().sends_partition_interval_s, limit=1)
        )

    def look() -> int:
        with database.connect() as connection:
            due = due_work(connection, limit=MESSAGES_FOR_A_SECOND)
            coming = messages_are_coming(connection, waited_s=FIRST_WORD_S)
        wanted = senders_wanted(due.messages, unwritten or coming, most)
        # One may have been asked for since this tick began.
        return max(0, wanted - runs_of(context.instance, database, SEND_JOB)) if wanted > running else 0

    missing = watch(look, _PAUSE_S)
    if not missing:
        return dg.SkipReason(f"{running} senders at work are enough.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(job_name=SEND_JOB) for _ in range(missing)],
        cursor=str(now) if unwritten else context.cursor,
    )
