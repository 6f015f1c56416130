"""The nightly deletion of what is old enough: the one op of the ``retention`` job."""

import dagster as dg

from nightmail.retention.expired_data import delete_expired_data as delete
from resources.database import DatabaseResource
from resources.lake import LakeResource


@dg.op(
    description="Deletes addresses and texts of campaigns that ended longer ago than their team keeps them, the files of imports and of lists "
    "that are older than that, and detaches and "
    "drops the ledger's months that are old enough. What is unfinished or in doubt stays, however old it is."
)
def delete_expired_data(context: dg.OpExecutionContext, database: DatabaseResource, lake: LakeResource) -> None:
    """Delete once; safe to cut off and to repeat."""
    deleted = delete(database.engine, lake.lake)
    context.add_output_metadata(
        {
            "contents_deleted": deleted.contents,
            "imports_forgotten": deleted.files.imports,
            "list_files_deleted": deleted.files.lists,
            "months_detached": ", ".join(deleted.months.detached) or "none",
            "months_kept_as_unfinished": ", ".join(deleted.months.still_open) or "none",
        }
    )
