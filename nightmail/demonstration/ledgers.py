"""The ledger of a campaign of some days ago: messages, attempts, receipts, replies, and the addresses they suppressed."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.consent.suppressions import OPTED_OUT, hold_marketing
from nightmail.demonstration import ACTOR, queries
from nightmail.demonstration.outcomes import Course, Message, Went, columns_of, draw_outcomes
from nightmail.lake import Lake
from nightmail.message_ids import parse_message_id
from nightmail.organisation.routes import routes_of_team
from nightmail.organisation.sent_from import with_sent_from
from nightmail.preparation.stage_tables import StageTables
from nightmail.receipts.applied_receipts import event_hash
from nightmail.sending.ledger_blocks import AudienceTimeZones, LedgerBlocks
from nightmail.store.partitions import month_of
from nightmail.store.states import MessageState

_DECIDED_AFTER = dt.timedelta(hours=5)
"""How long a person takes to read what probably asks for an end."""
_UNREAD_FOR = dt.timedelta(days=3)
"""What came later nobody has read yet."""


class SeededLedger:
    """Loads one campaign's ledger, ``loaded`` being when that was, and writes what came of its messages."""

    def __init__(
        self, connection: Connection, campaign: CampaignRow, lake: Lake, loaded: dt.datetime, reply_ids: list[int]
    ) -> None:
        self.connection, self.campaign, self.loaded, self.reply_ids = connection, campaign, loaded, reply_ids
        self.tables = StageTables.of_campaign(lake, campaign.key)
        self.month = month_of(campaign.created_at)
        self.standby = 0

    def load(self, course: Course, chance: random.Random) -> list[Went]:
        """Load every message in the state in which it ended; gives what became of them."""
        table = self.tables.messages.read()
        ids = [parse_message_id(name) for name in table["message_id"].to_pylist()]
        rows = table.select(["message_id", "line", "channel", "step", "state", "address", "not_before"]).to_pylist()
        messages = [Message(key=each.key(self.campaign.id), **row) for each, row in zip(ids, rows, strict=True)]
        self.standby = sum(message.state == MessageState.STANDBY for message in messages)
        went = draw_outcomes(messages, course, chance)
        self._load_states(table, messages, went)
        self._write_outcomes(went, chance, course.until)
        return went

    def _load_states(self, table: pa.Table, messages: Sequence[Message], went: Sequence[Went]) -> None:
        states = {each.message.key: str(each.state) for each in went}
        column = pa.array([states[message.key] for message in messages], pa.string())
        place = table.schema.get_field_index("state")
        epoch = int(self.connection.scalar(text("select epoch from deployment")) or 1)
        LedgerBlocks(
            campaign=self.campaign,
            zones=AudienceTimeZones(self.tables.audience),
            month=self.month,
            now=self.loaded,
            epoch=epoch,
        ).copy_in(self.connection, table.set_column(place, "state", column))

    def _write_outcomes(self, went: list[Went], chance: random.Random, until: dt.datetime) -> None:
        routes = {channel: self._route(channel) for channel in {each.message.channel for each in went}}
        tried = [each for each in went if each.attempts]
        run = self._sender_run(tried) if tried else None
        accounts = [routes[each.message.channel].account.id if each.attempts else None for each in went]
        sent_from = [routes[each.message.channel].sent_from_id if each.attempts else None for each in went]
        taken = [_carrier_id(each, chance) if each.handed_off_at else None for each in went]
        self.connection.execute(
            text(queries.MESSAGES_WENT),
            {
                **columns_of(went),
                "accounts": accounts,
                "sent_from": sent_from,
                "runs": [run if each.attempts else None for each in went],
                "carrier_ids": taken,
                "planned": self.loaded,
                "month": self.month,
            },
        )
        doubtful = [
            (each, account, sent) for each, account, sent in zip(went, accounts, sent_from, strict=True) if each.outcome
        ]
        self._write_attempts(doubtful, run)
        carriers = {channel: route.account.carrier for channel, route in routes.items()}
        self._write_receipts(list(zip(went, taken, strict=True)), carriers)
        for each in went:
            if each.suppressed is not None:
                self._suppress(each, *each.suppressed)
            if each.answer is not None:
                self._reply(each, routes[each.message.channel].sender, chance, until)

    def _route(self, channel: str) -> Any:
        wanted = (self.campaign.settings.get("senders") or {}).get(channel)
        routes = routes_of_team(self.connection, self.campaign.team, channel, wanted)
        return with_sent_from(self.connection, routes[:1])[0]

    def _sender_run(self, tried: Sequence[Went]) -> int:
        times = [each.changed_at for each in tried]
        values = {"started": min(times), "finished": max(times), "handed_off": len(tried)}
        return int(self.connection.execute(text(queries.INSERT_SENDER_RUN), values).scalar_one())

    def _write_attempts(self, tried: Sequence[tuple[Went, int | None, int | None]], run: int | None) -> None:
        if not tried:
            return
        self.connection.execute(
            text(queries.INSERT_ATTEMPTS),
            {
                "month": self.month,
                "run": run,
                "keys": [each.message.key for each, _, _ in tried],
                "accounts": [account for _, account, _ in tried],
                "times": [each.changed_at for each, _, _ in tried],
                "outcomes": [str(each.outcome) for each, _, _ in tried],
                "errors": [each.error_code for each, _, _ in tried],
                "classes": [str(each.error_class) for each, _, _ in tried],
                "sent_from": [sent for _, _, sent in tried],
            },
        )

    def _write_receipts(self, went: Sequence[tuple[Went, str | None]], carriers: dict[str, str]) -> None:
        rows = [
            (each, carrier_id, place, receipt)
            for each, carrier_id in went
            for place, receipt in enumerate(each.receipts)
        ]
        if not rows:
            return
        self.connection.execute(
            text(queries.INSERT_RECEIPTS),
            {
                "month": self.month,
                "campaign": self.campaign.id,
                "events": [event_hash(f"demonstration:{each.message.key}:{place}") for each, _, place, _ in rows],
                "times": [receipt[0] for *_, receipt in rows],
                "carriers": [carriers[each.message.channel] for each, *_ in rows],
                "channels": [each.message.channel for each, *_ in rows],
                "carrier_ids": [carrier_id for _, carrier_id, _, _ in rows],
                "keys": [each.message.key for each, *_ in rows],
                "statuses": [str(receipt[1]) for *_, receipt in rows],
                "errors": [receipt[2] for *_, receipt in rows],
                "durations": [each.duration_s for each, *_ in rows],
            },
        )

    # --- What recipients did ------------------------------------------------------------------------------------------

    def _suppress(self, went: Went, at: dt.datetime, reason: str, source: str) -> None:
        self.connection.execute(
            text(queries.SUPPRESS),
            {
                "team": self.campaign.team_id,
                "month": self.month,
                "key": went.message.key,
                "reason": reason,
                "source": source,
                "message": went.message.message_id,
                "at": at,
            },
        )

    def _reply(self, went: Went, sent_to: str | None, chance: random.Random, until: dt.datetime) -> None:
        assert went.answer is not None
        at, kind, words = went.answer
        number = self.reply_ids.pop(0)
        decision = chance.choice(("opt_out", "no_opt_out")) if kind == "probable_stop" else None
        if at + _UNREAD_FOR > until:
            decision = None
        values = {
            "id": number,
            "event": f"demonstration:{went.message.key}",
            "at": at,
            "team": self.campaign.team_id,
            "channel": went.message.channel,
            "kind": kind,
            "address": went.message.address,
            "text": words,
            "month": self.month,
            "key": went.message.key,
            "sent_to": sent_to,
            "using": json.dumps([self.campaign.team_id]),
            "decision": decision,
            "decided_by": ACTOR if decision else None,
            "decided_at": at + _DECIDED_AFTER if decision else None,
        }
        address_hash = self.connection.execute(text(queries.INSERT_REPLY), values).scalar_one()
        if kind == "stop" or decision == "opt_out":
            self._suppress(went, at if kind == "stop" else at + _DECIDED_AFTER, OPTED_OUT, "reply")
        if kind == "probable_stop":
            self._hold(went, number, at, address_hash, decided=decision is not None)

    def _hold(self, went: Went, reply: int, at: dt.datetime, address_hash: Any, *, decided: bool) -> None:
        """Marketing was held until somebody read it, and an alert was raised."""
        message = went.message
        team = self.campaign.team_id
        hold_marketing(
            self.connection,
            (message.channel, address_hash),
            team_id=team,
            source="reply",
            message_id=message.message_id,
        )
        lifted = at + _DECIDED_AFTER if decided else None
        self.connection.execute(
            text(queries.HOLDS_WERE_MADE), {"at": at, "lifted": lifted, "message": message.message_id}
        )
        raise_alert(
            self.connection,
            reason="probable_opt_out",
            subject=f"reply:{reply}",
            message=f"Reply {reply} on {message.channel} probably asks for an end.",
            team_id=team,
            campaign_id=self.campaign.id,
        )
        raised = {"reason": "probable_opt_out", "subject": f"reply:{reply}", "at": at, "last": at, "resolved": lifted}
        self.connection.execute(text(queries.ALERT_WAS_RAISED), raised)


def _carrier_id(went: Went, chance: random.Random) -> str:
    return f"{went.message.channel[:2].upper()}{chance.getrandbits(128):032x}"
