"""Verifying the audit log: is every entry that was sealed still there, as it was, and no other among them?"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text

from nightmail.audit import queries
from nightmail.audit.seal_hashes import EntriesDigest, Seal, chain_key, seal_hash
from nightmail.audit.sealing import Head
from nightmail.audit.streams import stream
from nightmail.reasons import sentence


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed; ``code`` is a reason's, ``message`` its sentence."""

    code: str
    message: str


@dataclass(slots=True)
class Verdict:
    """What a verification found. Without findings, all that was sealed is there and unchanged."""

    entries: int = 0
    """Entries that are sealed and were read."""
    seals: int = 0
    head: Head | None = None
    unsealed: int = 0
    oldest_unsealed: dt.datetime | None = None
    months_gone: list[str] = field(default_factory=list)
    """Months that retention took, as their entries in the log say."""
    findings: list[Finding] = field(default_factory=list)

    def found(self, code: str, **fields: object) -> None:
        """Add a finding."""
        self.findings.append(Finding(code, sentence(code, **fields)))


@dataclass(slots=True)
class _Stored:
    seal: Seal
    hash: bytes


def verify(engine: Engine, secret_key: bytes, known: Head | None = None) -> Verdict:
    """Compare the whole log with its seals; ``known`` is a head that was kept elsewhere. Changes nothing.

    One reading of a consistent snapshot, month by month: memory grows with the seals of a month, not with entries.
    """
    verdict = Verdict()
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ")
        _verify_chain(connection, verdict, chain_key(secret_key), known)
        last = connection.execute(text(_LAST)).one_or_none()
        for month in _months(connection):
            _verify_month(connection, verdict, month, last)
    return verdict


_LAST = "select epoch, to_transaction from audit_seal order by number desc limit 1"


def _verify_chain(connection: Connection, verdict: Verdict, key: bytes, known: Head | None) -> None:
    former, expected = b"", 1
    seen_known = known is None
    for stored in _seals(connection, "select * from audit_seal order by number", {}):
        number = stored.seal.number
        if number != expected:
            verdict.found("audit_seals_missing", first=expected, last=number - 1)
        elif seal_hash(stored.seal, former, key) != stored.hash:
            verdict.found("audit_seal_changed", number=number)
        if known is not None and number == known.number:
            seen_known = known.hash == stored.hash
        former, expected = stored.hash, number + 1
        verdict.seals += 1
        verdict.head = Head(number, stored.hash, stored.seal.epoch)
    if known is not None and not seen_known and not _restored_since(connection, known):
        verdict.found("audit_end_missing", number=known.number)


def _restored_since(connection: Connection, known: Head) -> bool:
    """Whether a backup of before a seal was restored since, which the log says itself."""
    return bool(
        connection.scalar(
            text("select exists (select from audit where action = 'database.restored' and epoch > :epoch)"),
            {"epoch": known.epoch},
        )
    )


def _seals(connection: Connection, statement: str, values: dict[str, Any]) -> Iterator[_Stored]:
    for row in stream(connection, statement, values):
        fields = {name: getattr(row, name) for name in Seal.__dataclass_fields__}
        yield _Stored(Seal(**fields | {"digest": bytes(row.digest)}), bytes(row.hash))


def _months(connection: Connection) -> list[dt.date]:
    months = set()
    for row in connection.execute(text(queries.KNOWN_MONTHS)):
        year, month = row.partition.rsplit("_", 2)[1:] if row.partition else (row.month.year, row.month.month)
        months.add(dt.date(int(year), int(month), 1))
    return sorted(months)


def _verify_month(connection: Connection, verdict: Verdict, month: dt.date, last: Any) -> None:
    statement = "select * from audit_seal where month = :month order by epoch, to_transaction, number"
    seals = [stored.seal for stored in _seals(connection, statement, {"month": month})]
    gone = connection.execute(
        text("select entries, last_seal from audit_month_gone where month = :month"), {"month": month}
    ).one_or_none()
    if gone is not None:
        _verify_gone(connection, verdict, month, seals, gone)
    ends = [(seal.epoch, seal.to_transaction) for seal in seals]
    digests = [EntriesDigest() for _ in seals]
    for row in stream(connection, queries.ENTRIES_OF_MONTH, {"month": month}):
        place = (row.epoch, row.transaction)
        at = bisect_right(ends, place)
        if at < len(seals) and (seals[at].epoch, seals[at].from_transaction) <= place:
            digests[at].add(row)
            verdict.entries += 1
        elif last is not None and place < (last.epoch, last.to_transaction):
            verdict.found("audit_entry_added", id=row.id, month=f"{month:%Y-%m}")
        else:
            verdict.unsealed += 1
            verdict.oldest_unsealed = min(row.at, verdict.oldest_unsealed or row.at)
    if gone is None:
        for seal, digest in zip(seals, digests, strict=True):
            _compare(verdict, seal, digest)


def _compare(verdict: Verdict, seal: Seal, digest: EntriesDigest) -> None:
    if digest.digest() == seal.digest:
        return
    fields = {
        "number": seal.number,
        "first": seal.first_id,
        "last": seal.last_id,
        "sealed_at": f"{seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC",
    }
    if digest.entries < seal.entries:
        verdict.found("audit_entries_missing", missing=seal.entries - digest.entries, **fields)
    elif digest.entries > seal.entries:
        verdict.found("audit_entries_too_many", more=digest.entries - seal.entries, **fields)
    else:
        verdict.found("audit_entries_changed", **fields)


def _verify_gone(connection: Connection, verdict: Verdict, month: dt.date, seals: list[Seal], gone: Any) -> None:
    """A month that went must be one that retention took: what it wrote of it is an entry, and the seals agree."""
    name = f"{month:%Y-%m}"
    told = connection.execute(
        text(
            "select detail from audit where action = 'audit.month_deleted' and object = :month and actor = 'retention' "
            "and detail @> cast(:detail as jsonb)"
        ),
        {"month": name, "detail": f'{{"entries": {gone.entries}, "last_seal": {gone.last_seal}}}'},
    ).first()
    # Of a month that went long ago the entry may have gone with its own month.
    later_gone = connection.scalar(
        text("select exists (select from audit_month_gone where month > :month)"), {"month": month}
    )
    agrees = gone.entries == sum(seal.entries for seal in seals) and gone.last_seal == max(
        (seal.number for seal in seals), default=0
    )
    if agrees and (told is not None or later_gone):
        verdict.months_gone.append(name)
    else:
        verdict.found("audit_month_missing", month=name)
