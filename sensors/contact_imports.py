"""Imports into the address book: each is looked at, applied and taken back in turn, one at a time, in a thread of its own.

A tick does not wait for it: a million contacts take longer than a tick may. What a crash cuts off is begun again.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

import dagster as dg

from nightmail.intake.import_work import carry_on, imports_to_carry_out
from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource
from sensors import watching

_PAUSE_S = 0.4
_POOL = ThreadPoolExecutor(1, thread_name_prefix="contact-import")
_UNDER_WAY: dict[int, Future[None]] = {}
_UNDER_WAY_LOCK = threading.Lock()


@dg.sensor(
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Files for the address book: looks at them, and applies and takes back what feeds, pages and programs ask for.",
)
def contact_imports(
    context: dg.SensorEvaluationContext, database: DatabaseResource, lake: LakeResource
) -> dg.SkipReason:
    """Begin what waits, and see what came of it as long as the tick lasts."""

    def waiting() -> list[int]:
        with database.connect() as connection:
            return imports_to_carry_out(connection)

    found = watching.watch(waiting, _PAUSE_S)
    begun = [_begin(context, database, lake, number) for number in found]
    wait(begun, timeout=watching.WATCH_S)
    return dg.SkipReason(f"{len(found)} imports were waiting." if found else "No import waits.")


def _begin(
    context: dg.SensorEvaluationContext, database: DatabaseResource, lake: LakeResource, number: int
) -> Future[None]:
    """The work on an import, which is begun unless it is under way."""
    log = context.log

    def work() -> None:
        try:
            row = carry_on(database.engine, lake.lake, number)
        except Exception:
            # Not foreseen: it waits, and the next tick tries again.
            log.exception("import %d could not be carried out", number)
        else:
            log.info("import %d is %s", number, row.state)

    with _UNDER_WAY_LOCK:
        for other in [other for other, future in _UNDER_WAY.items() if future.done()]:
            del _UNDER_WAY[other]
        if number not in _UNDER_WAY:
            _UNDER_WAY[number] = _POOL.submit(work)
        return _UNDER_WAY[number]
