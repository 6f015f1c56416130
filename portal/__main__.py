"""``python -m portal``: serve the portal at the host and port of the settings, or of the options."""

from __future__ import annotations

import argparse

from nightmail.settings import settings


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    configured = settings()
    parser = argparse.ArgumentParser(prog="python -m portal", description="Serve the API, webhooks and web pages.")
    parser.add_argument("--host", default=configured.portal_host)
    parser.add_argument("--port", type=int, default=configured.portal_port)
    arguments = parser.parse_args()

    from portal.serving import serve

    serve(arguments.host, arguments.port)


if __name__ == "__main__":
    main()
