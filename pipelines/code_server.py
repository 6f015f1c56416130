"""Dagster's code server: ``python -m pipelines.code_server --host ADDRESS --port PORT``.

Dagster's own command does not end on SIGTERM: it waits for a thread that nobody tells. A rollout of a new version would wait
for it to be killed. Here SIGTERM ends it: no further call is taken, those under way get some seconds. One without the
deployment's secret key does not start.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from nightmail.errors import NightmailError
from nightmail.reasons import Surface
from nightmail.settings import settings

WORKERS = 24
"""Calls at once: a thread for every sensor that watches, and some more."""
GRACE_S = 8
"""Seconds that calls under way get when the server is to end. A sensor's tick that is cut off is made again by the next one."""
CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.code_server", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    try:
        _require_key()
    except NightmailError as error:
        sys.stderr.write(f"{error.message} {error.remedy_for(Surface.SHELL)}\n")
        sys.exit(error.exit_code)
    serve(arguments.host, arguments.port)
    # Threads of ticks that were cut off would keep the process.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _require_key() -> None:
    from nightmail.audit.deployment_key import require_key
    from nightmail.store.engine import engine, wait_for

    require_key(wait_for(engine()), settings().key())


def serve(host: str, port: int) -> None:
    """Serve the pipeline's definitions to daemon and webserver."""
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._core.utils import FuturesAwareThreadPoolExecutor
    from dagster._grpc.server import DagsterApiServer, DagsterGrpcServer
    from dagster._utils.log import configure_loggers

    os.environ.setdefault("DAGSTER_GRPC_SHUTDOWN_GRACE_PERIOD", str(GRACE_S))
    configure_loggers()
    logger = logging.getLogger("dagster.code_server")
    ended = threading.Event()
    workers = FuturesAwareThreadPoolExecutor(max_workers=WORKERS)
    servicer = DagsterApiServer(
        server_termination_event=ended,
        logger=logger,
        server_threadpool_executor=workers,
        loadable_target_origin=LoadableTargetOrigin(
            executable_path=sys.executable, module_name="pipelines.definitions", working_directory=str(CHECKOUT)
        ),
        location_name="nightmail",
    )
    server = DagsterGrpcServer(
        server_termination_event=ended,
        dagster_api_servicer=servicer,
        logger=logger,
        threadpool_executor=workers,
        host=host,
        port=port,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server.serve()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
