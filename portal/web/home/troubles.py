"""What is wrong, in one sentence each, worst first: what a person on call reads before anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nightmail.campaigns.alerts import AlertRow
from nightmail.reports.at_a_glance import Glance
from portal.web.channel_words import channel_label
from portal.web.navigation import sections_for
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext, ngettext


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong, and where it is looked at (empty: nowhere that this person may go)."""

    text: str
    address: str
    bad: bool = True
    """Whether messages fail or do not go because of it; else they may."""


def troubles_of(me: SignedIn, glance: Glance, alerts: Sequence[AlertRow]) -> list[Trouble]:
    """What is wrong of what this person may see, worst first."""
    there = _pages(me)

    def page(*addresses: str) -> str:
        return next((each for each in addresses if each.partition("?")[0] in there), "")

    found: list[Trouble] = []
    if stopped := glance.states.get("stopped", 0):
        text = ngettext(
            "%(count)s campaign was stopped in the last day",
            "%(count)s campaigns were stopped in the last day",
            stopped,
        )
        found.append(Trouble(text % {"count": stopped}, page("/campaigns?state=stopped")))
    for channel in dict.fromkeys(each.channel for each in glance.suspensions):
        text = gettext("%(channel)s is suspended, in whole or in part") % {"channel": channel_label(channel)}
        found.append(Trouble(text, page("/suspensions", "/campaigns?state=sending")))
    for server in glance.servers:
        if server.failing_since is not None:
            text = gettext("The SFTP server %(server)s does not answer as it should") % {"server": server.name}
            found.append(Trouble(text, page("/alerts")))
    found += [Trouble(alert.message, page("/alerts")) for alert in alerts if not _said(alert, glance)][:4]
    if glance.failing_accounts:
        count = len(glance.failing_accounts)
        text = ngettext(
            "%(count)s carrier account answers badly, and gives messages to others",
            "%(count)s carrier accounts answer badly, and give messages to others",
            count,
        )
        found.append(Trouble(text % {"count": count}, page("/alerts"), bad=False))
    if glance.late:
        text = ngettext(
            "%(count)s campaign ends after its cut-off", "%(count)s campaigns end after their cut-off", glance.late
        )
        found.append(Trouble(text % {"count": glance.late}, page("/campaigns?state=open"), bad=False))
    if glance.in_doubt:
        text = ngettext("%(count)s message is in doubt", "%(count)s messages are in doubt", glance.in_doubt)
        found.append(Trouble(text % {"count": glance.in_doubt}, page("/doubts", "/alerts"), bad=False))
    return found


def needs_of(me: SignedIn) -> list[Trouble]:
    """What waits for this person, though nothing is wrong: what the navigation counts, but for alerts."""
    return [
        Trouble(f"{link.count} {link.count_means}", link.address, bad=False)
        for section in sections_for(me, "/")
        for link in section.links
        if link.count and link.address == "/approvals"
    ]


def _said(alert: AlertRow, glance: Glance) -> bool:
    """Whether a sentence about a server says it already."""
    return any(alert.subject == f"sftp:{server.name}" for server in glance.servers if server.failing_since is not None)


def _pages(me: SignedIn) -> set[str]:
    return {link.address for section in sections_for(me, "/") for link in section.links}
