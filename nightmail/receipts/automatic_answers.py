"""What people get who write HELP or START: a single message of the feed that their team states, once a person and day.

It goes the way of every message, through the ledger: never twice, held where the person may not be sent to.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.carriers.protocol import Reply
from nightmail.channels import CHANNELS
from nightmail.consent.opt_out_words import Word
from nightmail.errors import NightmailError
from nightmail.intake.single_messages import join_open_campaign
from nightmail.organisation.stored_feeds import feed_by_name
from nightmail.organisation.team_settings import answer_feeds
from nightmail.organisation.teams import team_paths
from nightmail.privacy import AddressHash
from nightmail.receipts.queries import IS_FIRST_OF_DAY

_log = logging.getLogger("nightmail.receipts")

WINDOW_S = 1


def answer_word(
    connection: Connection,
    reply: Reply,
    word: Word,
    *,
    reply_id: int,
    team_id: int | None,
    language: str | None,
    address_hash: AddressHash,
) -> bool:
    """Answer HELP or START with the feed that the team, or the nearest above it, states; whether it is answered.

    Not where the carrier acted on the word: it has answered itself. A feed that cannot be used is an alert, and the reply
    is kept all the same.
    """
    if team_id is None or reply.carrier_opt_out:
        return False
    team = team_paths(connection, [team_id])[team_id]
    stated = answer_feeds(connection, team)
    name = {Word.HELP: stated.help, Word.START: stated.start}.get(word)
    if name is None:
        return False
    values = {"team": team_id, "channel": reply.channel, "kind": str(word), "hash": address_hash, "id": reply_id}
    # Of two at once in two processes the later one waits, and sees the earlier.
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"answer:{address_hash.hex()}"}
    )
    if not connection.scalar(text(IS_FIRST_OF_DAY), values):
        return False
    try:
        with connection.begin_nested():
            owner, _, feed_name = name.rpartition("/")
            feed = feed_by_name(connection, owner or team, feed_name)
            row = {CHANNELS[reply.channel].fields[0]: reply.sender, "external_id": address_hash.hex()}
            if language:
                row["language"] = language
            join_open_campaign(connection, feed, [row], actor="reply", window_s=WINDOW_S)
    except NightmailError as error:
        _log.error("%s of a recipient is not answered: %s", word, error.message)
        raise_alert(
            connection, reason=error.reason, subject=f"answers:{team}:{name}", message=error.message, team_id=team_id
        )
        return False
    return True
