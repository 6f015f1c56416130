"""Single messages: one or a few recipients join their feed's open campaign, so that requests do not become runs.

The campaign is open for a window (60 s by default) from its first recipient on; a campaign is only made for a
recipient, so none is ever empty. When the window is over the sensors prepare it like any other.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlalchemy import Connection

from nightmail.campaigns.campaign_rows import CampaignRow
from nightmail.channels import ADDRESS_FIELDS
from nightmail.forecasts.finish_estimates import estimated_finish
from nightmail.forecasts.finish_forecast import FinishForecast
from nightmail.intake.single_messages import join_open_campaign
from nightmail.organisation.stored_feeds import FeedRow
from nightmail.organisation.stored_templates import newest_template_version, template_content
from nightmail.stated_times import SendIn
from nightmail.templates import stored_template
from portal.api.authentication import MessageSender
from portal.api.campaigns import Ending
from portal.api.errors import errors
from portal.api.idempotency import Answer, IdempotencyKey, answer_once, request_hash
from portal.api.strict_query import refuse_unknown_query
from portal.api.upload_orders import SEND_IN_DESCRIPTION, start_asked_for
from portal.api.visibility import FEED_DESCRIPTION, FEED_PATTERN, visible_feed
from portal.problems import FieldProblem, RequestError
from portal.state import PortalState

router = APIRouter(prefix="/v1/messages", tags=["single messages"], dependencies=[Depends(refuse_unknown_query)])

MAXIMUM_RECIPIENTS = 100
MAXIMUM_VALUES = 200
_Short = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
_Value = Annotated[str, Field(max_length=10_000, pattern=r"^[^\x00]*$")]
_Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]


class Recipient(BaseModel):
    """Whom to send to, with the values of the template's placeholders."""

    model_config = ConfigDict(extra="forbid")

    external_id: _Short | None = Field(None, description="Your own id of the person", examples=["1001"])
    phone: _Short | None = Field(None, description="As people write it; national numbers need `country`")
    phone_2: _Short | None = None
    landline: _Short | None = None
    email: _Short | None = None
    country: _Short | None = Field(None, description="ISO 3166-1 alpha-2", examples=["DE"])
    language: _Short | None = Field(None, examples=["de"])
    time_zone: _Short | None = Field(None, examples=["Europe/Berlin"])
    birth_date: _Short | None = Field(None, examples=["1990-12-31"])
    values: dict[_Name, _Value] = Field(
        default_factory=dict,
        max_length=MAXIMUM_VALUES,
        description="The placeholders' values by name",
        examples=[{"first_name": "Anna", "amount": "12.50"}],
    )

    @field_validator("values", mode="before")
    @classmethod
    def _numbers_are_texts(cls, values: Any) -> Any:
        """Numbers are taken as people would write them in a file."""
        if not isinstance(values, dict):
            return values
        return {
            name: str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
            for name, value in values.items()
        }

    @model_validator(mode="after")
    def _has_an_address(self) -> Recipient:
        if not any((getattr(self, name) or "").strip() for name in ADDRESS_FIELDS):
            raise ValueError(f"a recipient needs one of {', '.join(ADDRESS_FIELDS)}")
        twice = [name for name in self.values if name in type(self).model_fields]
        if twice:
            raise ValueError(f"{', '.join(twice)} belongs beside values, not among them")
        return self

    def row(self) -> dict[str, str]:
        """The recipient as a row of a contact file."""
        standard = self.model_dump(exclude={"values"}, exclude_none=True)
        return {**standard, **self.values}


class MessageOrder(BaseModel):
    """One or a few recipients of a feed's template."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "feed": "invoices",
                    "recipients": [
                        {
                            "external_id": "1001",
                            "phone": "+49 170 1234567",
                            "language": "de",
                            "values": {"first_name": "Anna", "amount": "12.50"},
                        }
                    ],
                }
            ]
        },
    )

    feed: str = Field(pattern=FEED_PATTERN, max_length=300, description=FEED_DESCRIPTION, examples=["invoices"])
    recipients: list[Recipient] = Field(min_length=1, max_length=MAXIMUM_RECIPIENTS)
    at: dt.datetime | None = Field(
        None,
        description="When to send, in whole minutes; by default as the feed says. Without an offset it is in the time zone "
        "of the feed's team, or with `send_in` `recipient` a time by each recipient's own clock. Recipients of one time "
        "join one campaign",
        examples=["2026-12-01T08:00"],
    )
    send_in: SendIn | None = Field(None, description=SEND_IN_DESCRIPTION)

    @field_validator("at")
    @classmethod
    def _whole_minutes(cls, at: dt.datetime | None) -> dt.datetime | None:
        """A campaign is made for each time: one for every second would be a run for every message."""
        if at is not None and (at.second or at.microsecond):
            raise ValueError("the time must be of a whole minute")
        return at


class Taken(Ending):
    """What was taken."""

    campaign: str = Field(
        description="The campaign that the recipients joined", examples=["2026-11-23.acme.billing.7f3a9c"]
    )
    lines: list[int] = Field(
        description="The row of each recipient in that campaign, in the order given: "
        "`GET /v1/campaigns/{campaign}/messages?line=` answers what became of it",
        examples=[[17]],
    )
    closes_at: dt.datetime = Field(description="When the campaign takes no more recipients and is prepared")


@router.post(
    "",
    status_code=202,
    summary="Send single messages",
    response_model=Taken,
    responses={
        202: {
            "description": "Stored. `Location` is the campaign that the recipients joined.",
            "headers": {
                "Location": {"description": "The campaign's address", "schema": {"type": "string"}},
                "Idempotency-Replayed": {
                    "description": "`true` when this is the answer to an earlier request with the same key",
                    "schema": {"type": "string"},
                },
            },
        },
        **errors(
            "time_invalid", "feed_unknown", "idempotency_in_progress", "idempotency_key_reused", "request_too_large"
        ),
    },
)
def send(
    *,
    order: Annotated[MessageOrder, Body()],
    program: MessageSender,
    portal: PortalState,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Take up to 100 recipients. Their rows are judged as those of a file are, when the campaign closes.

    Where the feed has a cut-off, `finishes_by` is for the recipients that joined so far, and `late` says that it is
    after the cut-off.
    """

    def join(connection: Connection) -> Answer:
        feed = visible_feed(connection, program, order.feed)
        _refuse_unknown_values(connection, feed, order.recipients, portal.placeholders)
        rows = [recipient.row() for recipient in order.recipients]
        window_s = portal.settings.single_message_window_s
        start = start_asked_for(connection, feed, order.at, order.send_in, where="body")
        joined = join_open_campaign(connection, feed, rows, actor=program.actor, window_s=window_s, start=start)
        key = joined.campaign.key
        ending = _ending(connection, joined.campaign, joined.lines[-1])
        taken = Taken(campaign=key, lines=joined.lines, closes_at=joined.closes_at, **ending.as_dict())
        return Answer(202, taken.model_dump(mode="json"), {"Location": f"/v1/campaigns/{key}"})

    fingerprint = request_hash("messages", order.model_dump_json())
    answer, repeated = answer_once(portal.engine, program, idempotency_key, fingerprint, join)
    return answer.response(repeated=repeated)


def _ending(connection: Connection, campaign: CampaignRow, rows: int) -> FinishForecast:
    """When the campaign ends with the recipients that joined it so far, where it has a cut-off to make.

    Without one nothing depends on it, and each request would pay for it.
    """
    if campaign.cut_off_at is None:
        return FinishForecast(None, None)
    return estimated_finish(connection, campaign, rows)


def _refuse_unknown_values(
    connection: Connection, feed: FeedRow, recipients: list[Recipient], known_by_version: dict[int, frozenset[str]]
) -> None:
    """Raise :class:`RequestError` for values that the feed's template has no use for.

    In a file they would be columns that nothing uses. Here each request could bring others, until the campaign has too
    many columns for all; and most of them are typing errors.
    """
    version = newest_template_version(connection, feed.sent_template)
    known = known_by_version.get(version)
    if known is None:
        # A version never changes: it is read once.
        known = known_by_version[version] = _placeholders(connection, version)
    settings = feed.settings
    further = {*settings.mapping, *settings.unique_by, *settings.required_columns, *settings.placeholders}
    usable = known | {_plain(name) for name in further} | ({_plain(settings.keep_by)} if settings.keep_by else set())
    wrong = [
        FieldProblem(
            where=f"body.recipients.{number}.values.{name}", message=f"the template {feed.template} has no use for it"
        )
        for number, recipient in enumerate(recipients)
        for name in recipient.values
        if _plain(name) not in usable
    ]
    if wrong:
        raise RequestError("request_invalid", errors=wrong[:50])


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name.strip().lower()).strip("_")


def _placeholders(connection: Connection, version: int) -> frozenset[str]:
    content = template_content(connection, version)
    return frozenset(_plain(name) for name in stored_template(content).placeholders)
