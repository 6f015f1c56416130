"""The evidence document of one contact: what they agreed to, in which words, how that is proved, and what they chose."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from sqlalchemy import Connection

from nightmail.channels import CHANNELS
from nightmail.consent.consent_requests import RequestRow, requests_of
from nightmail.consent.consents import ConsentRow, ConsentState, consent_state, consents_of
from nightmail.consent.preference_statements import PreferenceStatement
from nightmail.consent.preferences import preference_history

_WORDS = {
    ConsentState.GIVEN: "given",
    ConsentState.EXPIRED: "ended",
    ConsentState.WITHDRAWN: "withdrawn",
    ConsentState.MISSING: "never given",
    ConsentState.REQUESTED: "asked for, not confirmed",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was stated of one contact to a team and those above it, as of a moment."""

    team: str
    contact: str
    """As the team names it, or its id."""
    contact_id: str
    made_at: dt.datetime
    consents: tuple[ConsentRow, ...]
    requests: tuple[RequestRow, ...]
    preferences: tuple[PreferenceStatement, ...]

    @property
    def states(self) -> list[tuple[str, str, ConsentState]]:
        """What holds now: category, channel and state, of what anything was stated about."""
        categories = sorted({row.category for row in self.consents} | {request.category for request in self.requests})
        return [
            (category, channel, state)
            for category in categories
            for channel in CHANNELS
            if (state := self._state(category, channel)) is not ConsentState.MISSING
        ]

    def _state(self, category: str, channel: str) -> ConsentState:
        return consent_state(self.consents, category, channel, self.made_at, self.requests)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "team": self.team,
            "contact": self.contact,
            "contact_id": self.contact_id,
            "made_at": self.made_at,
            "holds_now": [
                {"category": category, "channel": channel, "state": str(state)}
                for category, channel, state in self.states
            ],
            "consents": [row.as_dict() for row in self.consents],
            "requests": [request.as_dict() for request in self.requests],
            "preferences": [
                {
                    "stated_at": one.stated_at,
                    "changes": dict(one.changes),
                    "source": one.source,
                    "set_by": one.set_by,
                    "recorded_at": one.recorded_at,
                }
                for one in self.preferences
            ],
        }


def evidence_of(connection: Connection, team: str, contact_id: str, *, contact: str | None = None) -> Evidence:
    """The evidence of a contact, as a team has it now."""
    return Evidence(
        team=team,
        contact=contact or contact_id,
        contact_id=contact_id,
        made_at=dt.datetime.now(dt.UTC),
        consents=tuple(consents_of(connection, team, contact_id)),
        requests=tuple(requests_of(connection, team, contact_id)),
        preferences=tuple(preference_history(connection, team, contact_id)),
    )


def evidence_page(evidence: Evidence) -> str:
    """The document as one page of HTML that stands by itself: no script, no picture, nothing from elsewhere."""
    held = [(category, channel, _WORDS[state]) for category, channel, state in evidence.states]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>Evidence of consents: {escape(evidence.contact)}</title>",
        f"<style>{_STYLE}</style></head><body><main>",
        f"<h1>Evidence of consents: {escape(evidence.contact)}</h1>",
        f"<p>As recorded by {escape(evidence.team)} on {_time(evidence.made_at)}. Contact id {escape(evidence.contact_id)}.</p>",
        "<h2>What holds now</h2>",
        _table(("purpose", "channel", "consent"), held) if held else "<p>Nothing was ever stated about a consent.</p>",
    ]
    parts += ["<h2>What was stated</h2>"] if evidence.consents else []
    parts += [_consent(row) for row in evidence.consents]
    if evidence.requests:
        parts += ["<h2>What was asked for</h2>", *map(_request, evidence.requests)]
    if evidence.preferences:
        rows = [
            (_time(one.stated_at), _changes(one.changes), one.source, one.set_by, _time(one.recorded_at))
            for one in evidence.preferences
        ]
        parts += ["<h2>What was chosen</h2>", _table(("when (UTC)", "what", "from", "set by", "recorded (UTC)"), rows)]
    return "\n".join([*parts, "</main></body></html>", ""])


_STYLE = (
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;padding:0 1rem;max-width:60rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "blockquote{border-left:.3rem solid;margin:.5rem 0;padding-left:1rem;white-space:pre-wrap}section{break-inside:avoid}"
)


def _consent(row: ConsentRow) -> str:
    channel = row.channel or "all channels"
    facts: list[tuple[str, str]] = []
    if not row.never_given:
        facts.append(("given", f"{_time(row.captured_at)}, {row.captured_how}"))
        if row.confirmed_at is not None:
            facts.append(("confirmed", f"{_time(row.confirmed_at)}; it was asked for at the time above"))
        facts.append(("holds until", _time(row.expires_at) if row.expires_at else "it is withdrawn"))
    if row.withdrawn_at is not None:
        alone = "; no consent is recorded that it took back" if row.never_given else ""
        facts.append(("withdrawn", f"{_time(row.withdrawn_at)}, {row.withdrawn_how or 'how is not kept'}{alone}"))
    facts += [(name, value) for name, value in (("from", row.source), ("proof", row.proof)) if value]
    if row.of_contact is not None:
        held = row.of_contact.startswith("merge:")
        facts.append(("held by", row.of_contact) if held else ("stated as contact id", row.of_contact))
    facts.append(("recorded", f"{_time(row.recorded_at)} by {row.recorded_by or 'a person who is not kept'}"))
    shown = ""
    if row.text is not None:
        title = f"The text that was shown: {row.text_name}, version {row.text_version}"
        language = f' lang="{escape(row.text_language)}"' if row.text_language else ""
        shown = f"<p>{escape(title)}</p><blockquote{language}>{escape(row.text)}</blockquote>"
    return f"<section><h3>{escape(row.category)}, {escape(channel)}</h3>{_table((), facts)}{shown}</section>"


def _request(request: RequestRow) -> str:
    outcome = {"accepted": "taken by the carrier", "not_sent": "not sent", "in_doubt": "not known to be sent"}
    sent = f"on {request.sent_on} to {request.masked}, {outcome.get(request.outcome or '', 'outcome not known')}"
    confirmed = f"{_time(request.confirmed_at)} by {request.confirmed_how}" if request.confirmed_at else "no"
    facts = [
        ("asked (UTC)", f"{_time(request.asked_at)}, {request.asked_how}, by {request.asked_by}"),
        ("message", f"{request.message_name}, {sent}"),
        ("open until (UTC)", _time(request.expires_at)),
        ("confirmed (UTC)", confirmed),
        ("text", f"{request.text_name}, version {request.text_version}"),
    ]
    return f"<section><h3>{escape(request.category)}, {escape(request.channel or 'all channels')}</h3>{_table((), facts)}</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escape(cell)}</th>' if not head and not place else f"<td>{escape(cell)}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table>{f'<thead><tr>{top}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _changes(changes: Mapping[str, Any]) -> str:
    return "; ".join(f"{name.replace('_', ' ')}: {_value(value)}" for name, value in changes.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {'wanted' if wanted else 'not wanted'}" for name, wanted in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "no choice" if value is None else str(value)


def _time(moment: dt.datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
