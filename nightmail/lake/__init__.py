"""The lake: Parquet tables by asset and partition, their columns, and masks over Arrow columns.

What belongs here: how a table is written whole and read in blocks, and the schemas that analysts rely on. What does not:
what a stage computes (the room of that stage), and anything in PostgreSQL (:mod:`nightmail.store`).
"""

from __future__ import annotations

from nightmail.lake.storage import BLOCK_ROWS, Lake, TableFile, TableWriter, column_of

__all__ = ["BLOCK_ROWS", "Lake", "TableFile", "TableWriter", "column_of"]
