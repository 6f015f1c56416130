"""The webhook door of the chaos test: people of two organisations who write STOP and START, over posts that fail.

Each person writes to a number of each organisation, one text after the other: the next follows when the last was answered with
a 2xx. Posts are cut before and after the answer, come twice, come again much later, and the portal is killed over them. Others
are forged: with a wrong signature they say STOP for people who never did. What the portal acknowledged must be there in the
end, and nothing else.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from sqlalchemy import Engine, text

from nightmail.privacy import address_hash
from nightmail.receipts.applied_receipts import event_hash
from resources.carriers.twilio.signatures import signature_of
from resources.carriers.twilio.statuses import CALL_STATUS, MESSAGE_STATUS
from tests.support.sending_rig import KEY, TWILIO_SECRET

PATH = "/webhooks/twilio/inbound-sms"
ACME_NUMBER, GLOBEX_NUMBER = "+15005550006", "+15005550005"
TEAM_OF = {ACME_NUMBER: "acme.billing", GLOBEX_NUMBER: "globex.news"}
_PATIENCE_S = 120.0
_TROUBLE = (OSError, http.client.HTTPException)


@dataclass
class Texts:
    """What was written, and what must come of it."""

    acknowledged: set[str] = field(default_factory=set)
    """The ids of texts that were answered with a 2xx."""
    said_last: dict[tuple[str, str], str] = field(default_factory=dict)
    """By person and number, the last STOP or START that was acknowledged."""
    tried: Counter[str] = field(default_factory=Counter)
    """How often posts were whole, cut, repeated, late, forged."""
    forged_taken: int = 0


class ReplyDoor:
    """The people of two organisations, and their posts to the portal at ``url``."""

    def __init__(self, engine: Engine, url: str, account: str) -> None:
        self._engine, self._url, self._account = engine, url, account
        self.texts = Texts()
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._earlier: list[dict[str, str]] = []
        self._counter = 0
        self.people: list[str] = []
        with engine.begin() as connection:

            def insert(query: str, **values: Any) -> int:
                return int(connection.execute(text(f"{query} returning id"), values).scalar_one())

            parent = insert("insert into team (path, name) values ('globex', 'Globex')")
            self.globex_team = insert(
                "insert into team (path, name, parent_id) values ('globex.news', 'News', :p)", p=parent
            )
            insert(
                "insert into sender (team_id, channel, name, address, carrier_account_id) select :t, 'sms', 'news', :a, id "
                "from carrier_account where channel = 'sms'",
                t=self.globex_team,
                a=GLOBEX_NUMBER,
            )

    def start(self, people: int, texts: int, seed: int) -> None:
        """Begin: each of so many people writes so many texts to each number."""
        self.people = [f"+4479{number:06d}99" for number in range(people)]
        chance = Random(seed)
        self._threads = [
            threading.Thread(
                target=self._write, args=(self.people[place::8], texts, Random(chance.randrange(2**32))), daemon=True
            )
            for place in range(8)
        ]
        for thread in self._threads:
            thread.start()

    def busy(self) -> bool:
        """Whether somebody writes yet. Raises what a thread ended with."""
        if self.error is not None:
            raise self.error
        return any(thread.is_alive() for thread in self._threads)

    def _write(self, people: list[str], texts: int, chance: Random) -> None:
        try:
            # Of each person and number one after the other; between them in any order.
            turns = [(person, number) for person in people for number in TEAM_OF for _ in range(texts)]
            chance.shuffle(turns)
            for person, number in turns:
                word = chance.choice(("STOP", "STOP", "START", "Stop.", "thank you", "See you"))
                self._say(person, number, word, chance)
                if chance.random() < 0.15:
                    self._forge(person, number, chance)
        except BaseException as error:
            self.error = error

    def _say(self, person: str, number: str, said: str, chance: Random) -> None:
        form = self._form(person, number, said)
        until = time.monotonic() + _PATIENCE_S
        while True:
            cut = chance.choice((None, None, None, "before", "half", "after"))
            status = self._post(form, self._signature(form), cut)
            self.texts.tried[cut or "whole"] += 1
            if status is not None and 200 <= status < 300:
                break
            if status is not None and 400 <= status < 500:
                raise RuntimeError(f"a good webhook was answered with {status}")
            if time.monotonic() > until:
                raise RuntimeError("the portal took no webhook for too long")
            time.sleep(chance.uniform(0.02, 0.3))
        with self._lock:
            self.texts.acknowledged.add(form["MessageSid"])
            if said.upper().strip(".") in ("STOP", "START"):
                self.texts.said_last[person, number] = said.upper().strip(".")
            self._earlier.append(form)
            repeated = chance.choice(self._earlier) if chance.random() < 0.4 else None
        if repeated is not None:
            # Again, and perhaps much later: what was said since must stand.
            self.texts.tried["repeated"] += 1
            self._post(repeated, self._signature(repeated), chance.choice((None, "after")))

    def _forge(self, person: str, number: str, chance: Random) -> None:
        form = self._form(person, number, "STOP" if chance.random() < 0.5 else "START")
        wrong = chance.choice((signature_of(self._url + PATH, form, "another account's"), "", "AAAA"))
        status = self._post(form, wrong, None)
        self.texts.tried["forged"] += 1
        if status is not None and status < 300:
            self.texts.forged_taken += 1

    def _form(self, person: str, number: str, said: str) -> dict[str, str]:
        with self._lock:
            self._counter += 1
            sid = f"SM{self._counter:032d}"
        return {
            "MessageSid": sid, "SmsSid": sid, "AccountSid": self._account, "From": person, "To": number, "Body": said,
            "NumMedia": "0", "SmsStatus": "received",
        }  # fmt: skip

    def _signature(self, form: dict[str, str]) -> str:
        return signature_of(self._url + PATH, form, os.environ[TWILIO_SECRET])

    def _post(self, form: dict[str, str], signature: str, cut: str | None) -> int | None:
        """Post a text; ``cut`` breaks the connection before, within or after the request. The status, where one came."""
        parts = urlsplit(self._url)
        body = urlencode(form).encode()
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)
        try:
            connection.connect()
            if cut == "before":
                return None
            connection.putrequest("POST", PATH)
            for name, value in (
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Content-Length", str(len(body))),
                ("X-Twilio-Signature", signature),
            ):
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(body[: len(body) // 2] if cut == "half" else body)
            return None if cut else connection.getresponse().status
        except _TROUBLE:
            return None
        finally:
            connection.close()

    def lost_replies(self) -> int:
        """How many texts were acknowledged and are not stored."""
        with self._engine.connect() as connection:
            stored = set(connection.scalars(text("select event_key from reply")))
        return len(self.texts.acknowledged - stored)

    def opted_out(self) -> set[tuple[str, str]]:
        """Who must not be written to from which number, by what was said last."""
        return {key for key, said in self.texts.said_last.items() if said == "STOP"}

    def wrong_opt_outs(self) -> int:
        """How many opt-outs are there that nobody asked for, at the wrong team, or are missing."""
        query = (
            "select s.address_hash, coalesce(t.path, '') as path from suppression s left join team t on t.id = s.team_id "
            "where s.source = 'reply' and s.reason = 'opted_out' and s.lifted_at is null"
        )
        with self._engine.connect() as connection:
            rows = connection.execute(text(query)).all()
        found = set()
        for row in rows:
            users = [number for number, team in TEAM_OF.items() if team == row.path or team.startswith(f"{row.path}.")]
            # One that holds for nobody's number, or for both, is wrong whoever asked for it.
            found |= {(row.address_hash, number) for number in users if len(users) == 1} or {
                (row.address_hash, row.path)
            }
        wanted = {(address_hash(person, KEY), number) for person, number in self.opted_out()}
        return len(found ^ wanted)


def acknowledged_events(file: Path) -> set[str]:
    """The keys of receipts in the webhooks that the stand-ins had answered with a 2xx."""
    import json

    keys: set[str] = set()
    for line in file.read_text().splitlines() if file.exists() else ():
        post = json.loads(line)
        if "/webhooks/sendgrid/events" in post["url"]:
            keys |= set(_sendgrid_keys(json.loads(post["body"])))
        elif "-status" in post["url"]:
            keys |= set(_twilio_keys({name: values[0] for name, values in parse_qs(post["body"]).items()}))
    return keys


def _twilio_keys(form: dict[str, str]) -> Iterable[str]:
    for sid, status, known in (("MessageSid", "MessageStatus", MESSAGE_STATUS), ("CallSid", "CallStatus", CALL_STATUS)):
        if form.get(sid) and form.get(status) in known:
            yield f"{form[sid]}:{form[status]}"


def _sendgrid_keys(events: list[dict[str, Any]]) -> Iterable[str]:
    return (event["sg_event_id"] for event in events if event.get("sg_event_id"))


def lost_receipts(engine: Engine, file: Path) -> int:
    """How many receipts were acknowledged and are not stored."""
    with engine.connect() as connection:
        stored = {bytes(key) for key in connection.scalars(text("select event_key from receipt"))}
    return sum(event_hash(key) not in stored for key in acknowledged_events(file))
