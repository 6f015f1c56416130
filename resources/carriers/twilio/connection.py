"""The real ``twilio`` SDK over our own connection, and what its errors mean."""

from __future__ import annotations

import base64
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode, urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from nightmail.carriers.error_tables import (
    ANSWER_LOST,
    ANSWER_MALFORMED,
    NOT_CONNECTED,
    UNWRITABLE,
    ErrorClass,
    error_entry,
)
from nightmail.carriers.protocol import CarrierSettings, Check, HandOff
from nightmail.errors import ConfigurationError
from resources.carriers.answers import clock_check, scrubbed
from resources.carriers.keep_alive import AnswerLostError, KeepAlive, NotWrittenError, UnwritableError
from resources.carriers.twilio.errors import ERRORS

TWILIO_URL = "https://api.twilio.com"
_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")


class TwilioTransport(HttpClient):  # type: ignore[misc]
    """The SDK's transport: every request goes to our base address, whatever region the SDK would choose.

    It logs nothing, since the SDK's own log lines hold recipients' numbers.
    """

    def __init__(self, keep_alive: KeepAlive) -> None:
        super().__init__(logging.getLogger("nightmail.twilio"), is_async=False, timeout=None)
        self.keep_alive = keep_alive
        self._credentials: tuple[tuple[str, str] | None, str] = (None, "")

    def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002
        allow_redirects: bool = False,  # noqa: ARG002
    ) -> Response:
        """Send one request, once. Raises :class:`NotWrittenError` or :class:`AnswerLostError`."""
        parts = urlsplit(uri)
        query = "&".join(part for part in (parts.query, urlencode(params, doseq=True) if params else "") if part)
        target = f"{parts.path}?{query}" if query else parts.path
        sent = dict(headers or {})
        if auth is not None:
            if self._credentials[0] != auth:
                encoded = base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()
                self._credentials = (auth, f"Basic {encoded}")
            sent["Authorization"] = self._credentials[1]
        body = urlencode(data, doseq=True).encode() if data else (b"" if method.upper() == "POST" else None)
        answer = self.keep_alive.request(method.upper(), target, sent, body)
        return Response(answer.status, answer.body.decode("utf-8", "replace"), dict(answer.headers))


class TwilioConnection:
    """One account's client."""

    def __init__(self, settings: CarrierSettings) -> None:
        if not _ACCOUNT.fullmatch(settings.account):
            given = repr(settings.account) if settings.account else "the account"
            raise ConfigurationError(
                "carrier_credentials",
                problem=f"{given} is no account SID, which starts with AC and has 32 hexadecimal digits",
            )
        if not settings.secret:
            raise ConfigurationError("carrier_credentials", problem="the account has no auth token")
        self.settings = settings
        self.keep_alive = KeepAlive(
            settings.base_url or TWILIO_URL,
            settings.connect_timeout_s,
            settings.timeout_s,
            proxy=settings.options.get("proxy"),
        )
        # An API key (SK...) signs in the account's name without being its auth token.
        user = settings.options.get("api_key", settings.account)
        self.client: Client = Client(
            user,
            settings.secret,
            account_sid=settings.account,
            http_client=TwilioTransport(self.keep_alive),
            environment={},
        )

    def failed(self, message_id: str, address: str, error: Exception) -> HandOff:
        """What an exception of the SDK or the transport means for a message."""
        if isinstance(error, UnwritableError):
            return HandOff.failed(message_id, UNWRITABLE)
        if isinstance(error, NotWrittenError):
            return HandOff.failed(message_id, replace(NOT_CONNECTED, meaning=str(error)))
        if isinstance(error, AnswerLostError):
            return HandOff.failed(message_id, replace(ANSWER_LOST, meaning=str(error)))
        if isinstance(error, (TwilioRestException, TwilioServiceException)):
            return self._refused(message_id, address, error)
        if isinstance(error, (TwilioException, ValueError, KeyError, TypeError, AttributeError)):
            # An answer with a good status that is not what Twilio answers: something in between may have spoken.
            return HandOff.failed(message_id, ANSWER_MALFORMED)
        raise error

    def _refused(self, message_id: str, address: str, error: TwilioRestException | TwilioServiceException) -> HandOff:
        status = int(error.status)
        last = self.keep_alive.last
        entry = ERRORS.entry(error_code(error))
        if 200 <= status < 400 or (status >= 500 and entry.error_class is not ErrorClass.STOP_AND_ALERT):
            # Whatever code a failing server names, it may have taken the message first.
            entry = error_entry(entry.code, ErrorClass.IN_DOUBT, entry.meaning)
        if not entry.meaning:
            said = str(getattr(error, "msg", "") or getattr(error, "title", ""))
            entry = replace(entry, meaning=scrubbed(said, address))
        return HandOff.failed(message_id, entry, last.retry_after_s if last is not None else None)

    def check(self) -> Check:
        """Fetch the account: the cheapest question that needs the credentials."""
        try:
            account = self.client.api.v2010.accounts(self.settings.account).fetch()
        except NotWrittenError as error:
            return Check(False, f"Twilio cannot be reached: {error}.", "Check the address and the network.")
        except AnswerLostError as error:
            return Check(False, f"Twilio does not answer: {error}.", "Check the network, and try again.")
        except (TwilioRestException, TwilioServiceException) as error:
            code = error_code(error)
            return Check(
                False, f"Twilio refuses: {ERRORS.meaning(code) or code}.", "Check the account SID and the token."
            )
        except (TwilioException, ValueError, KeyError, TypeError):
            return Check(False, "What answers is not Twilio.", "Check the carrier account's base address.")
        if account.status != "active":
            return Check(False, f"The Twilio account is {account.status}.", "See the account in Twilio's console.")
        return clock_check(self.keep_alive) or Check(True, "Twilio answers and takes the credentials.")


def error_code(error: TwilioRestException | TwilioServiceException) -> str:
    """Twilio's own code, or ``http <status>`` where the answer had none (the SDK then repeats the status)."""
    if error.code is None or int(error.code) == int(error.status):
        return f"http {int(error.status)}"
    return str(error.code)


def price(value: Any) -> Decimal | None:
    """A price as Twilio writes it (``-0.0079``): what it cost, or nothing when it is not known yet."""
    if value is None:
        return None
    try:
        return abs(Decimal(str(value)))
    except InvalidOperation:
        return None


def utc(value: Any) -> datetime | None:
    """A time as the SDK gives it, in UTC; ``None`` for anything else."""
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
