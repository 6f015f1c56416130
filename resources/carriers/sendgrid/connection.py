"""The real ``sendgrid`` SDK over our own connection."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import urlsplit

import python_http_client
from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient

from nightmail.carriers.protocol import CarrierSettings, Check
from nightmail.errors import ConfigurationError
from resources.carriers.answers import clock_check
from resources.carriers.keep_alive import Answer, AnswerLostError, KeepAlive, NotWrittenError
from resources.carriers.sendgrid.errors import ERRORS

SENDGRID_URL = "https://api.sendgrid.com"


class _Answered:
    """An answer as the SDK expects one of ``urllib``."""

    def __init__(self, answer: Answer) -> None:
        self.code = answer.status
        self.reason = ""
        self.hdrs = Message()
        for name, value in answer.headers.items():
            self.hdrs[name] = value
        self._body = answer.body

    def getcode(self) -> int:
        return self.code

    def info(self) -> Message:
        return self.hdrs

    def read(self) -> bytes:
        return self._body


class KeepAliveClient(python_http_client.Client):  # type: ignore[misc]
    """The SDK's HTTP client over our connection.

    The SDK builds an opener, hence a TLS context and a connection, for every request; here the request that it has
    prepared is written to the kept-open connection. It logs nothing: the SDK's log lines hold whole messages.
    """

    def __init__(self, keep_alive: KeepAlive, **settings: Any) -> None:
        super().__init__(**settings)
        self.keep_alive = keep_alive

    def _build_client(self, name: str | None = None) -> KeepAliveClient:
        return KeepAliveClient(
            self.keep_alive,
            host=self.host,
            request_headers=self.request_headers,
            version=self._version,
            url_path=[*self._url_path, name] if name else self._url_path,
            append_slash=self.append_slash,
            timeout=self.timeout,
        )

    def __getattr__(self, name: str) -> Any:
        if name not in self.methods:
            return super().__getattr__(name)

        def request(
            request_body: Any = None,
            query_params: Mapping[str, Any] | None = None,
            request_headers: Mapping[str, str] | None = None,
            **_: Any,
        ) -> Any:
            headers = {**self.request_headers, **(request_headers or {})}
            body = None
            if request_body is not None:
                headers.setdefault("Content-Type", "application/json")
                body = request_body if isinstance(request_body, bytes) else json.dumps(request_body).encode()
            parts = urlsplit(self._build_url(query_params))
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            answered = _Answered(self.keep_alive.request(name.upper(), target, headers, body))
            if answered.code >= 400:
                raise python_http_client.exceptions.handle_error(answered)
            return python_http_client.client.Response(answered)

        return request


class SendGridConnection:
    """One account's client. Raises :class:`ConfigurationError` for an account without a key."""

    def __init__(self, settings: CarrierSettings) -> None:
        if not settings.secret:
            raise ConfigurationError("carrier_credentials", problem="the account has no API key")
        base_url = settings.base_url or SENDGRID_URL
        self.keep_alive = KeepAlive(
            base_url, settings.connect_timeout_s, settings.timeout_s, proxy=settings.options.get("proxy")
        )
        sdk = SendGridAPIClient(settings.secret, host=base_url)
        self.client = KeepAliveClient(self.keep_alive, host="", request_headers=sdk.client.request_headers, version=3)

    def check(self) -> Check:
        """Ask what the key may do."""
        try:
            response = self.client.scopes.get()
            scopes = json.loads(response.body)["scopes"]
        except NotWrittenError as error:
            return Check(False, f"SendGrid cannot be reached: {error}.", "Check the address and the network.")
        except AnswerLostError as error:
            return Check(False, f"SendGrid does not answer: {error}.", "Check the network, and try again.")
        except HTTPError as error:
            said = ERRORS.meaning(f"http {error.status_code}") or f"status {error.status_code}"
            return Check(False, f"SendGrid refuses: {said}.", "Check the API key.")
        except (ValueError, KeyError, TypeError):
            return Check(False, "What answers is not SendGrid.", "Check the carrier account's base address.")
        if "mail.send" not in scopes:
            return Check(False, "The API key may not send mail.", "Give the key the scope Mail Send.")
        return clock_check(self.keep_alive) or Check(True, "SendGrid answers and takes the key.")
