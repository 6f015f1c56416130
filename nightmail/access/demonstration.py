"""The way into a demonstration: links that log a person in without a proof of who they are, in the sandbox only.

Whoever holds such a link is the person. So one is made, and taken, only where no message can leave the machine: while some
channel goes to the sandbox and no other carrier account is active.
"""

from __future__ import annotations

from sqlalchemy import Connection

from nightmail.access.access_links import LinkPurpose, make_link, read_link, use_link
from nightmail.errors import UsageError
from nightmail.organisation.sandbox_accounts import sandbox_use


def is_demonstrable(connection: Connection) -> bool:
    """Whether this deployment is the sandbox's alone."""
    use = sandbox_use(connection)
    return bool(use.channels) and not use.real


def refuse_outside_sandbox(connection: Connection) -> None:
    """Raise :class:`UsageError` (``demonstration_refused``) where a message could reach somebody."""
    if not is_demonstrable(connection):
        raise UsageError("demonstration_refused")


def offer_demonstration(connection: Connection, person_id: int, *, by: str) -> str:
    """The token of a new link that logs a person in once; an earlier one of theirs is over.

    Raises :class:`UsageError` (``demonstration_refused``).
    """
    refuse_outside_sandbox(connection)
    return make_link(connection, LinkPurpose.DEMONSTRATION, created_by=by, person_id=person_id)


def enter_demonstration(connection: Connection, token: str) -> int:
    """Use a link up; gives the number of the person to be logged in.

    Raises :class:`UsageError`: ``demonstration_refused``, ``access_link_wrong``, ``access_link_used``, ``access_link_expired``.
    """
    link = read_link(connection, token, LinkPurpose.DEMONSTRATION)
    refuse_outside_sandbox(connection)
    use_link(connection, link)
    if link.person_id is None:
        raise UsageError("access_link_wrong")
    return link.person_id
