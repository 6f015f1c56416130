"""The demo's address books: what a list has is what its rule says, and a send to it reaches exactly these contacts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import Engine, text

from commands.demonstration.address_book import FRIENDS, READERS, AddressBooks
from commands.demonstration.customers import Customers
from nightmail.access.principals import product_principal
from nightmail.demonstration import ACTOR
from nightmail.settings import Settings
from tests.demonstration.test_seeding import sandbox_to_seed

KEY = "a key of tests that is long enough"


def test_books_lists_and_a_send_to_one_of_them(database: Engine, tmp_path: Path) -> None:
    sandbox_to_seed(database, tmp_path)
    everybody = Customers(tmp_path / "files").everybody
    settings = Settings(data_dir=tmp_path, secret_key=KEY, public_url="http://127.0.0.1:1")
    books = AddressBooks(database, product_principal(ACTOR), settings, everybody)
    assert books.fill(dt.date(2026, 12, 1)) == READERS + FRIENDS
    key = books.send()
    with database.connect() as connection:
        assert connection.scalar(text("select count(*) from contact")) == READERS + FRIENDS
        said = connection.execute(text("select withdrawn_at is not null, count(*) from consent group by 1")).all()
        assert dict(map(tuple, said)).keys() == {True, False}
        assert connection.scalar(text("select count(*) from preference")) == 32
        sent = connection.execute(
            text(
                "select c.source, c.state, n.contacts, n.stored_path from campaign c "
                "join campaign_list n on n.campaign_id = c.id where c.key = :key"
            ),
            {"key": key},
        ).one()
        away = connection.scalars(
            text("select c.external_id from contact c join contact_group_member m on m.contact_id = c.id")
        ).all()
    assert (sent.source, sent.state) == ("list", "received")
    rows = pq.read_table(sent.stored_path).to_pylist()
    assert len(rows) == sent.contacts > 20
    assert {row["meter"][:2] for row in rows} == {"M-"} and all(row["phone"] for row in rows)
    assert not {row["external_id"] for row in rows} & set(away)
