"""Dagster's webserver on a Unix socket: ``python -m pipelines.webserver --socket PATH -w workspace.yaml``.

It has no login, and a browser can be led to any port of its machine by any page: an image's address is enough to run a
mutation. On a socket in a private folder only the portal reaches it, which asks who it is for.
"""

from __future__ import annotations

import argparse
from pathlib import Path

PREFIX = "/pipeline"
"""Where the portal shows it."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.webserver", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--socket", type=Path, required=True, help="the Unix socket to listen on")
    parser.add_argument("-w", "--workspace", required=True, help="Dagster's workspace file")
    arguments = parser.parse_args()
    serve(arguments.socket, arguments.workspace)


def serve(socket: Path, workspace: str) -> None:
    """Serve Dagster's pages of the instance that ``DAGSTER_HOME`` names, under :data:`PREFIX`, on a socket."""
    import uvicorn
    from dagster import DagsterInstance
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import WorkspaceFileTarget
    from dagster_webserver.app import create_app_from_workspace_process_context
    from dagster_webserver.version import __version__

    socket.unlink(missing_ok=True)
    with (
        DagsterInstance.get() as instance,
        WorkspaceProcessContext(instance, WorkspaceFileTarget([workspace]), version=__version__) as context,
    ):
        # As Dagster's own command does: statements of pages end after a while, connections are kept.
        instance.optimize_for_webserver(statement_timeout=15_000, pool_recycle=3_600, max_overflow=20)
        application = create_app_from_workspace_process_context(context, PREFIX)
        uvicorn.run(application, uds=str(socket), log_level="warning")


if __name__ == "__main__":
    main()
