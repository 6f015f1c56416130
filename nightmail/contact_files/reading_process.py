"""The process in which one typed file (a workbook or Parquet) is read: the far end of :mod:`nightmail.contact_files.typed_file`.

The libraries that read these formats believe what a file says about itself: a few damaged bytes make them ask for any
amount of memory, at which they abort or the machine comes to a standstill. Here they have an address space and a time
of their own, and nothing but this process ends when they go beyond. It imports as little as it can, for every typed
file waits for it to start.
"""

from __future__ import annotations

import json
import resource
import sys
import traceback
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from nightmail.contact_files.reading_order import ReadingOrder
from nightmail.errors import ContactFileError

if TYPE_CHECKING:
    from nightmail.contact_files.parquet_reading import ParquetContacts
    from nightmail.contact_files.spreadsheets import Workbook

CPU_SECONDS = 1800
"""A million rows of forty columns take two minutes; what takes longer than this goes in circles."""


def main(descriptor: int) -> None:
    """Read what the connection ``descriptor`` asks for, and answer by it."""
    connection = Connection(descriptor)
    order = ReadingOrder(**json.loads(connection.recv_bytes()))
    _limit(resource.RLIMIT_AS, order.memory_limit)
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    # A core would be a copy of the contacts that nobody deletes.
    _limit(resource.RLIMIT_CORE, 0)
    # The process that asked has gone: there is nobody to answer.
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        try:
            _answer(connection, order)
        except ContactFileError as error:
            _send(connection, {"reason": error.reason, "fields": error.detail})
        except MemoryError:
            _send(connection, {"memory": True})
        except Exception:
            _send(connection, {"defect": traceback.format_exc()})


def _answer(connection: Connection, order: ReadingOrder) -> None:
    file = _opened(order)
    _send(connection, {"head": file.head()})
    wanted = json.loads(connection.recv_bytes())
    for block in file.blocks(**wanted):
        arrow = block.pop("arrow", None)
        _send(connection, {"block": block, "arrow": arrow is not None})
        if arrow is not None:
            connection.send_bytes(arrow)
    _send(connection, {"end": True})


def _opened(order: ReadingOrder) -> Workbook | ParquetContacts:
    if order.kind == "parquet":
        sys.meta_path.insert(0, _WithoutPandas())
        from nightmail.contact_files.parquet_reading import ParquetContacts

        return ParquetContacts(order)
    from nightmail.contact_files.spreadsheets import Workbook

    return Workbook(order)


class _WithoutPandas(MetaPathFinder):
    """Keeps pandas out, for which pyarrow looks as soon as it sees a list: importing it takes longer than most files."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        """Whether this is about pandas; all else is for others to find."""
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)
        return None


def _limit(kind: int, wanted: int) -> None:
    _, most = resource.getrlimit(kind)
    resource.setrlimit(kind, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _send(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
