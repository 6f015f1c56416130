"""Messages as carriers get them: rendered texts with their sender, how long they are valid, and a link to unsubscribe."""

from __future__ import annotations

from datetime import UTC, datetime

from nightmail.carriers.protocol import OutgoingMessage
from nightmail.channels import CHANNELS, BodyKind
from nightmail.organisation.routes import Route
from nightmail.privacy.reply_addresses import VALID_FOR, reply_tokens, signed_reply_address
from nightmail.privacy.signed_links import Purpose, link_address, link_tokens
from nightmail.sending.intents import CampaignInHand, Content


class Composer:
    """Makes what carriers get. ``public_url`` is the portal's address: without it no link to unsubscribe is added."""

    def __init__(self, hash_key: bytes, public_url: str | None) -> None:
        self._hash_key = hash_key
        self._public_url = public_url

    def compose(
        self, campaign: CampaignInHand, route: Route, contents: list[Content], now: float
    ) -> list[OutgoingMessage]:
        """The messages of a campaign on a route; ``now`` is the database's time in seconds since 1970."""
        row = campaign.row
        valid_for_s = None
        if row.cut_off_at is not None:
            valid_for_s = max(1, int(row.cut_off_at.timestamp() - now))
        if CHANNELS[route.account.channel].body is not BodyKind.EMAIL:
            return [
                OutgoingMessage(
                    each.message_id,
                    each.address,
                    each.body,
                    sender=route.sender,
                    language=each.language,
                    valid_for_s=valid_for_s,
                )
                for each in contents
            ]
        categories = (row.category,)
        expires = datetime.fromtimestamp(now, UTC).date() + VALID_FOR
        tokens = reply_tokens([each.message_id for each in contents], self._hash_key, expires)
        return [
            OutgoingMessage(
                each.message_id,
                each.address,
                each.body,
                subject=each.subject,
                html=each.html,
                sender=route.sender,
                sender_name=route.sender_name,
                reply_to=_reply_to(route, token),
                reply_token=token,
                language=each.language,
                categories=categories,
                unsubscribe_url=link,
                valid_for_s=valid_for_s,
            )
            for each, link, token in zip(contents, self._unsubscribe_links(contents), tokens, strict=True)
        ]

    def _unsubscribe_links(self, contents: list[Content]) -> list[str] | list[None]:
        if not self._public_url:
            return [None] * len(contents)
        tokens = link_tokens([each.message_id for each in contents], Purpose.UNSUBSCRIBE, self._hash_key)
        return [link_address(self._public_url, token, Purpose.UNSUBSCRIBE) for token in tokens]


def _reply_to(route: Route, token: str) -> str | None:
    """Where answers to a message go: the route's reply address, signed where its team asks for that."""
    if route.reply_addresses is None:
        return route.reply_to
    # Without a sender of its team's, a message comes from what the account states.
    stated = (
        route.reply_to,
        route.sender,
        route.account.settings.get("reply_to"),
        route.account.settings.get("sender"),
    )
    mailbox = next(filter(None, stated), None)
    return None if mailbox is None else signed_reply_address(mailbox, token, route.reply_addresses)
