"""The nightly deletion of what is old enough: the one op of the ``retention`` job."""

import dagster as dg

from nightmail.retention.expired_data import delete_expired_data as delete
from resources.database import DatabaseResource


@dg.op(
    description="Deletes addresses and texts of campaigns that ended longer ago than their team keeps them, and detaches and "
    "drops the ledger's months that are old enough. What is unfinished or in doubt stays, however old it is."
)
def delete_expired_data(context: dg.OpExecutionContext, database: DatabaseResource) -> None:
    """Delete once; safe to cut off and to repeat."""
    deleted = delete(database.engine)
    context.add_output_metadata(
        {
            "contents_deleted": deleted.contents,
            "months_detached": ", ".join(deleted.months.detached) or "none",
            "months_kept_as_unfinished": ", ".join(deleted.months.still_open) or "none",
        }
    )
