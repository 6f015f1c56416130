"""Setting up an authenticator app: a secret that is shown as a QR code and as text, and kept once a code proves that the app has it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass

from fastapi import Request
from markupsafe import Markup
from sqlalchemy import Connection

from nightmail.access.login_steps import StepKind, keep_step, read_step
from nightmail.access.one_time_codes import new_secret, opened_secret, sealed_secret, secret_address, set_secret
from nightmail.audit import write_entry
from portal.problems import RequestError
from portal.web.cookies import cookie_name


@dataclass(frozen=True, slots=True)
class NewApp:
    """What the page shows of a secret that is not yet in use."""

    secret: str
    address: str

    @property
    def key(self) -> str:
        """The secret as one types it: in groups of four."""
        return " ".join(self.secret[at : at + 4] for at in range(0, len(self.secret), 4))

    @property
    def picture(self) -> Markup:
        """The QR code as SVG within the page: dark on light in both themes, since cameras want it so."""
        import segno

        drawn = segno.make(self.address, error="m").svg_inline(
            border=4, scale=5, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
        )
        return Markup(drawn)  # noqa: S704 - drawn here, of an address that is encoded as modules


def shown_app(
    request: Request, connection: Connection, person_id: int, email: str, *, key: bytes
) -> tuple[NewApp, str]:
    """The secret that this browser is shown already, or a new one, and the token by which its next request names it.

    It is sealed from the beginning.
    """
    try:
        return app_of_step(request, connection, person_id, email, key=key), _token(request)
    except RequestError:
        return _new_app(connection, person_id, email, key=key)


def _token(request: Request) -> str:
    return request.cookies.get(cookie_name(request, "challenge"), "")


def _new_app(connection: Connection, person_id: int, email: str, *, key: bytes) -> tuple[NewApp, str]:
    made = new_secret(email)
    sealed = b64encode(sealed_secret(made.key, person_id, key)).decode()
    token = keep_step(connection, StepKind.TOTP_NEW, {"secret": sealed}, person_id=person_id)
    return NewApp(made.key, made.address), token


def app_of_step(request: Request, connection: Connection, person_id: int, email: str, *, key: bytes) -> NewApp:
    """The secret that this browser was shown. Raises :class:`RequestError` (``login_step_over``)."""
    step = read_step(connection, StepKind.TOTP_NEW, _token(request))
    secret = None
    if step is not None and step.person_id == person_id:
        secret = opened_secret(b64decode(step.payload["secret"]), person_id, key)
    if secret is None:
        raise RequestError("login_step_over", status=410)
    return NewApp(secret, secret_address(secret, email))


def set_app_up(connection: Connection, person_id: int, app: NewApp, code: str, *, key: bytes) -> None:
    """Take the app into use. Raises :class:`nightmail.errors.UsageError` (``code_wrong``)."""
    set_secret(connection, person_id, app.secret, code, key=key)
    write_entry(
        connection,
        actor=f"person:{person_id}",
        action="factor.added",
        subject=f"person:{person_id}",
        detail={"factor": "totp"},
    )
