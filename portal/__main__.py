"""``python -m portal``: serve the portal at the host and port of the settings, or of the options."""

from __future__ import annotations

import argparse
import sys

from nightmail.settings import settings


def main() -> None:
    """Serve until SIGTERM or SIGINT; a portal without the deployment's secret key does not start."""
    configured = settings()
    parser = argparse.ArgumentParser(prog="python -m portal", description="Serve the API, webhooks and web pages.")
    parser.add_argument("--host", default=configured.portal_host)
    parser.add_argument("--port", type=int, default=configured.portal_port)
    arguments = parser.parse_args()

    from nightmail.audit.deployment_key import require_key
    from nightmail.errors import NightmailError
    from nightmail.reasons import Surface
    from nightmail.store.engine import engine, wait_for
    from portal.serving import serve

    try:
        require_key(wait_for(engine()), configured.key())
    except NightmailError as error:
        sys.stderr.write(f"{error.message} {error.remedy_for(Surface.SHELL)}\n")
        sys.exit(error.exit_code)
    serve(arguments.host, arguments.port)


if __name__ == "__main__":
    main()
