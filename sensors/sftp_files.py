"""Files on SFTP: found when whole, taken once, registered, archived, answered beside.

Each server is looked at on its own, in a thread of its own, so that one that hangs holds up no other; a look that is still
under way from an earlier tick is left to end. What a look does is in :mod:`sensors.sftp`.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

import dagster as dg

from nightmail.settings import settings
from resources.database import DatabaseResource
from resources.lake import LakeResource
from resources.sftp.servers import SftpServerRow, SftpServersResource
from sensors import watching
from sensors.asked_runs import asks_for_campaigns
from sensors.prepare_requests import prepare_result, waiting_campaigns
from sensors.sftp import ServerLook

SOURCES = frozenset({"sftp"})
_PAUSE_S = 0.4
_SERVERS_AT_ONCE = 16

_POOL = ThreadPoolExecutor(_SERVERS_AT_ONCE, thread_name_prefix="sftp-look")
_UNDER_WAY: dict[int, Future[None]] = {}
_UNDER_WAY_LOCK = threading.Lock()


@asks_for_campaigns
@dg.sensor(
    minimum_interval_seconds=settings().sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Contact files on SFTP: takes whole ones, archives them, asks for what prepares them, and writes result "
    "and reject files beside the uploads.",
)
def sftp_files(
    context: dg.SensorEvaluationContext,
    database: DatabaseResource,
    lake: LakeResource,
    sftp_servers: SftpServersResource,
) -> dg.SensorResult | dg.SkipReason:
    """Look at every server; again until something is to be prepared or the tick is over."""
    started = time.monotonic()
    while True:
        with database.connect() as connection:
            servers = sftp_servers.servers(connection)
        deadline = started + watching.TICK_LIMIT_S
        looks = [_look(ServerLook(context.log, database, lake, server, deadline), sftp_servers) for server in servers]
        wait([look for look in looks if look is not None], timeout=max(0.0, deadline - time.monotonic()))
        found = waiting_campaigns(context, database, SOURCES)
        if found or time.monotonic() - started + _PAUSE_S > watching.WATCH_S or not servers:
            return prepare_result(context, database, SOURCES, found)
        time.sleep(_PAUSE_S)


def _look(look: ServerLook, resource: SftpServersResource) -> Future[None] | None:
    """Begin a look at a server, unless one is under way. A tick waits for its own looks, not for one that hangs."""
    server: SftpServerRow = look.server
    with _UNDER_WAY_LOCK:
        earlier = _UNDER_WAY.get(server.id)
        if earlier is not None and not earlier.done():
            return None
        begun = _UNDER_WAY[server.id] = _POOL.submit(look.run, resource)
        return begun
