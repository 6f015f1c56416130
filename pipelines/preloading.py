"""What runs need, imported once, into the process that they are forked from.

Modules import heavy libraries where they are used, so that a command which uses few starts fast. A run uses most of them,
and each run would load them again: that took a third of the CPU of a small file's run. Importing this module loads the
rest of the product's modules, the locales' data, the numbering plans and a few libraries; one that is not there is passed
over.
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
"""Libraries' modules that runs import late."""
LOCALES = ("en", "de", "fr", "es")


def load() -> None:
    """Import everything below ``nightmail`` and ``resources`` and what they import late, and build their tables."""
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
    from nightmail.audience.closed_days import load_calendars
    from nightmail.row_checks.reference_data import load_reference_data
    from nightmail.templates.formats import Formats

    load_reference_data()
    load_calendars()

    for locale in LOCALES:
        with contextlib.suppress(Exception):
            Formats(locale)


load()
