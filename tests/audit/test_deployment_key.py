"""One secret key for all processes of a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from nightmail.audit import write_entry
from nightmail.audit.deployment_key import key_fingerprint, require_key
from nightmail.audit.sealing import seal_entries
from nightmail.errors import ConfigurationError
from nightmail.settings import Settings

KEY, OTHER = b"the key of one deployment, long enough", b"the key of another machine, long enough"


def test_the_first_process_states_the_key_and_others_must_have_it(database: Engine) -> None:
    """Working as the role that cannot write the deployment's row."""
    assert require_key(database, KEY) == key_fingerprint(KEY)
    assert require_key(database, KEY) == key_fingerprint(KEY)
    with pytest.raises(ConfigurationError) as refused:
        require_key(database, OTHER)
    assert refused.value.reason == "secret_key_other"
    assert key_fingerprint(KEY) in refused.value.message
    assert KEY.decode() not in str(refused.value)
    with database.begin() as connection:
        kept = connection.scalar(text("select keep_key('something else')"))
    assert kept == key_fingerprint(KEY), "a fingerprint that is stated stays"


def test_where_no_fingerprint_is_kept_yet_the_audit_log_knows_the_key(database: Engine) -> None:
    """A machine with a key of its own must not be the first to state it."""
    for action in ("one", "two"):
        with database.begin() as connection:
            write_entry(connection, actor="test", action=action, subject="thing:1")
        assert seal_entries(database, KEY) is not None
    with pytest.raises(ConfigurationError) as refused:
        require_key(database, OTHER)
    assert refused.value.reason == "secret_key_other"
    assert require_key(database, KEY) == key_fingerprint(KEY)


def test_a_database_of_an_earlier_version_is_to_be_upgraded(database: Engine, owner: Engine) -> None:
    with owner.begin() as connection:
        connection.execute(text("alter table deployment drop column key_fingerprint"))
    with pytest.raises(ConfigurationError) as refused:
        require_key(database, KEY)
    assert refused.value.reason == "database_not_upgraded"


@pytest.mark.parametrize("stated", [None, ""])
def test_no_machine_makes_a_key_of_its_own_beside_a_database_of_others(tmp_path: Path, stated: str | None) -> None:
    configured = Settings(data_dir=tmp_path, database_url="postgresql://u@h/d", secret_key=stated)
    with pytest.raises(ConfigurationError) as refused:
        configured.key()
    assert refused.value.reason == "secret_key_missing"
    assert not list(tmp_path.iterdir())
    (tmp_path / "secret_key").write_text("from a secret that is mounted\n")
    assert configured.key() == b"from a secret that is mounted"


def test_the_local_database_s_key_is_made_once(tmp_path: Path) -> None:
    made = Settings(data_dir=tmp_path).key()
    assert len(made) == 64
    assert Settings(data_dir=tmp_path).key() == made
