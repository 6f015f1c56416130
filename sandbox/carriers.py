"""The carriers in a box: Twilio's and SendGrid's stand-ins on one HTTP port, and an SMTP server, in one process.

``python -m sandbox.carriers --port 0 --state-dir DIR --webhook-base http://127.0.0.1:8080`` prints one line of JSON
with the ports, credentials and keys, and serves until SIGTERM or SIGINT.

Control, on the same port, without credentials since it listens on loopback only:

==========================  =====================================================================================
``GET /_sandbox``           counts of what was accepted, posted and waits; faults committed
``GET /_sandbox/behaviour``  the mix and delays; ``POST`` changes some (see :class:`sandbox.behaviour.Behaviour`)
``POST /_sandbox/faults``   ``{"rules": [...]}`` in place of the present ones (see :mod:`sandbox.faults`)
``POST /_sandbox/inbound``  ``{"from": "+44...", "to": "+1...", "body": "STOP"}``: a recipient writes an SMS
``GET /_sandbox/answers``   where answers to the newest emails go
``POST /_sandbox/webhooks`` ``{"base": "http://..."}``: where inbound SMS and email events are posted from now on
``POST /_sandbox/drop``     closes every idle connection, as carriers do now and then
==========================  =====================================================================================

The config file (``--config``) is JSON with ``behaviour`` and ``faults`` of the same form.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from sandbox.behaviour import Behaviour
from sandbox.faults import Faults
from sandbox.http_server import HttpServer, Request, Response, json_response
from sandbox.sendgrid.signing import public_key_text, signing_key
from sandbox.sendgrid.stand_in import SendGridStandIn
from sandbox.smtp_sink import SmtpSink
from sandbox.twilio.stand_in import TwilioStandIn
from sandbox.webhook_delivery import WebhookDelivery
from sandbox.witness import Witness

ACCOUNT_SID = "AC" + "5a" * 16
AUTH_TOKEN = "sandbox-auth-token"  # noqa: S105
API_KEY = "SG.sandbox-api-key"
SMTP_USER = "sandbox"
SMTP_PASSWORD = "sandbox-smtp-password"  # noqa: S105
INBOUND_PATH = "/webhooks/twilio/inbound-sms"
EVENTS_PATH = "/webhooks/sendgrid/events"
FIXED_SMS = json.dumps(
    {"sid": "SM" + "0" * 32, "status": "queued", "num_segments": "1", "price": None, "price_unit": "USD"}
).encode()


class SandboxCarriers:
    """All stand-ins of one process."""

    def __init__(
        self,
        *,
        state_dir: Path,
        webhook_base: str | None = None,
        config: dict[str, Any] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        smtp_port: int = 0,
        fixed_answers: bool = False,
        log_webhooks: bool = False,
    ) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        config = config or {}
        self._host, self._smtp_port = host, smtp_port
        self._fixed = fixed_answers
        self._fixed_count = 0
        self.behaviour = Behaviour()
        self.behaviour.change(config.get("behaviour", {}))
        self.faults = Faults(self.behaviour.seed)
        self.faults.replace(config.get("faults", []))
        self.witness = Witness(state_dir)
        self.delivery = WebhookDelivery(acknowledged=state_dir / "acknowledged.jsonl" if log_webhooks else None)
        key = signing_key(state_dir)
        self.public_key = public_key_text(key)
        self.twilio = TwilioStandIn(
            account_sid=ACCOUNT_SID,
            auth_token=AUTH_TOKEN,
            behaviour=self.behaviour,
            faults=self.faults,
            witness=self.witness,
            delivery=self.delivery,
        )
        self.sendgrid = SendGridStandIn(
            api_key=API_KEY,
            behaviour=self.behaviour,
            faults=self.faults,
            witness=self.witness,
            delivery=self.delivery,
            key=key,
        )
        self.smtp = SmtpSink(user=SMTP_USER, password=SMTP_PASSWORD, witness=self.witness, faults=self.faults)
        self._server = HttpServer(self.handle, host, port, self.behaviour.now)
        self.set_webhooks(webhook_base)

    def set_webhooks(self, base: str | None) -> None:
        """Post inbound SMS and email events under this address; ``None`` posts none."""
        base = base.rstrip("/") if base else None
        self.twilio.messages.inbound_url = base and base + INBOUND_PATH
        self.sendgrid.events.url = base and base + EVENTS_PATH

    def handle(self, request: Request) -> Response:
        """Send a request to the stand-in that it is for."""
        if request.path.startswith("/2010-04-01/"):
            if self._fixed and request.method == "POST":
                self._fixed_count += 1
                return Response(201, FIXED_SMS)
            return self.twilio.handle(request)
        if request.path.startswith("/v3/"):
            if self._fixed and request.method == "POST":
                self._fixed_count += 1
                return Response(202, b"", headers={"X-Message-Id": "fixed"})
            return self.sendgrid.handle(request)
        if request.path.startswith("/_sandbox"):
            return self._control(request)
        return json_response(404, {"message": "not found"})

    def _control(self, request: Request) -> Response:
        try:
            content = json.loads(request.body) if request.body else {}
            match request.method, request.path:
                case "GET", "/_sandbox":
                    return json_response(200, self.counts())
                case "GET", "/_sandbox/behaviour":
                    return json_response(200, self.behaviour.as_json())
                case "POST", "/_sandbox/behaviour":
                    self.behaviour.change(content)
                    return json_response(200, self.behaviour.as_json())
                case "GET", "/_sandbox/faults":
                    return json_response(200, self.faults.as_json())
                case "POST", "/_sandbox/faults":
                    self.faults.replace(content["rules"])
                    return json_response(200, self.faults.as_json())
                case "POST", "/_sandbox/inbound":
                    sid = self.twilio.messages.receive(
                        *(content["from"], content["to"], content["body"]),
                        service=content.get("service"),
                        media=tuple(content.get("media", ())),
                    )
                    return json_response(201, {"sid": sid})
                case "GET", "/_sandbox/answers":
                    return json_response(200, list(self.sendgrid.reply_addresses))
                case "POST", "/_sandbox/webhooks":
                    self.set_webhooks(content.get("base"))
                    return json_response(200, {"base": content.get("base")})
                case "POST", "/_sandbox/drop":
                    asyncio.get_running_loop().call_soon(self._server.drop_idle_connections)
                    return json_response(200, {})
        except (ValueError, KeyError, TypeError) as error:
            return json_response(400, {"message": f"{type(error).__name__}: {error}"})
        return json_response(404, {"message": "no such control"})

    def counts(self) -> dict[str, Any]:
        """What happened so far."""
        return {
            "accepted": self.witness.count,
            "fixed_answers": self._fixed_count,
            "webhooks_posted": self.delivery.posted,
            "webhooks_refused": self.delivery.refused,
            "webhooks_given_up": self.delivery.given_up,
            "waiting": self.delivery.waiting,
            "faults": self.faults.committed,
            "faults_on": self.faults.hit,
        }

    async def start(self) -> dict[str, Any]:
        """Listen, and return what a client needs to know, as printed by the command."""
        self.witness.start()
        self.delivery.start()
        base = await self._server.start()
        smtp_port = await self.smtp.start(self._host, self._smtp_port)
        return {
            "base_url": base,
            "control_url": f"{base}/_sandbox",
            "twilio": {"base_url": base, "account_sid": ACCOUNT_SID, "auth_token": AUTH_TOKEN},
            "sendgrid": {"base_url": base, "api_key": API_KEY, "webhook_public_key": self.public_key},
            "smtp": {"host": self._host, "port": smtp_port, "user": SMTP_USER, "password": SMTP_PASSWORD},
            "accounts": self._accounts(base),
            "accepted": str(self.witness.path),
        }

    def _accounts(self, base: str) -> list[dict[str, str]]:
        """An account for each channel that a stand-in carries, by the keys of an organisation file; secrets as they are."""
        twilio = {"account": ACCOUNT_SID, "secret": AUTH_TOKEN, "base_url": base}
        return [
            {"carrier": "twilio", "channel": "sms", **twilio},
            {"carrier": "twilio", "channel": "voice", **twilio},
            {
                "carrier": "sendgrid",
                "channel": "email",
                "secret": API_KEY,
                "webhook_secret": self.public_key,
                "base_url": base,
            },
        ]

    async def stop(self) -> None:
        """Stop everything."""
        await self._server.stop()
        await self.smtp.stop()
        await self.delivery.stop()
        await self.witness.stop()


async def _serve(arguments: argparse.Namespace) -> None:
    config = json.loads(arguments.config.read_text()) if arguments.config else None
    carriers = SandboxCarriers(
        state_dir=arguments.state_dir,
        webhook_base=arguments.webhook_base,
        config=config,
        port=arguments.port,
        smtp_port=arguments.smtp_port,
        fixed_answers=arguments.fixed_answers,
        log_webhooks=arguments.log_webhooks,
    )
    announced = await carriers.start()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    sys.stdout.write(json.dumps(announced) + "\n")
    sys.stdout.flush()
    await stopping.wait()
    await carriers.stop()


def main() -> None:
    """The command ``python -m sandbox.carriers``."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.carriers", description=str(__doc__).split("\n\n")[0])
    parser.add_argument("--port", type=int, default=0, help="HTTP port; 0 takes a free one")
    parser.add_argument("--smtp-port", type=int, default=0, help="SMTP port; 0 takes a free one")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for accepted.jsonl and the signing key")
    parser.add_argument("--webhook-base", help="address under which inbound SMS and email events are posted")
    parser.add_argument("--config", type=Path, help="JSON file with `behaviour` and `faults`")
    parser.add_argument(
        "--fixed-answers", action="store_true", help="answer every hand-off alike and keep nothing (for benchmarks)"
    )
    parser.add_argument(
        "--log-webhooks",
        action="store_true",
        help="keep each webhook that was answered with a 2xx in acknowledged.jsonl",
    )
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
