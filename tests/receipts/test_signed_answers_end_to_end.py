"""An organisation that signs its reply addresses: from its file over the hand-off by SMTP to the answer in its mailbox."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from nightmail.privacy.reply_addresses import written_to
from nightmail.receipts.mailboxes import read_mailboxes
from nightmail.sending.senders import SenderOptions, drain
from resources.carrier_accounts import mailbox_of
from tests.support.dovecot import PASSWORD, USER, Dovecot
from tests.support.post_office import letter
from tests.support.sandbox_process import RunningCarriers
from tests.support.sending_rig import KEY, Organisation

pytestmark = [pytest.mark.needs_program("dovecot"), pytest.mark.real_parts]


@pytest.fixture
def dovecot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dovecot]:
    monkeypatch.setenv("NIGHTMAIL_RIG_IMAP", PASSWORD)
    with tempfile.TemporaryDirectory(prefix="nightmail-imap-") as folder:
        Path(folder).chmod(0o755)
        server = Dovecot(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.mark.parametrize("form", ["plus", "catch_all", None])
def test_an_answer_finds_its_message(
    organisation: Organisation,
    sandbox: RunningCarriers,
    dovecot: Dovecot,
    monkeypatch: pytest.MonkeyPatch,
    form: str | None,
) -> None:
    """Two emails to one person: the answer to the first is not taken for one to the second, unless nothing tells them apart."""
    monkeypatch.setenv("NIGHTMAIL_RIG_SMTP", sandbox.told["smtp"]["password"])
    settings = {
        "adapter": "smtp_email",
        "account": sandbox.told["smtp"]["user"],
        "base_url": f"smtp://127.0.0.1:{sandbox.told['smtp']['port']}",
        "mailbox": {"url": dovecot.url, "user": USER, "secret": "env:NIGHTMAIL_RIG_IMAP"},
        "sender": "care@acme.example",
    }
    organisation.execute(
        "update carrier_account set carrier = 'smtp', secret = 'env:NIGHTMAIL_RIG_SMTP', settings = cast(:s as jsonb) "
        "where channel = 'email'",
        s=json.dumps(settings),
    )
    if form is not None:
        organisation.execute(
            "update team set settings = jsonb_build_object('reply_addresses', cast(:f as text)) where path = 'acme'",
            f=form,
        )
    handed: list[str] = []
    campaigns = []
    for _ in range(2):
        campaigns.append(organisation.campaign(["ann@mail.example"], ["email"]))

        def carriers(account):  # type: ignore[no-untyped-def]
            carrier = organisation.carriers(account)
            hand_off = carrier.hand_off

            def watched(batch, *more):  # type: ignore[no-untyped-def]
                handed.extend(message.reply_to or "" for message in batch)
                return hand_off(batch, *more)

            carrier.hand_off = watched  # type: ignore[method-assign]
            return carrier

        drain(organisation.engine, carriers, SenderOptions(hash_key=KEY, idle_s=0.05, public_url=None))
        assert organisation.states(campaigns[-1]) == {"accepted": 1}
    assert [bool(written_to(address).token) for address in handed] == [form is not None] * 2
    dovecot.deliver(letter("Which one?", sender="ann@mail.example", to=handed[0] or "care@acme.example"))
    assert read_mailboxes(organisation.engine, mailbox_of, hash_key=KEY).replies == 1
    with organisation.engine.connect() as connection:
        (reply,) = connection.execute(text("select campaign_id, sent_to from reply")).all()
    assert reply == (campaigns[0 if form else 1].id, "care@acme.example")
