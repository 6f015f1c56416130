"""What all tables share: their base with its naming of constraints, and the types of columns."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

MONEY = Numeric(14, 6)
NOW = func.now()


class Base(DeclarativeBase):
    """The base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        dt.datetime: DateTime(timezone=True),
        dt.date: Date,
        Decimal: MONEY,
        bytes: LargeBinary,
        bool: Boolean,
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


def integer_key() -> Mapped[int]:
    """Return the column ``id`` of a table whose keys the database counts up."""
    return mapped_column(Integer, Identity(), primary_key=True)
