"""Messages by the ids that carriers gave them, through an index of the ids' hashes."""

from __future__ import annotations

# As the index ``ix_message_carrier_message`` has it: ids are of some forty characters, and a hash takes a fifth of them. The
# whole id is compared with the message itself.
HAS_CARRIER_ID = """carrier_message_id is not null and carrier_message_id = any(cast(:ids as text[]))
    and hashtextextended(carrier_message_id, 0) = any(array(
        select hashtextextended(i.id, 0) from unnest(cast(:ids as text[])) i(id)))"""
"""Whether a row of ``message`` has one of the ids ``:ids`` of a carrier's."""
