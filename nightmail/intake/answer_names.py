"""What the names of answers to a contact file end in: beside an upload they tell the product's files from people's."""

from __future__ import annotations

RESULT_SUFFIX = ".result.json"
REJECTS_SUFFIX = ".rejects.csv"
ENCRYPTED_SUFFIX = ".pgp"
"""Comes after the others where the upload was encrypted."""
