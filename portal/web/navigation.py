"""Where one can go: the entries of the portal's navigation, each with the permission that shows it.

A new subject adds its entry here. An entry without a permission is for everybody who is signed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nightmail.access.permissions import Permission
from portal.web.signed_in import SignedIn
from portal.web.translating import gettext, marked
from portal.web.waiting import meaning_of


@dataclass(frozen=True)
class Entry:
    """One line of the navigation. ``key`` is pressed after ``g``; ``icon`` is one of heroicons."""

    address: str
    label: str
    icon: str
    permissions: tuple[Permission, ...] = ()
    """Any one of these shows the entry."""
    key: str = ""
    description: str = ""
    section: str = "work"
    for_all: bool = False
    """Whether a permission must hold for the deployment as a whole."""


ENTRIES: tuple[Entry, ...] = (
    Entry("/", marked("Home"), "home", key="h", description=marked("What needs you, and where to go")),
    Entry(
        "/send",
        marked("Send"),
        "paper-airplane",
        (Permission.CAMPAIGN_SEND,),
        key="z",
        description=marked("A message to a list, a file or some rows, looked at before it goes"),
    ),
    Entry(
        "/campaigns",
        marked("Campaigns"),
        "megaphone",
        (Permission.CAMPAIGN_SEE,),
        key="c",
        description=marked("What was sent, is being sent, waits or was stopped"),
    ),
    Entry(
        "/approvals",
        marked("Approvals"),
        "hand-raised",
        (Permission.CAMPAIGN_APPROVE,),
        key="o",
        description=marked("Campaigns that wait for a person"),
    ),
    Entry(
        "/recipients",
        marked("Find a recipient"),
        "document-magnifying-glass",
        (Permission.MESSAGE_SEE,),
        key="f",
        description=marked("What somebody got or did not get, and why"),
    ),
    Entry(
        "/messages",
        marked("Messages"),
        "queue-list",
        (Permission.MESSAGE_SEE,),
        key="m",
        description=marked("Every message, with what became of it"),
    ),
    Entry(
        "/replies",
        marked("Replies"),
        "chat-bubble-left-right",
        (Permission.REPLY_SEE,),
        key="y",
        description=marked("What recipients answered"),
    ),
    Entry(
        "/reports",
        marked("Reports"),
        "chart-bar",
        (Permission.REPORT_SEE,),
        key="n",
        description=marked("What became of what was sent, over days"),
    ),
    Entry(
        "/alerts",
        marked("Alerts"),
        "bell-alert",
        (Permission.ALERT_SEE,),
        key="e",
        description=marked("What people must look at"),
        section="attention",
    ),
    Entry(
        "/doubts",
        marked("Doubts"),
        "question-mark-circle",
        (Permission.MESSAGE_SEE,),
        key="d",
        description=marked("Messages of which it is not known whether the carrier took them"),
        section="attention",
    ),
    Entry(
        "/suspensions",
        marked("Suspensions"),
        "pause",
        (Permission.CHANNEL_SUSPEND,),
        key="s",
        description=marked("Channels and accounts that are not used for now"),
        section="attention",
    ),
    Entry(
        "/opt-outs",
        marked("Opt-outs"),
        "no-symbol",
        (Permission.SUPPRESSION_SEE,),
        key="x",
        description=marked("Addresses that must not be used, and why"),
        section="attention",
    ),
    Entry(
        "/contacts",
        marked("Contacts"),
        "book-open",
        (Permission.CONTACT_SEE,),
        key="w",
        description=marked("Whom you write to: addresses, what is known of them, duplicates, imports"),
        section="book",
    ),
    Entry(
        "/groups",
        marked("Groups"),
        "user-group",
        (Permission.CONTACT_SEE,),
        key="j",
        description=marked("Contacts that were put together by hand"),
        section="book",
    ),
    Entry(
        "/segments",
        marked("Segments"),
        "funnel",
        (Permission.CONTACT_SEE,),
        key="q",
        description=marked("Contacts that a rule chooses, as they are now"),
        section="book",
    ),
    Entry(
        "/lists",
        marked("Lists"),
        "rectangle-group",
        (Permission.CONTACT_SEE,),
        key="v",
        description=marked("Who is sent to: contacts, groups, segments and lists put together"),
        section="book",
    ),
    Entry(
        "/uploads",
        marked("Uploads"),
        "arrow-up-tray",
        (Permission.FILE_SEE,),
        key="u",
        description=marked("Contact files: giving them in, and what became of each"),
        section="content",
    ),
    Entry(
        "/feeds",
        marked("Feeds"),
        "rectangle-stack",
        (Permission.FEED_SEE,),
        key="i",
        description=marked("Standing orders: what is sent when a file comes"),
        section="content",
    ),
    Entry(
        "/templates",
        marked("Templates"),
        "document-text",
        (Permission.TEMPLATE_SEE,),
        key="l",
        description=marked("What messages say: versions, what differs, previews"),
        section="content",
    ),
    Entry(
        "/people",
        marked("People"),
        "users",
        (Permission.PEOPLE_SEE,),
        key="p",
        description=marked("Who logs in, and what they may do"),
        section="administration",
    ),
    Entry(
        "/roles",
        marked("Roles"),
        "identification",
        (Permission.PEOPLE_SEE,),
        key="r",
        description=marked("Sets of permissions, and who has them"),
        section="administration",
    ),
    Entry(
        "/teams",
        marked("Teams"),
        "building-office-2",
        (Permission.TEAM_SEE,),
        key="t",
        description=marked("The organisation as a tree"),
        section="administration",
    ),
    Entry(
        "/api-keys",
        marked("API keys"),
        "key",
        (Permission.KEY_SEE,),
        key="k",
        description=marked("Which programs may do what"),
        section="administration",
    ),
    Entry(
        "/pipeline/",
        marked("Pipeline"),
        "square-3-stack-3d",
        (Permission.PIPELINE_SEE,),
        description=marked("Runs, assets and schedules, in Dagster"),
        section="administration",
        for_all=True,
    ),
    Entry(
        "/audit",
        marked("Audit log"),
        "clipboard-document-check",
        (Permission.AUDIT_SEE,),
        key="a",
        description=marked("Who did what, when, from where"),
        section="administration",
    ),
    Entry(
        "/settings",
        marked("Settings"),
        "cog-6-tooth",
        (
            Permission.CARRIER_SEE,
            Permission.FEED_SEE,
            Permission.PRICE_SEE,
            Permission.TEAM_SEE,
            Permission.WEBHOOK_EDIT,
        ),
        key="b",
        description=marked("Carriers, senders, servers, prices, categories, webhooks"),
        section="administration",
    ),
)
"""Every entry in its order, section after section."""

SECTION_LABELS = {
    "work": marked("Main"),
    "attention": marked("Attention"),
    "book": marked("Address book"),
    "content": marked("Files and templates"),
    "administration": marked("Administration"),
}


@dataclass(frozen=True)
class Link:
    """An entry as it is shown to one person."""

    address: str
    label: str
    icon: str
    key: str
    description: str
    current: bool
    count: int
    """What waits there; shown as a badge."""
    count_means: str


@dataclass(frozen=True)
class Section:
    """A group of links under a name."""

    name: str
    label: str
    links: tuple[Link, ...]


def sections_for(me: SignedIn, path: str) -> tuple[Section, ...]:
    """What ``me`` may open, by section, in the request's language; the entry of ``path`` is the current one."""
    shown = [entry for entry in ENTRIES if _may(me, entry)]
    here = _nearest(path, [entry.address for entry in shown])
    return tuple(
        Section(name, gettext(label), links)
        for name, label in SECTION_LABELS.items()
        if (links := tuple(_link(me, entry, here) for entry in shown if entry.section == name))
    )


def is_offered(me: SignedIn, address: str) -> bool:
    """Whether the navigation leads ``me`` to ``address``: a page links to another subject's where one may go there."""
    return any(entry.address == address and _may(me, entry) for entry in ENTRIES)


def _may(me: SignedIn, entry: Entry) -> bool:
    check: Callable[[Permission], bool] = me.may_for_all if entry.for_all else me.may
    return not entry.permissions or any(map(check, entry.permissions))


def _nearest(path: str, addresses: list[str]) -> str | None:
    within = [address for address in addresses if path == address or path.startswith(address.rstrip("/") + "/")]
    longest = max(within, key=len, default=None)
    return longest if longest != "/" or path == "/" else None


def _link(me: SignedIn, entry: Entry, here: str | None) -> Link:
    means = meaning_of(entry.address)
    return Link(
        entry.address,
        gettext(entry.label),
        entry.icon,
        entry.key,
        gettext(entry.description) if entry.description else "",
        entry.address == here,
        me.waiting.get(entry.address, 0),
        gettext(means) if means else "",
    )
