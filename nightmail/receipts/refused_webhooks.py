"""Webhooks of carriers that were refused: one open alert for each reason and path, with the number of refusals."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from nightmail.receipts.queries import COUNT_REFUSED_WEBHOOKS

_MESSAGES = {
    "webhook_forged": "Webhooks with a wrong signature came to {path}. They were refused.",
    "webhook_outdated": "Webhooks that were signed more than three days before or after the database's time came to "
    "{path}. They were refused: its clock is wrong, or somebody sends old ones again.",
}


def alert_of_refused_webhooks(connection: Connection, counts: Mapping[tuple[str, str], int]) -> None:
    """Add refusals, counted by reason and path, to their alerts. Raises ``KeyError`` for a reason that refuses none."""
    refused = sorted(counts.items())
    connection.execute(
        text(COUNT_REFUSED_WEBHOOKS),
        {
            "reasons": [reason for (reason, _), _ in refused],
            "paths": [path for (_, path), _ in refused],
            "counts": [count for _, count in refused],
            "messages": [_MESSAGES[reason].format(path=path) for (reason, path), _ in refused],
        },
    )
