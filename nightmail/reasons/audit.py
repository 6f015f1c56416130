"""What the verification of the audit log finds."""

from __future__ import annotations

from nightmail.reasons.reason import Kind, Reason

_ASK = (
    "Keep the database as it is, compare with a backup and with the copies outside, and ask who may change its tables."
)

AUDIT = (
    Reason(
        "audit_entries_missing",
        Kind.SETUP,
        "{missing} entries of the audit log are missing from batch {number}, sealed at {sealed_at} (ids {first} to {last}).",
        _ASK,
        title="Entries of the audit log are missing.",
    ),
    Reason(
        "audit_entries_too_many",
        Kind.SETUP,
        "Batch {number} of the audit log, sealed at {sealed_at} (ids {first} to {last}), has {more} entries more than were sealed.",
        _ASK,
        title="Entries were added to a batch of the audit log after it was sealed.",
    ),
    Reason(
        "audit_entries_changed",
        Kind.SETUP,
        "Entries of the audit log in batch {number}, sealed at {sealed_at} (ids {first} to {last}), are not as they were sealed.",
        _ASK,
        title="Entries of the audit log were changed.",
    ),
    Reason(
        "audit_entry_added",
        Kind.SETUP,
        "The entry {id} of the audit log's month {month} stands among sealed ones and belongs to no batch.",
        _ASK,
        title="An entry was put among sealed ones of the audit log.",
    ),
    Reason(
        "audit_seals_missing",
        Kind.SETUP,
        "The batches {first} to {last} of the audit log's chain are missing.",
        _ASK,
        title="Batches of the audit log's chain are missing.",
    ),
    Reason(
        "audit_seal_changed",
        Kind.SETUP,
        "The seal of batch {number} of the audit log is not what it was made as, or was made with another secret key.",
        "Verify with the deployment's own secret key. If that was done: " + _ASK[0].lower() + _ASK[1:],
        title="A seal of the audit log's chain does not hold.",
    ),
    Reason(
        "audit_end_missing",
        Kind.SETUP,
        "The audit log's chain once reached batch {number}, as this machine's data folder says; it does no longer.",
        _ASK,
        title="The end of the audit log's chain is missing.",
    ),
    Reason(
        "audit_month_missing",
        Kind.SETUP,
        "The month {month} is missing from the audit log, and no entry says that retention took it.",
        _ASK,
        title="A month of the audit log is missing.",
    ),
)
