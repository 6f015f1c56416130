"""Receipts: stored once each, in any order, applied to their messages, and acted upon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from nightmail.campaigns.alerts import raise_alert
from nightmail.carriers.error_tables import ErrorClass, SuppressionReason
from nightmail.carriers.protocol import Receipt, ReceiptStatus
from nightmail.consent.suppressions import ASKED_FOR, record_suppressions
from nightmail.organisation.sender_users import teams_of_accounts
from nightmail.privacy import AddressHash, address_hash
from nightmail.receipts.applied_receipts import lock_messages, store_receipts
from nightmail.receipts.message_places import Place, places_by_carrier, places_by_id, retried
from nightmail.receipts.queries import ADDRESS_OF_MESSAGE
from nightmail.receipts.unproved import alert_of_foreign

_SUPPRESSING_STATUS = {
    ReceiptStatus.SPAM_REPORT: SuppressionReason.COMPLAINT,
    ReceiptStatus.UNSUBSCRIBED: SuppressionReason.OPTED_OUT,
}


@dataclass(frozen=True, slots=True)
class ReceiptsTaken:
    """What became of a batch of receipts."""

    taken: int = 0
    repeated: int = 0
    unattached: int = 0
    """Of messages that are not known here: stored all the same."""
    suppressed: int = 0


def take_receipts(engine: Engine, receipts: Sequence[Receipt], *, hash_key: bytes) -> ReceiptsTaken:
    """Store receipts and apply them to their messages; commits before it returns. Safe to repeat."""
    if not receipts:
        return ReceiptsTaken()
    return retried(lambda: _take_receipts(engine, receipts, hash_key))


def _take_receipts(engine: Engine, receipts: Sequence[Receipt], hash_key: bytes) -> ReceiptsTaken:
    distinct = list({receipt.event_key: receipt for receipt in receipts}.values())
    with engine.begin() as connection:
        by_id = places_by_id(connection, (receipt.message_id for receipt in distinct))
        by_carrier = places_by_carrier(
            connection, (r.carrier_message_id for r in distinct if r.message_id is None or r.message_id not in by_id)
        )
        places: dict[str, Place] = {}
        for receipt in distinct:
            place = by_id.get(receipt.message_id or "") or by_carrier.get(receipt.carrier_message_id or "")
            if place is not None:
                places[receipt.event_key] = place
        locked = lock_messages(
            connection, ((places[r.event_key], r.accounts) for r in distinct if r.event_key in places)
        )
        if locked.foreign:
            distinct = _without_foreign(connection, distinct, places, locked.foreign)
        new = store_receipts(connection, distinct, places, locked)
        attached = sum(receipt.event_key in places for receipt in new)
        suppressed = sum(_suppress(connection, r, places.get(r.event_key), hash_key) for r in new)
        _raise_alerts(connection, new)
    return ReceiptsTaken(len(new), len(receipts) - len(new), len(new) - attached, suppressed)


def _without_foreign(
    connection: Connection, receipts: Sequence[Receipt], places: Mapping[str, Place], foreign: Set[Place]
) -> list[Receipt]:
    """``receipts`` without those of messages that other accounts took, of which a person is alerted.

    They are not stored either: the other account's own receipt of the same event would be taken for a repetition.
    """
    kept = [receipt for receipt in receipts if places.get(receipt.event_key) not in foreign]
    for carrier in sorted({receipt.carrier for receipt in receipts if places.get(receipt.event_key) in foreign}):
        alert_of_foreign(connection, carrier)
    return kept


def _raise_alerts(connection: Connection, new: Sequence[Receipt]) -> None:
    """Raise alerts for what a person must mend, and for codes that no table of errors has."""
    for receipt in new:
        if receipt.error_class is ErrorClass.STOP_AND_ALERT:
            raise_alert(
                connection,
                reason="carrier_rejected",
                subject=f"receipt:{receipt.carrier}:{receipt.error_code}",
                message=f"{receipt.carrier} reports {receipt.error_code} after the hand-off.",
            )
    for carrier, code in sorted({(r.carrier, str(r.error_code)) for r in new if r.error_class is ErrorClass.UNKNOWN}):
        # Once a batch: a code that is in no table may be on every receipt of a campaign.
        raise_alert(
            connection,
            reason="carrier_error_unknown",
            subject=f"receipt:{carrier}:{code}",
            message=f"{carrier} reports {code} after the hand-off, which is not in the table of errors.",
        )


def _suppress(connection: Connection, receipt: Receipt, place: Place | None, hash_key: bytes) -> int:
    """Suppress what a receipt asks for: for the team of its message, or what a person asked of the whole account."""
    reason = _SUPPRESSING_STATUS.get(receipt.status)
    if reason is None and receipt.error is not None:
        reason = receipt.error.suppress_as
    if reason is None:
        return 0
    hashed: AddressHash
    if place is not None:
        to = connection.execute(text(ADDRESS_OF_MESSAGE), {"month": place.month, "key": place.key}).first()
        if to is None:
            return 0
        teams, channel, hashed = [to.team_id], to.channel, to.address_hash
    elif receipt.address is not None and receipt.accounts and str(reason) in ASKED_FOR:
        # No message: the carrier drops what the account sends to the address, whichever team's it is.
        users = teams_of_accounts(connection, receipt.channel, receipt.accounts)
        teams = [team.id for team in users]
        channel, hashed = receipt.channel, address_hash(receipt.address, hash_key)
    else:
        return 0
    made = 0
    for team_id in teams:
        made += len(
            record_suppressions(
                connection,
                [(channel, hashed)],
                team_id=team_id,
                reason=reason,
                source=f"receipt:{receipt.carrier}",
                message_id=receipt.message_id,
            )
        )
    return made
