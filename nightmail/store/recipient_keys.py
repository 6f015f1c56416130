"""How the messages of an address or a contact are found in a ledger of any size: by ``message_recipient``."""

from __future__ import annotations


def messages_of(addresses: str | None = None, contacts: str | None = None) -> str:
    """SQL: a table of ``ledger_month`` and ``message_key``, for a ``from`` clause.

    ``addresses`` is the SQL expression of a ``bytea[]`` of address hashes, ``contacts`` that of a ``text[]`` of contact ids;
    neither is ever input. The rows found are those of the first halves of the hashes: the statement compares
    ``address_hash`` or ``contact_id`` of the message itself as well.
    """
    found = [
        f"select r.ledger_month, r.message_key from message_recipient r where r.{column} = any(array(select {column}(each) "  # noqa: S608
        f"from unnest({values}) as each))"
        for column, values in (("address_key", addresses), ("contact_key", contacts))
        if values is not None
    ]
    return f"({' union '.join(found)})"


# A limit that limits nothing keeps the planner to the primary key: just after a load it would read the whole month.
EACH_MESSAGE = """lateral (
    select * from message where ledger_month = k.ledger_month and message_key = k.message_key offset 0)"""
"""SQL: the ledger's row of each ``k``, a row of :func:`messages_of`."""
