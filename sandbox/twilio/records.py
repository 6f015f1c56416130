"""Twilio's records of messages and calls: kept by id and by recipient, listed page by page."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from urllib.parse import urlencode

from sandbox.http_server import Request, Response, json_response
from sandbox.twilio.segments import segments_of

RECORDS_KEPT = 200_000
"""Messages in the records: older ones are forgotten, so that memory has a bound. A real carrier's records have all."""
EMPTY_PAGE_SIZE = 50
_PRICE_PER_SEGMENT = 0.0079
_PRICE_PER_MINUTE = 0.0140


@dataclass(slots=True)
class Record:
    """One message or call in Twilio's records."""

    sid: str
    to: str
    sender: str
    service: str | None
    body: str
    callback: str | None
    created: float
    status: str
    direction: str = "outbound-api"
    error_code: int | None = None
    sent: float | None = None
    duration: int | None = None
    answered_by: str | None = None
    events: tuple[str, ...] = ()
    detect_machine: bool = False
    url: str | None = None
    ended: float | None = None
    media: tuple[str, ...] = ()
    """The types of what came with a text."""


class Records:
    """The records of one kind, messages or calls."""

    def __init__(self, kind: str, when: str, write: Callable[[Record], bytes]) -> None:
        """``kind`` is the list's name in answers, ``when`` the time that lists are narrowed by, ``write`` gives JSON."""
        self._kind, self._when, self._write = kind, when, write
        self._by_sid: dict[str, Record] = {}
        self._by_recipient: dict[str, Record | list[Record]] = {}
        self._order: deque[Record] = deque()

    def add(self, record: Record) -> None:
        """Keep a record, and forget the oldest one beyond :data:`RECORDS_KEPT`."""
        self._by_sid[record.sid] = record
        _add(self._by_recipient, record)
        self._order.append(record)
        if len(self._order) > RECORDS_KEPT:
            oldest = self._order.popleft()
            del self._by_sid[oldest.sid]
            _remove(self._by_recipient, oldest)

    def one(self, sid: str) -> Response | None:
        """The answer with one record."""
        record = self._by_sid.get(sid)
        return None if record is None else Response(200, self._write(record))

    def find(self, sid: str) -> Record | None:
        """One record."""
        return self._by_sid.get(sid)

    def listed(self, request: Request) -> Response:
        """The answer with one page of a list, newest first."""
        query = {name: values[-1] for name, values in request.query_values().items()}
        recipient = query.get("To")
        candidates = _of(self._by_recipient, recipient) if recipient else list(self._by_sid.values())
        chosen = [record for record in reversed(candidates) if _fits(record, query, self._when)]
        size = min(max(int(query.get("PageSize", EMPTY_PAGE_SIZE)), 1), 1000)
        page = int(query.get("Page", 0))
        rows = chosen[page * size : (page + 1) * size]
        content: dict[str, object] = {
            self._kind: [json.loads(self._write(record)) for record in rows],
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(rows) - 1, 0),
            "uri": f"{request.path}?{request.query}",
            "first_page_uri": f"{request.path}?{urlencode({**query, 'Page': 0})}",
            "previous_page_uri": None,
            "next_page_uri": None,
        }
        if (page + 1) * size < len(chosen):
            following = {**query, "Page": page + 1, "PageToken": f"PA{rows[-1].sid}"}
            content["next_page_uri"] = f"{request.path}?{urlencode(following)}"
        return json_response(200, content)


def message_json(account: str, record: Record) -> bytes:
    """A message as Twilio writes it."""
    path = f"/2010-04-01/Accounts/{account}/Messages/{record.sid}"
    count = segments_of(record.body)
    return json.dumps(
        {
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": record.body,
            "date_created": rfc2822(record.created),
            "date_sent": rfc2822(record.sent) if record.sent else None,
            "date_updated": rfc2822(record.sent or record.created),
            "direction": record.direction,
            "error_code": record.error_code,
            "error_message": None,
            "from": record.sender or None,
            "messaging_service_sid": record.service,
            "num_media": str(len(record.media)),
            "num_segments": str(count),
            "price": f"-{_PRICE_PER_SEGMENT * count:.5f}" if record.sent else None,
            "price_unit": "USD",
            "sid": record.sid,
            "status": record.status,
            "subresource_uris": {"media": f"{path}/Media.json"},
            "to": record.to,
            "uri": f"{path}.json",
        }
    ).encode()


def media_json(account: str, record: Record) -> dict[str, object]:
    """What came with a text, as Twilio lists it."""
    path = f"/2010-04-01/Accounts/{account}/Messages/{record.sid}/Media"
    moment = rfc2822(record.created)
    return {
        "media_list": [
            {
                "sid": sid,
                "account_sid": account,
                "parent_sid": record.sid,
                "content_type": kind,
                "date_created": moment,
                "date_updated": moment,
                "uri": f"{path}/{sid}.json",
            }
            for sid, kind in zip(media_sids(record), record.media, strict=True)
        ],
        "next_page_uri": None,
        "uri": f"{path}.json",
    }


def media_sids(record: Record) -> list[str]:
    """The ids of what came with a text."""
    return [f"ME{record.sid[2:-2]}{number:02x}" for number in range(len(record.media))]


def call_json(account: str, record: Record) -> bytes:
    """A call as Twilio writes it."""
    minutes = -(-record.duration // 60) if record.duration else 0
    content = {
        "sid": record.sid,
        "account_sid": account,
        "annotation": None,
        "answered_by": record.answered_by,
        "api_version": "2010-04-01",
        "caller_name": None,
        "date_created": rfc2822(record.created),
        "date_updated": rfc2822(record.ended or record.created),
        "direction": record.direction,
        "duration": None if record.duration is None else str(record.duration),
        "end_time": rfc2822(record.ended) if record.ended else None,
        "from": record.sender,
        "price": f"-{_PRICE_PER_MINUTE * minutes:.5f}" if minutes else None,
        "price_unit": "USD",
        "start_time": rfc2822(record.created),
        "status": record.status,
        "to": record.to,
        "uri": f"/2010-04-01/Accounts/{account}/Calls/{record.sid}.json",
    }
    return json.dumps(content).encode()


def _add(by_to: dict[str, Record | list[Record]], record: Record) -> None:
    """Keep a record under its recipient; a list is made for the second one only, as most recipients have one."""
    present = by_to.get(record.to)
    if present is None:
        by_to[record.to] = record
    elif isinstance(present, list):
        present.append(record)
    else:
        by_to[record.to] = [present, record]


def _remove(by_to: dict[str, Record | list[Record]], record: Record) -> None:
    """Forget a record under its recipient."""
    present = by_to.get(record.to)
    if isinstance(present, list) and len(present) > 1:
        present.remove(record)
    else:
        by_to.pop(record.to, None)


def _of(by_to: dict[str, Record | list[Record]], to: str) -> list[Record]:
    present = by_to.get(to)
    if present is None:
        return []
    return present if isinstance(present, list) else [present]


def rfc2822(when: float) -> str:
    """A moment as Twilio writes it, in whole seconds."""
    return _rfc2822_second(int(when))


@lru_cache(maxsize=256)
def _rfc2822_second(when: int) -> str:
    return format_datetime(datetime.fromtimestamp(when, UTC))


def _fits(record: Record, query: dict[str, str], when: str) -> bool:
    if query.get("From") and record.sender != query["From"]:
        return False
    if query.get("Status") and record.status != query["Status"]:
        return False
    moment = record.sent if when == "DateSent" else record.created
    for name, compare in ((when, "="), (f"{when}<", "<"), (f"{when}>", ">")):
        text = query.get(name)
        if text is None:
            continue
        if moment is None:
            return False
        bound = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if bound.tzinfo is None:
            bound = bound.replace(tzinfo=UTC)
        if len(text) == 10:
            day = datetime.fromtimestamp(moment, UTC).date()
            fits = {"=": day == bound.date(), "<": day <= bound.date(), ">": day >= bound.date()}[compare]
        else:
            at = bound.timestamp()
            fits = {"=": int(moment) == int(at), "<": moment <= at, ">": moment >= at}[compare]
        if not fits:
            return False
    return True
