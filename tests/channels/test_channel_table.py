"""The table ``channel``: every upgrade brings it up to the code, and statements make ids with it as Python does."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from nightmail.channels import CHANNELS
from nightmail.errors import ConfigurationError
from nightmail.message_ids import MAXIMUM_LINE, MessageId, channel_code_in_sql, id_in_sql
from nightmail.store.upgrade import pending, upgrade
from tests.support.toy_channels import registered, toy_channel

TOKEN = "c0123456789"


def _rows(engine: Engine) -> dict[int, str]:
    with engine.connect() as connection:
        return {row.code: row.name for row in connection.execute(text("select code, name from channel"))}


def test_an_upgrade_adds_the_channels_of_the_code(database: Engine, owner: Engine) -> None:
    """Those of the product are there after the migration, one more after the next upgrade, and it stays."""
    ours = {channel.code: channel.name for channel in CHANNELS.values()}
    assert _rows(database) == ours
    with registered(toy_channel("pager", 5)):
        assert pending(database)
        upgrade(owner)
        assert not pending(database)
    upgrade(owner)
    assert _rows(database) == {**ours, 5: "pager"}


def test_a_code_that_stands_for_another_name_is_refused(database: Engine, owner: Engine) -> None:
    """The ids of messages that were sent with it would change."""
    with registered(toy_channel("pager", 5)):
        upgrade(owner)
    with registered(toy_channel("telex", 5)), pytest.raises(ConfigurationError) as refused:
        upgrade(owner)
    assert refused.value.reason == "channel_code_taken"
    assert _rows(database)[5] == "pager"


def test_statements_make_the_same_ids(database: Engine, owner: Engine) -> None:
    """The function that webhooks use and the expression that reports use, for every channel and the ends of the range."""
    expression = id_in_sql("m.key", ":token", "h.name")
    statement = text(
        f"select message_id_of(m.key, :token) as of_function, {expression} as of_expression "
        f"from (select cast(:key as bigint) as key) m left join channel h on h.code = {channel_code_in_sql('m.key')}"
    )
    with registered(toy_channel("pager", 5)):
        upgrade(owner)
        with database.connect() as connection:
            for name in CHANNELS:
                for line, step in ((2, 0), (MAXIMUM_LINE, 15)):
                    message = MessageId(TOKEN, line, name, step)
                    row = connection.execute(statement, {"key": message.key(2**25 - 1), "token": TOKEN}).one()
                    assert row.of_function == row.of_expression == str(message)
