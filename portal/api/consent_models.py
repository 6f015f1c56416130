"""Requests for consents as the API tells them."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, Field

from nightmail.consent.consent_requests import RequestRow


class RequestOut(BaseModel):
    """A consent that a contact was asked for."""

    id: int
    category: str
    channel: str | None = Field(description="Null for all")
    asked_at: dt.datetime
    asked_how: str
    text_name: str = Field(description="The text that they were shown")
    text_version: int
    sent_on: str = Field(description="The channel of the message")
    outcome: str | None = Field(
        description="What the carrier said of the message: `accepted`, `not_sent`, `in_doubt`; null as long as it says nothing"
    )
    expires_at: dt.datetime = Field(description="Until then it can be confirmed")
    waits: bool = Field(description="Whether it can still be confirmed")
    confirmed_at: dt.datetime | None
    confirmed_how: str | None = Field(description="`link` or `word`")

    @classmethod
    def of(cls, request: RequestRow) -> RequestOut:
        """The request as it stands."""
        return cls.model_validate({name: getattr(request, name) for name in cls.model_fields})
