"""One campaign of some days ago, whole: its file, its tables in the lake, its ledger, and what came of it.

The stages that judge, plan and render every file do so here too, as if it were that day. The campaign and its ledger appear
in one transaction with the state in which they are to be seen, so that no sensor takes it for one that is to be sent.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.approval_records import ask_for_approval
from nightmail.campaigns.campaign_rows import SEEDED, CampaignRow, get_campaign
from nightmail.campaigns.counts import record_counts
from nightmail.campaigns.creation import ORDINARY_PRIORITY
from nightmail.campaigns.late_starts import record_waiting
from nightmail.contact_files.kept_files import incoming_path
from nightmail.demonstration import ACTOR, queries
from nightmail.demonstration.histories import History
from nightmail.demonstration.ledgers import SeededLedger
from nightmail.demonstration.outcomes import Answer, Course
from nightmail.forecasts.recorded_forecasts import forecast_loaded
from nightmail.intake.feed_campaigns import campaign_times, category_of_feed
from nightmail.intake.received_files import add_file
from nightmail.lake import Lake
from nightmail.organisation.stored_feeds import FeedRow, feed_by_name
from nightmail.organisation.stored_templates import newest_template_version
from nightmail.preparation.campaign_preparation import CampaignPreparation, load_preparation
from nightmail.preparation.campaign_stages import (
    make_campaign_audience,
    make_campaign_contacts,
    make_campaign_messages,
    read_campaign_file,
)
from nightmail.preparation.file_contract import file_problems, reject_problems
from nightmail.privacy.hashes import contact_ids
from nightmail.reasons.problems import stated_problem
from nightmail.sending.sends_table import write_sends
from nightmail.settings import Settings
from nightmail.stated_times import StatedStart
from nightmail.store.partitions import ensure_partitions, month_of
from nightmail.store.states import CampaignState, MessageState

RUN = "demonstration"
"""What stands in place of the number of a preparing run."""
CHECKED_AFTER = dt.timedelta(seconds=7)
"""From a file's arrival to its ledger."""


@dataclass(frozen=True, kw_only=True)
class PastFile:
    """A file that came to a feed, and how its campaign ended: in ``end``, or stopped where the file breaks its contract."""

    number: int
    """The campaign's id."""
    team: str
    feed: str
    content: Path
    source: str
    at: dt.datetime
    end: CampaignState = CampaignState.FINISHED
    starts_at: dt.datetime | None = None
    """Where a person stated the start."""
    approved_by: str | None = None
    handed_off: float = 1.0
    rate_per_s: float = 8.0
    doubts: int = 0
    answers: tuple[Answer, ...] = ()
    consents: float = 1.0
    """The share of contacts who agreed to the category, where it needs that."""


@dataclass
class Demonstration:
    """Where campaigns are made up: ``folder`` keeps uploads, ``reply_ids`` are numbers for replies; ``now`` is the present."""

    engine: Engine
    lake: Lake
    settings: Settings
    folder: Path
    now: dt.datetime
    reply_ids: list[int]
    seed: int = 20261130
    messages: Counter[str] = field(default_factory=Counter)

    def add(self, file: PastFile) -> CampaignRow:
        """Make one campaign up; gives it as it is then."""
        return _PastCampaign(self, file).make()


class _PastCampaign:
    def __init__(self, made_in: Demonstration, file: PastFile) -> None:
        self.made_in, self.file, self.engine = made_in, file, made_in.engine
        self.chance = random.Random(f"{made_in.seed}.{file.number}")  # noqa: S311 - made up on purpose, no secret
        self.history = History()

    def make(self) -> CampaignRow:
        with self.engine.begin() as connection:
            ensure_partitions(connection, month_of(self.file.at))
            feed = feed_by_name(connection, self.file.team, self.file.feed)
            campaign = self._create(connection, feed)
        problem = self._prepare(campaign.id, feed)
        with self.engine.begin() as connection:
            campaign = get_campaign(connection, campaign.id)
            if problem is None:
                self._load(connection, campaign)
            else:
                self._stop(connection, campaign, problem)
            self.history.write(connection, campaign)
        if problem is None:
            write_sends(self.engine, campaign.id, self.made_in.lake.table("sends", campaign.key))
        with self.engine.connect() as connection:
            return get_campaign(connection, campaign.id)

    # --- The file and its campaign ------------------------------------------------------------------------------------

    def _create(self, connection: Connection, feed: FeedRow) -> CampaignRow:
        file, at = self.file, self.file.at
        token = "c" + blake2b(f"{self.made_in.seed}.{file.number}".encode(), digest_size=5).hexdigest()
        label = re.sub(r"[^a-z0-9_]+", "_", feed.name).strip("_")
        start = None if file.starts_at is None else StatedStart(file.starts_at, None)
        times = campaign_times(feed, at, start)
        key = f"{at:%Y-%m-%d}.{feed.team}.{label}.{token[1:7]}"
        connection.execute(
            text(queries.INSERT_CAMPAIGN),
            {
                "id": file.number,
                "key": key,
                "token": token,
                "team": feed.team_id,
                "feed": feed.id,
                "version": newest_template_version(connection, feed.sent_template),
                "category": category_of_feed(connection, feed),
                "source": file.source,
                "priority": feed.settings.priority if feed.settings.priority else ORDINARY_PRIORITY,
                "settings": json.dumps(feed.settings.stored()),
                "counts": json.dumps({SEEDED: True}),
                "scheduled": times.scheduled_at,
                "local_start": times.local_start,
                "cut_off": times.cut_off_at,
                "at": at,
            },
        )
        self._keep_file(connection, feed, key)
        self.history.add(at, "campaign.created", source=file.source)
        return get_campaign(connection, file.number)

    def _keep_file(self, connection: Connection, feed: FeedRow, key: str) -> None:
        file = self.file
        content = file.content.read_bytes()
        kept = incoming_path(self.made_in.folder, file.content.name, key)
        kept.write_bytes(content)
        folder = (feed.folder or "").rstrip("/")
        by_sftp = file.source == "sftp"
        number = add_file(
            connection,
            team_id=feed.team_id,
            feed_id=feed.id,
            campaign_id=file.number,
            source=file.source,
            sftp_server_id=feed.sftp_server_id if by_sftp else None,
            path=f"{folder}/{file.content.name}" if by_sftp else file.content.name,
            name=file.content.name,
            size=len(content),
            modified_at=file.at,
            sha256=sha256(content).hexdigest(),
            stored_path=kept,
            answered=True,
            archived=True,
        )
        values = {"id": number, "at": file.at, "answered": file.at + CHECKED_AFTER}
        archived = f"{folder}/.nightmail/archive/{file.at:%Y-%m-%d}/{file.content.name}"
        connection.execute(text(queries.FILE_CAME), {**values, "archived": archived})

    # --- The stages ---------------------------------------------------------------------------------------------------

    def _prepare(self, number: int, feed: FeedRow) -> dict[str, Any] | None:
        """Read, judge, plan and render; gives what stops the campaign, if anything does."""
        stored = self._stored(number)
        read_campaign_file(self.engine, stored, self.made_in.folder, run_id=RUN)
        stored = self._stored(number)
        columns, rows = tuple(stored.tables.contact_file.schema().names), int(stored.campaign.counts["rows"])
        if problems := file_problems(stored.preparation, columns, rows):
            return problems[0].as_dict()
        summary = make_campaign_contacts(self.engine, stored, self.made_in.lake)
        if problems := reject_problems(stored.preparation, summary.rows, summary.rejects):
            return problems[0].as_dict()
        self._agree(stored, feed)
        make_campaign_audience(self.engine, self._stored(number))
        make_campaign_messages(self.engine, self._stored(number))
        return None

    def _stored(self, number: int) -> CampaignPreparation:
        with self.engine.connect() as connection:
            campaign = get_campaign(connection, number)
            stored = load_preparation(connection, campaign, self.made_in.lake, self.made_in.settings)
        return replace(stored, preparation=replace(stored.preparation, now=self.file.at))

    def _agree(self, stored: CampaignPreparation, feed: FeedRow) -> None:
        """Keep that most contacts agreed to a category that needs it."""
        if not stored.campaign.needs_consent:
            return
        names = [name for name in stored.tables.contacts.read(["external_id"])["external_id"].to_pylist() if name]
        agreed = [name for name in names if self.chance.random() < self.file.consents]
        ids = contact_ids(feed.team, agreed, self.made_in.settings.key())
        values = {"team": feed.team_id, "category": stored.campaign.category, "contacts": ids}
        with self.engine.begin() as connection:
            connection.execute(text(queries.INSERT_CONSENTS), {**values, "at": self.file.at - dt.timedelta(days=90)})

    # --- What became of it --------------------------------------------------------------------------------------------

    def _stop(self, connection: Connection, campaign: CampaignRow, problem: dict[str, Any]) -> None:
        at = self.file.at + CHECKED_AFTER
        self._move(connection, campaign, (CampaignState.STOPPED,))
        self._was(connection, campaign, changed=at, problem=problem)
        self.history.add(at, "campaign.stopped", reason=problem["reason"])

    def _load(self, connection: Connection, campaign: CampaignRow) -> None:
        file = self.file
        loaded = file.at + CHECKED_AFTER
        course = Course(
            starts_at=max(loaded, campaign.scheduled_at or loaded) + dt.timedelta(seconds=1),
            until=self.made_in.now,
            rate_per_s=file.rate_per_s,
            handed_off=file.handed_off if file.end not in _NOT_BEGUN else 0.0,
            rest=MessageState.CANCELLED if file.end is CampaignState.CANCELLED else MessageState.QUEUED,
            doubts=file.doubts,
            answers=file.answers,
        )
        ledger = SeededLedger(connection, campaign, self.made_in.lake, loaded, self.made_in.reply_ids)
        went = ledger.load(course, self.chance)
        self.made_in.messages.update(each.state for each in went)
        record_counts(connection, campaign.id, {"messages": len(went), "standby": ledger.standby})
        times = sorted(each.handed_off_at for each in went if each.handed_off_at)
        self._was(connection, campaign, changed=loaded, loaded=loaded, messages=len(went))
        self._approval(connection, campaign, loaded)
        waiting = any(each.state in (MessageState.QUEUED, MessageState.STANDBY) for each in went)
        # What quiet hours hold back until after now, the pipeline sends.
        end = CampaignState.SENDING if waiting and file.end is CampaignState.FINISHED else file.end
        self._move(connection, campaign, _WAY[end])
        self.history.moves(loaded, end, times, course.starts_at)
        ended = self.history.last_at
        self._was(
            connection,
            campaign,
            changed=ended,
            loaded=loaded,
            messages=len(went),
            first=times[0] if times else None,
            finished=ended if end in (CampaignState.FINISHED, CampaignState.CANCELLED) else None,
        )
        if end in _TO_COME:
            forecast_loaded(connection, campaign.id, self.made_in.now)
        elif times:
            record_counts(connection, campaign.id, {"finishes_by": times[-1], "late": False})

    def _approval(self, connection: Connection, campaign: CampaignRow, loaded: dt.datetime) -> None:
        file = self.file
        waits = file.end is CampaignState.AWAITING_APPROVAL
        if not waits and file.approved_by is None:
            return
        because = stated_problem("approval_always", campaign=campaign.key)
        ask_for_approval(connection, get_campaign(connection, campaign.id), because, actor=ACTOR)
        given = None if waits else loaded + dt.timedelta(seconds=self.chance.randint(90, 900))
        values = {"id": campaign.id, "asked": loaded, "by": file.approved_by, "given": given}
        connection.execute(text(queries.APPROVAL_WAS_ASKED), values)
        record_waiting(connection, campaign, because)
        if given is not None:
            self.history.add(given, "approval.given", by=file.approved_by)

    def _move(self, connection: Connection, campaign: CampaignRow, way: tuple[CampaignState, ...]) -> None:
        for state in way:
            connection.execute(text(queries.MOVE), {"id": campaign.id, "state": str(state)})

    def _was(
        self,
        connection: Connection,
        campaign: CampaignRow,
        *,
        changed: dt.datetime,
        problem: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        values = {"loaded": None, "messages": None, "first": None, "finished": None, **more}
        month = month_of(self.file.at) if values["loaded"] else None
        stated = None if problem is None else json.dumps(problem)
        connection.execute(
            text(queries.CAMPAIGN_WAS),
            {**values, "id": campaign.id, "changed": changed, "problem": stated, "month": month},
        )


_S = CampaignState
_NOT_BEGUN = (_S.AWAITING_APPROVAL, _S.SCHEDULED)
_TO_COME = (_S.AWAITING_APPROVAL, _S.SCHEDULED, _S.SENDING)
_WAY = {
    _S.SENDING: (_S.SENDING,),
    _S.FINISHED: (_S.SENDING, _S.FINISHED),
    _S.CANCELLED: (_S.SENDING, _S.CANCELLED),
    _S.PAUSED: (_S.SENDING, _S.PAUSED),
    _S.SCHEDULED: (_S.SCHEDULED,),
    _S.AWAITING_APPROVAL: (_S.AWAITING_APPROVAL,),
}
"""The states that a campaign goes through from ``checking`` on."""
