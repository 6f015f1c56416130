"""A form with a file as it comes: streamed to the disk within the API's bounds, its token checked before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect

from nightmail.errors import NightmailError
from portal.api.uploads import FormUpload, StoredUpload, UploadFile, form_boundary, one_more_upload
from portal.problems import RequestError
from portal.state import Portal
from portal.web.signed_in import SignedIn, check_token

UPLOAD_FORM = "/uploads/new"
SEND_FORM = "/send/file"
UPLOAD_FORMS = frozenset({UPLOAD_FORM, SEND_FORM, "/contact-imports/new"})
"""Where forms with a file go: their bodies may be as large as a file."""


@dataclass(frozen=True)
class ReceivedForm:
    """A form's short fields and its file, or why there is none: a reason of the API's, or ``file_missing``."""

    fields: Mapping[str, str]
    stored: StoredUpload | None
    problem: NightmailError | None = None
    chosen: bool = True
    """Whether a file was chosen at all."""

    def value(self, name: str, limit: int = 300) -> str:
        """The trimmed value of a field; empty when it did not come."""
        return self.fields.get(name, "").replace("\x00", "").strip()[:limit]


async def receive_form(request: Request, portal: Portal, me: SignedIn) -> ReceivedForm:
    """Read the whole form. A file that cannot be taken is no error here: its form is to be shown again.

    Raises :class:`RequestError` for one of another session (``form_outdated``), whatever else is wrong with it, for a damaged form,
    and for one that does not come whole.
    """
    try:
        boundary = form_boundary(request.headers.get("content-type", ""))
    except RequestError:
        raise RequestError("form_outdated") from None
    file = UploadFile(portal.settings.incoming_dir, portal.settings.maximum_file_bytes)
    form = FormUpload(boundary, file)
    stream = request.stream()
    try:
        with one_more_upload(portal.uploads, me.principal.actor):
            try:
                await form.read(stream)
            except RequestError as error:
                shown_again = error.reason in ("file_too_large", "storage_full")
                if shown_again:
                    async for _ in stream:
                        pass
                check_token(me, form.fields.get("csrf", ""))
                if not shown_again:
                    raise
                return ReceivedForm(form.fields, None, error)
            check_token(me, form.fields.get("csrf", ""))
            if not form.file_name:
                return ReceivedForm(form.fields, None, chosen=False)
            if file.size == 0:
                return ReceivedForm(form.fields, None, RequestError("file_empty"))
            return ReceivedForm(form.fields, await file.keep(form.file_name))
    except ClientDisconnect:
        raise RequestError("upload_truncated", problem="the connection ended before its end") from None
    finally:
        file.discard()
