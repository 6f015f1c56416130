"""Fixtures of the folders that test sending: an organisation with carriers in the sandbox. Each conftest imports them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.support.sandbox_process import RunningCarriers, WebhookReceiver
from tests.support.sending_rig import Organisation, tell_secrets


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCarriers]:
    carriers = RunningCarriers(tmp_path_factory.mktemp("sending-carriers"))
    yield carriers
    carriers.stop()


@pytest.fixture
def sandbox(sandbox_process: RunningCarriers) -> Iterator[RunningCarriers]:
    """The stand-ins, behaving well at the start of every test."""
    # Before each test: a chaos run in this process has put the secrets of its own stand-ins in their place.
    tell_secrets(sandbox_process.told)
    sandbox_process.behave_well()
    yield sandbox_process
    sandbox_process.behave_well()


@pytest.fixture
def webhooks(sandbox: RunningCarriers) -> Iterator[WebhookReceiver]:
    """What the stand-ins post, at the address that the organisation gives them."""
    receiver = WebhookReceiver()
    sandbox.ask("/webhooks", {"base": receiver.base_url})
    yield receiver
    sandbox.ask("/webhooks", {"base": None})
    receiver.stop()


@pytest.fixture
def organisation(database: Engine, sandbox: RunningCarriers, webhooks: WebhookReceiver, tmp_path: Path) -> Organisation:
    """A team ``acme.billing`` with a template and carrier accounts for SMS, email and voice in the sandbox."""
    return Organisation(database, tmp_path, sandbox.told, webhooks.base_url)
