"""What an upload asks for, in the query or in the form beside the file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from portal.api.uploads import FormUpload
from portal.problems import FieldProblem, RequestError


class UploadOrder:
    """The feed, the name of the file, and how it is to be sent."""

    def __init__(self, feed: str | None, name: str | None, again: bool, at: dt.datetime | None) -> None:
        self.feed, self.name, self.again, self.at = feed, name, again, at

    def completed_by(self, form: FormUpload) -> UploadOrder:
        """The order with what the form states; raises :class:`RequestError` (``request_invalid``) for a malformed time."""
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
        )


def missing(where: str, values: Mapping[str, str | None]) -> RequestError:
    """The error of a request without one of ``values``."""
    errors = [
        FieldProblem(where=f"{where}.{name}", message="is required") for name, value in values.items() if not value
    ]
    return RequestError("request_invalid", errors=errors)
