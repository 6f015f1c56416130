"""How the bodies of a template read with some values: rendered by the same code as a campaign's, measured, and judged.

Links in a preview lead nowhere: they are signed with a key of no deployment, for the address :data:`~nightmail.templates.summary.NOWHERE`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa

from nightmail.channels import CHANNELS, BodyKind, Unit
from nightmail.message_ids import CHECK_TOKEN, message_ids
from nightmail.reasons import REASONS
from nightmail.templates.bodies import CompiledBody, compile_bodies
from nightmail.templates.body_texts import BodyTexts, Disagreement, RenderedTexts, SystemLinks
from nightmail.templates.gsm7 import CharacterCosts
from nightmail.templates.model import Template, VoiceBody
from nightmail.templates.segments import is_gsm, measure
from nightmail.templates.speech import estimated_minutes, spoken_language, spoken_text
from nightmail.templates.summary import NOWHERE

_NO_KEY = b"nightmail preview"
_DAY = dt.date(2027, 1, 1)
_LINE = 2


@dataclass(frozen=True, slots=True)
class BodyPreview:
    """One body in one language. ``problem`` is the sentence of why a message with these values could not be sent; empty if it can."""

    language: str
    channel: str
    text: str = field(repr=False)
    """What is read or, in a call, heard."""
    subject: str | None = field(default=None, repr=False)
    html: str | None = field(default=None, repr=False)
    problem: str = ""
    characters: int = 0
    segments: int | None = None
    """Of a text message."""
    gsm: bool = True
    """Whether a text message stays in the GSM 7-bit alphabet."""
    minutes: int | None = None
    """Of a call, about: started ones."""
    spoken_in: str | None = None
    """The language of the voice of a call."""
    voice: VoiceBody | None = None


def preview_bodies(template: Template, values: Mapping[str, object]) -> list[BodyPreview]:
    """Every body with ``values`` (texts, dates, ``Decimal``; ``None`` for nothing), by channel, then the default language first."""
    contacts = _row(values)
    compiled = compile_bodies(template, NOWHERE, {})
    order = [(channel, language) for channel in template.channels for language in template.languages_of(channel)]
    return [_preview(template, compiled[language, channel], contacts) for channel, language in order]


def _row(values: Mapping[str, object]) -> pa.Table:
    columns: dict[str, pa.Array] = {"line": pa.array([_LINE], pa.int64())}
    for name, value in values.items():
        if isinstance(value, Decimal):
            scale = max(0, -int(value.as_tuple().exponent))
            columns[name] = pa.array([value], pa.decimal128(38, min(scale, 18)))
        elif isinstance(value, dt.date):
            columns[name] = pa.array([value], pa.date32())
        else:
            columns[name] = pa.array([None if value is None else str(value)], pa.string())
    return pa.table(columns)


def _preview(template: Template, body: CompiledBody, contacts: pa.Table) -> BodyPreview:
    rendered = _rendered(template, body, contacts)
    texts = {name: column[0].as_py() or "" for name, column in rendered.texts.items()}
    reason = str(rendered.reasons[0])
    known = REASONS.get(reason)
    problem = "" if not reason else (known.title or known.sentence if known else reason)
    channel = CHANNELS[body.channel]
    written = texts["body"]
    if channel.body is BodyKind.SPEECH:
        voice = template.languages[body.language].by_channel[body.channel]
        heard = len(written) - body.frame_characters
        return BodyPreview(
            body.language,
            body.channel,
            spoken_text(written),
            problem=problem,
            characters=max(heard, 0),
            minutes=int(estimated_minutes(np.array([heard], dtype=np.int64), plays=body.plays)[0]),
            spoken_in=spoken_language(body.language),
            voice=voice if isinstance(voice, VoiceBody) else None,
        )
    counted = channel.price_unit is Unit.SEGMENT
    return BodyPreview(
        body.language,
        body.channel,
        written,
        subject=texts.get("subject"),
        html=texts.get("html"),
        problem=problem,
        characters=len(written),
        segments=int(measure(rendered.texts["body"].fill_null("")).segments[0]) if counted else None,
        gsm=is_gsm(written) if counted else True,
    )


def _rendered(template: Template, body: CompiledBody, contacts: pa.Table) -> RenderedTexts:
    links = SystemLinks(public_url=NOWHERE, signing_key=_NO_KEY, day=_DAY)
    ids = message_ids(CHECK_TOKEN, contacts["line"].combine_chunks(), body.channel, 0)
    texts = BodyTexts(template, links, 1)
    table = contacts.combine_chunks()
    try:
        return texts.render(body, table, ids, lambda column: column, CharacterCosts())
    except Disagreement:
        body.columnar = False
        return texts.render(body, table, ids, lambda column: column, CharacterCosts())
