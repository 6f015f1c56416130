"""What an upload asks for, in the query or in the form beside the file; and the start that any request asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import cast, get_args

from sqlalchemy import Connection

from nightmail.organisation.stored_feeds import FeedRow
from nightmail.stated_times import SendIn, StatedStart, stated_start
from nightmail.store.clock import database_time
from portal.api.uploads import FormUpload
from portal.problems import FieldProblem, RequestError

SEND_IN_DESCRIPTION = (
    "Whose clocks `at` is read from; by default as the feed says. `recipient` sends to each recipient when their own clock "
    "shows the time, which then has no offset; where it is over already, at once"
)


class UploadOrder:
    """The feed, the name of the file, and how it is to be sent."""

    def __init__(
        self, feed: str | None, name: str | None, again: bool, at: dt.datetime | None, send_in: SendIn | None = None
    ) -> None:
        self.feed, self.name, self.again, self.at, self.send_in = feed, name, again, at, send_in

    def completed_by(self, form: FormUpload) -> UploadOrder:
        """The order with what the form states; raises :class:`RequestError` (``request_invalid``) for a malformed one."""
        again, at = form.fields.get("again"), form.fields.get("at")
        try:
            when = dt.datetime.fromisoformat(at) if at else self.at
        except ValueError:
            problem = FieldProblem(where="body.at", message="is not a time as RFC 3339 writes it")
            raise RequestError("request_invalid", errors=[problem]) from None
        return UploadOrder(
            form.fields.get("feed") or self.feed,
            form.file_name or self.name,
            self.again if again is None else again.lower() in ("1", "true", "yes", "on"),
            when,
            self._send_in(form.fields.get("send_in")),
        )

    def _send_in(self, stated: str | None) -> SendIn | None:
        if not stated:
            return self.send_in
        for known in get_args(SendIn):
            if stated == known:
                return cast("SendIn", known)
        problem = FieldProblem(where="body.send_in", message=f"is none of {', '.join(get_args(SendIn))}")
        raise RequestError("request_invalid", errors=[problem])


def start_asked_for(
    connection: Connection, feed: FeedRow, at: dt.datetime | None, send_in: SendIn | None, *, where: str
) -> StatedStart | None:
    """The start that a request states with ``at`` and ``send_in``, which is the feed's where the request has none.

    Raises :class:`UsageError` (``time_invalid``), and :class:`RequestError` (``request_invalid``) for ``send_in`` alone;
    ``where`` is the part of the request that they stand in.
    """
    if at is None:
        if send_in is not None:
            problem = FieldProblem(where=f"{where}.send_in", message="says whose time `at` is, which is not there")
            raise RequestError("request_invalid", errors=[problem])
        return None
    return stated_start(at, feed.time_zone, database_time(connection), send_in or feed.settings.send_in)


def missing(where: str, values: Mapping[str, str | None]) -> RequestError:
    """The error of a request without one of ``values``."""
    errors = [
        FieldProblem(where=f"{where}.{name}", message="is required") for name, value in values.items() if not value
    ]
    return RequestError("request_invalid", errors=errors)
