"""What a run would load by itself: imported once, into the process that runs are forked from.

Modules import what is heavy where it is used, which a command that uses little is glad of. A run uses most of it, and
each run would load it again: a third of the CPU of a small file's run were the rest of our own modules, the locales'
data, numbering plans and a few libraries. Importing this module loads them; what is not there is passed over.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil

FURTHER = (
    "dagster._core.definitions.repository_definition.repository_data_builder",
    "dagster._core.execution.plan.active",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.instance.runs.run_domain",
    "dagster._core.storage.migration.utils",
    "dagster._core.storage.noop_compute_log_manager",
    "encodings.utf_8_sig",
    "fsspec.implementations.local",
    "psutil",
    "psycopg",
    "psycopg2",
    "pyarrow.csv",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "upath.implementations.local",
    "zoneinfo",
)
"""Modules of others that runs import late."""
LOCALES = ("en", "de", "fr", "es")


def load() -> None:
    """Import everything below ``nightmail`` and ``resources``, what they import late, and the tables that they make."""
    from resources.carriers import CARRIERS

    for name in (*FURTHER, *(module for carrier in CARRIERS.values() for module in carrier.modules)):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for room in ("nightmail", "resources"):
        package = importlib.import_module(room)
        for found in pkgutil.walk_packages(package.__path__, f"{room}."):
            if ".migrations" not in found.name:
                with contextlib.suppress(ImportError):
                    importlib.import_module(found.name)
    from nightmail.row_checks.reference_data import load_reference_data
    from nightmail.templates.formats import Formats

    load_reference_data()

    for locale in LOCALES:
        with contextlib.suppress(Exception):
            Formats(locale)


load()
