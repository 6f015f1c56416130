"""The nightly round of retention on the ledger: the one op of the ``retention`` job."""

import dagster as dg

from nightmail.retention.retention import retain
from resources.database import DatabaseResource


@dg.op(
    description="Deletes addresses and texts of campaigns that ended longer ago than their team keeps them, and detaches and "
    "drops the ledger's months that are old enough. What is unfinished or in doubt stays, whatever its age."
)
def keep_what_is_to_be_kept(context: dg.OpExecutionContext, database: DatabaseResource) -> None:
    """One round; safe to cut off and to repeat."""
    done = retain(database.engine)
    context.add_output_metadata(
        {
            "contents_deleted": done.contents,
            "months_detached": ", ".join(done.detached) or "none",
            "months_kept_as_unfinished": ", ".join(done.kept) or "none",
        }
    )
