"""The conversation page: a recipient reads the message and answers; each answer is stored once and obeyed like any reply."""

from __future__ import annotations

import html
import re

import pytest

from nightmail.privacy.signed_links import Purpose, link_token
from tests.portal.conftest import SECRET_KEY, Organisation, RunningPortal


@pytest.fixture
def link(organisation: Organisation) -> str:
    message_id = organisation.message(
        organisation.campaign(),
        channel="email",
        address="anna@example.com",
        body="Your visit <is> at 9.",
        language="fr",
    )
    return f"/c/{link_token(message_id, Purpose.CHAT, SECRET_KEY.encode())}"


def once_of(page: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_recipient_reads_and_answers(portal: RunningPortal, organisation: Organisation, link: str) -> None:
    """What was written is a reply to the message, shown on the page, safe as text, and told once for two presses."""
    page = portal.client.get(link)
    assert page.status_code == 200
    assert "Your visit <is> at 9." in html.unescape(page.text)
    assert "<is>" not in page.text
    assert '<html lang="fr">' in page.text
    assert organisation.rows("select * from reply") == []
    form = {"text": "Peut-on dire <b>10 h</b> ?", "once": once_of(page.text)}
    for _ in range(2):
        answered = portal.client.post(link, data=form)
        assert answered.status_code == 200
        assert "Peut-on dire &lt;b&gt;10 h&lt;/b&gt; ?" in answered.text
    (reply,) = organisation.rows("select channel, kind, text, message_key is not null as tied from reply")
    assert reply == {"channel": "chat", "kind": "text", "text": "Peut-on dire <b>10 h</b> ?", "tied": True}
    assert organisation.rows("select replied_at is not null as replied from message") == [{"replied": True}]
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_an_empty_answer_is_none(portal: RunningPortal, organisation: Organisation, link: str) -> None:
    """Blanks are asked about, not stored; a long text is cut at its limit."""
    assert portal.client.post(link, data={"text": "  \n "}).status_code == 200
    assert organisation.rows("select * from reply") == []
    portal.client.post(link, data={"text": "x" * 5_000})
    assert [len(row["text"]) for row in organisation.rows("select text from reply")] == [2_000]


def test_replies_to_one_message_are_bounded(portal: RunningPortal, organisation: Organisation, link: str) -> None:
    """Whoever has a link cannot fill the store."""
    from sqlalchemy import text

    portal.client.post(link, data={"text": "first"})
    with organisation.engine.begin() as connection:
        connection.execute(
            text(
                "insert into reply (event_key, channel, kind, address_hash, text, message_key)"
                " select 'more' || n, channel, kind, address_hash, 'more', message_key from reply,"
                " generate_series(1, 99) n"
            )
        )
    answer = portal.client.post(link, data={"text": "one too many"})
    assert answer.status_code == 200
    assert "<textarea" not in answer.text
    assert organisation.rows("select * from reply where text = 'one too many'") == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("damage", ["signature", "purpose", "expired", "forgotten"])
def test_a_link_that_does_not_hold(
    portal: RunningPortal, organisation: Organisation, link: str, method: str, damage: str
) -> None:
    """Changed, for another purpose, past its day, or for a text that retention deleted: one page for all."""
    import datetime as dt

    from sqlalchemy import text

    message_id = link.removeprefix("/c/").partition(".")[0]
    key = SECRET_KEY.encode()
    token = link_token(message_id, Purpose.CHAT, key)
    if damage == "signature":
        token = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    elif damage == "purpose":
        token = link_token(message_id, Purpose.UNSUBSCRIBE, key)
    elif damage == "expired":
        token = link_token(message_id, Purpose.CHAT, key, dt.date(2020, 1, 1))
    else:
        with organisation.engine.begin() as connection:
            connection.execute(text("delete from message_content"))
    answer = portal.client.request(method, f"/c/{token}", headers={"Accept-Language": "de-AT,de;q=0.9"})
    assert answer.status_code == 404
    assert "Diese Seite gibt es nicht mehr" in answer.text
    assert organisation.rows("select * from reply") == []
