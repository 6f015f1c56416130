"""How the stand-ins' recipients behave: a reproducible mix, and addresses that always do the same.

The mix is drawn from a keyed hash of seed and address, so that the same file has the same fate in every run.

**Numbers by their last four digits** (any country; the letter says for which channel):

====  ========================================================================================
7001  refused at hand-off: 21211, not a valid number (SMS, voice)
7002  refused at hand-off: 21610, opted out (SMS)
7003  refused at hand-off: 21408, country not permitted (SMS; 21215 for voice)
7004  refused at hand-off: 21614, cannot receive SMS (SMS)
7005  refused at hand-off: 21612, this sender cannot reach it (SMS)
7006  refused at hand-off: 29999, a code nobody knows (SMS, voice)
7010  undelivered 30003 (SMS)         7011  undelivered 30005 (SMS)
7012  undelivered 30006 (SMS)         7013  undelivered 30007 (SMS)
7014  failed 30008 (SMS)              7015  sent, and never heard of again (SMS)
7020  replies ``STOP`` (SMS)          7021  replies ``YES`` (SMS)
7022  replies a sentence (SMS)        7023  replies ``HELP`` (SMS)
7030  busy (voice)                    7031  no answer (voice)
7032  answering machine (voice)       7033  failed (voice)
7034  presses 1 (voice)               7035  presses 2 (voice)
7036  asks for a repetition, then presses 1 (voice)
7037  listens and presses nothing (voice)
====  ========================================================================================

The numbers that Twilio itself reserves for tests (``+1 500 555 0001`` and so on) are refused as Twilio does.

**Mailboxes by the start of the local part**, up to ``+``, ``-``, ``.`` or a digit: ``bounce``, ``blocked``, ``dropped``,
``defer`` (then delivered), ``open``, ``click``, ``spam``, ``unsubscribe``, ``silent``, ``refuse`` (a 400 at hand-off).
"""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from typing import Any

REFUSED_SMS = {"7001": 21211, "7002": 21610, "7003": 21408, "7004": 21614, "7005": 21612, "7006": 29999}
REFUSED_CALLS = {"7001": 21211, "7003": 21215, "7006": 29999}
TWILIO_TEST_NUMBERS_SMS = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
TWILIO_TEST_NUMBERS_CALLS = {"+15005550001": 21217, "+15005550002": 21214, "+15005550003": 21215, "+15005550004": 21216}
MAGIC_SMS = {
    "7010": ("undelivered", 30003),
    "7011": ("undelivered", 30005),
    "7012": ("undelivered", 30006),
    "7013": ("undelivered", 30007),
    "7014": ("failed", 30008),
    "7015": ("silent", None),
    "7020": ("delivered", None),
    "7021": ("delivered", None),
    "7022": ("delivered", None),
    "7023": ("delivered", None),
}
MAGIC_REPLIES = {"7020": "STOP", "7021": "YES", "7022": "Thank you, I will pay on Friday.", "7023": "HELP"}
MAGIC_CALLS = {
    "7030": ("busy", ""),
    "7031": ("no-answer", ""),
    "7032": ("machine", ""),
    "7033": ("failed", ""),
    "7034": ("human", "1"),
    "7035": ("human", "2"),
    "7036": ("human", "r1"),
    "7037": ("human", ""),
}
MAILBOXES = ("bounce", "blocked", "dropped", "defer", "open", "click", "spam", "unsubscribe", "silent", "refuse")
_MAILBOX = re.compile(rf"({'|'.join(MAILBOXES)})(?![a-z])", re.IGNORECASE)
_UNDELIVERED_CODES = (30003, 30005, 30006, 30007)


@dataclass
class Behaviour:
    """Shares and delays, all changeable while the stand-ins run (``POST /_sandbox/behaviour``)."""

    seed: int = 1
    sms: dict[str, float] = field(
        default_factory=lambda: {"delivered": 0.965, "undelivered": 0.025, "failed": 0.01, "silent": 0.0}
    )
    email: dict[str, float] = field(
        default_factory=lambda: {"delivered": 0.96, "bounce": 0.015, "blocked": 0.01, "dropped": 0.005, "defer": 0.01}
    )
    voice: dict[str, float] = field(
        default_factory=lambda: {"human": 0.72, "machine": 0.12, "no-answer": 0.09, "busy": 0.05, "failed": 0.02}
    )
    open_share: float = 0.3
    click_share: float = 0.1
    spam_share: float = 0.001
    unsubscribe_share: float = 0.002
    key_share: float = 0.7
    """The share of people who press a key when asked."""
    repeat_share: float = 0.05
    """The share of people who ask to hear it again first."""
    repeat_key: str = "*"
    """The key that they press for it."""
    reply_share: float = 0.0
    replies: list[str] = field(default_factory=lambda: ["YES", "Thank you", "STOP"])
    delay_s: float = 0.2
    """From the hand-off to the first receipt."""
    spread_s: float = 0.5
    """Receipts are spread over so much more."""
    intermediate: bool = True
    """Whether ``queued``, ``sent`` and ``processed`` are posted, or only the end."""
    late_share: float = 0.0
    late_s: float = 30.0
    twice_share: float = 0.0
    reorder_share: float = 0.0
    """The share of messages whose last receipt comes first."""
    lost_share: float = 0.0
    """The share of messages whose receipts never come; the records have them."""
    owned_senders: list[str] = field(default_factory=list)
    """Numbers and mailboxes that the account owns; empty: any but those that Twilio's tests exclude."""
    requests_per_second: float = 0.0
    """Over so many, 429 with Retry-After; 0 is no limit."""

    clock_offset_s: float = 0.0
    """How far the carriers' clock is ahead of this machine's."""

    def change(self, content: dict[str, Any]) -> None:
        """Change some fields. Raises ``ValueError`` for one that does not exist."""
        known = {entry.name for entry in fields(self)}
        unknown = set(content) - known
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
        for name, value in content.items():
            setattr(self, name, value)

    def now(self) -> float:
        """The carriers' time, in seconds since 1970."""
        return time.time() + self.clock_offset_s

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)

    def draw(self, what: str, address: str) -> float:
        """A number in [0, 1) that depends on the seed, the question and the address alone."""
        digest = blake2b(f"{self.seed}\x1f{what}\x1f{address}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / 2**56

    def _choose(self, shares: dict[str, float], what: str, address: str) -> str:
        point = self.draw(what, address) * sum(shares.values())
        for name, share in shares.items():
            point -= share
            if point < 0:
                return name
        return next(iter(shares))

    def refused_sms(self, to: str) -> int | None:
        """The code with which a message to this number is refused."""
        return TWILIO_TEST_NUMBERS_SMS.get(to) or REFUSED_SMS.get(to[-4:])

    def refused_call(self, to: str) -> int | None:
        """The code with which a call to this number is refused."""
        return TWILIO_TEST_NUMBERS_CALLS.get(to) or REFUSED_CALLS.get(to[-4:])

    def sms_fate(self, to: str) -> tuple[str, int | None]:
        """How a message ends, with its error code: delivered, undelivered, failed or silent."""
        magic = MAGIC_SMS.get(to[-4:])
        if magic is not None:
            return magic
        status = self._choose(self.sms, "sms", to)
        if status == "undelivered":
            return status, _UNDELIVERED_CODES[int(self.draw("sms-code", to) * len(_UNDELIVERED_CODES))]
        return status, 30008 if status == "failed" else None

    def sms_reply(self, to: str) -> str | None:
        """What the recipient writes back."""
        magic = MAGIC_REPLIES.get(to[-4:])
        if magic is not None:
            return magic
        if self.reply_share and self.replies and self.draw("replies", to) < self.reply_share:
            return self.replies[int(self.draw("reply", to) * len(self.replies))]
        return None

    def call_fate(self, to: str) -> tuple[str, str]:
        """Who takes the call, and the keys pressed at each question (``r`` is the repeat key)."""
        magic = MAGIC_CALLS.get(to[-4:])
        if magic is not None:
            return magic
        fate = self._choose(self.voice, "voice", to)
        keys = ""
        if fate == "human":
            if self.draw("repeat", to) < self.repeat_share:
                keys += "r"
            if self.draw("press", to) < self.key_share:
                keys += "1" if self.draw("key", to) < 0.75 else "2"
        return fate, keys

    def email_fate(self, address: str) -> list[str]:
        """The events of one email after ``processed``, in order."""
        match = _MAILBOX.match(address)
        if match is not None:
            name = match[1].lower()
            return {
                "silent": [],
                "bounce": ["bounce"],
                "blocked": ["blocked"],
                "dropped": ["dropped"],
                "defer": ["deferred", "delivered"],
                "open": ["delivered", "open"],
                "click": ["delivered", "open", "click"],
                "spam": ["delivered", "spamreport"],
                "unsubscribe": ["delivered", "open", "unsubscribe"],
                "refuse": [],
            }[name]
        fate = self._choose(self.email, "email", address)
        if fate != "delivered":
            return ["deferred", "delivered"] if fate == "defer" else [fate]
        events = ["delivered"]
        if self.draw("open", address) < self.open_share:
            events.append("open")
            if self.draw("click", address) < self.click_share / max(self.open_share, 1e-9):
                events.append("click")
        if self.draw("spam", address) < self.spam_share:
            events.append("spamreport")
        elif self.draw("unsubscribe", address) < self.unsubscribe_share:
            events.append("unsubscribe")
        return events

    def refuses_email(self, address: str) -> bool:
        """Whether a request with this mailbox is answered 400."""
        match = _MAILBOX.match(address)
        return match is not None and match[1].lower() == "refuse"
