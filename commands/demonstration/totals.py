"""What became of the demo's contacts, counted so that every row has exactly one end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nightmail.campaigns.campaign_rows import CampaignRow
    from nightmail.lake import Lake


@dataclass
class Totals:
    """What became of the contacts, over all files of the demo."""

    rows: int = 0
    rejects: int = 0
    duplicates: int = 0
    held: int = 0
    sent: int = 0
    failed: int = 0
    delivered: int = 0
    undelivered: int = 0

    @property
    def reconcile(self) -> bool:
        """Whether every row has exactly one end."""
        ends = self.rejects + self.duplicates + self.held + self.sent + self.failed
        return self.rows == ends and self.sent == self.delivered + self.undelivered

    def line(self, report: str) -> str:
        """The demo's last line."""
        counts = " ".join(f"{name}={value}" for name, value in self.__dict__.items())
        return f"demo: {counts} report={report}"


def totals_of(lake: Lake, campaigns: Iterable[CampaignRow]) -> Totals:
    """The totals of campaigns: rows as they were counted when prepared, contacts from the lake's delivery report."""
    from commands.report import ASSET

    totals = Totals()
    for campaign in campaigns:
        totals.rows += int(campaign.counts.get("rows", 0))
        totals.rejects += int(campaign.counts.get("rejects", 0))
        totals.duplicates += int(campaign.counts.get("duplicates", 0))
    tables = [
        lake.table(ASSET, day, "day").read(["campaign", "line", "state", "status"])
        for day in lake.partitions(ASSET, "day")
    ]
    add_contacts(totals, tables)
    return totals


def add_contacts(totals: Totals, tables: list[Any]) -> None:
    """Count contacts by how they ended, from delivery reports' rows: one contact may have several messages."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from nightmail.carriers.protocol import NOT_REACHED, REACHED

    if not tables:
        return
    rows = pa.concat_tables(tables)
    accepted = pc.equal(rows["state"], "accepted")
    flags = {
        "sent": accepted,
        "failed": pc.equal(rows["state"], "failed"),
        "held": pc.equal(rows["state"], "held"),
        "delivered": pc.and_(accepted, pc.is_in(rows["status"], pa.array([str(s) for s in REACHED]))),
        "undelivered": pc.and_(accepted, pc.is_in(rows["status"], pa.array([str(s) for s in NOT_REACHED]))),
    }
    marked = pa.table({"campaign": rows["campaign"], "line": rows["line"], **flags})
    grouped = marked.group_by(["campaign", "line"]).aggregate([(name, "any") for name in flags])
    sent, delivered = grouped["sent_any"], grouped["delivered_any"]
    failed = pc.and_(grouped["failed_any"], pc.invert(sent))
    held = pc.and_(grouped["held_any"], pc.invert(pc.or_(sent, grouped["failed_any"])))
    undelivered = pc.and_(grouped["undelivered_any"], pc.invert(delivered))
    for name, column in (
        ("sent", sent),
        ("failed", failed),
        ("held", held),
        ("delivered", delivered),
        ("undelivered", undelivered),
    ):
        setattr(totals, name, getattr(totals, name) + int(pc.sum(column).as_py() or 0))
