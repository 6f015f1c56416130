"""Senders as processes of their own, quick to start and safe to kill: for benchmarks and for the chaos test.

A fork server imports everything once; each sender is then a fork of it, so that a kill costs the time of a fork and not
of an interpreter's start.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from multiprocessing.context import ForkServerProcess
from typing import Any

PRELOADED = [
    "tests.support.sending_rig",
    "nightmail.sending.advance",
    "nightmail.sending.doubt_lookup",
    "nightmail.sending.senders",
    "resources.carrier_accounts",
    "resources.carriers.sendgrid.email",
    "resources.carriers.twilio.sms",
    "resources.carriers.twilio.voice",
    "psycopg",
]


def context() -> Any:
    """The fork server's context, with everything that a sender needs imported."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(PRELOADED)
    return made


def send_until_told(
    database_url: str, public_url: str | None, idle_s: float, again: bool, environment: dict[str, str]
) -> None:
    """A sender's process: drain once, or (``again``) over and over until it is killed, also through a lost database."""
    # A fork server keeps the environment of its own start, which may be before the sandbox told its secrets.
    os.environ.update(environment)
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    from nightmail.errors import NightmailError
    from nightmail.sending.senders import SenderOptions, drain
    from nightmail.store.engine import normalised_url
    from tests.support.sending_rig import KEY, sandbox_carriers

    engine = create_engine(normalised_url(database_url), pool_pre_ping=True)
    options = SenderOptions(hash_key=KEY, public_url=public_url, idle_s=idle_s)
    while True:
        with contextlib.suppress(NightmailError, SQLAlchemyError) if again else contextlib.nullcontext():
            drain(engine, sandbox_carriers(public_url), options)
        if not again:
            return
        time.sleep(0.1)


def start_sender(
    made: Any, database_url: str, public_url: str | None, *, idle_s: float = 0.5, again: bool = True
) -> ForkServerProcess:
    """Start one sender."""
    process: ForkServerProcess = made.Process(
        target=send_until_told, args=(database_url, public_url, idle_s, again, dict(os.environ)), daemon=True
    )
    process.start()
    return process
