"""Let the two changes of state that every message goes through pass without calling the trigger's function

Revision ID: 0004
Revises: 0003

A function call and a look into state_transition for each message were a third of the database's work for an email. The
trigger's condition now knows the intent and the acceptance by name, if the statement stamps the change itself; every
other change is looked up, and stamped, by the function as before.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_LOOKED_UP = "old.state is distinct from new.state"
_KNOWN = """
    new.changed_at = now() and (
        old.state = 'queued' and new.state = 'handing_over' or old.state = 'handing_over' and new.state = 'accepted')
"""


def _check_when(condition: str) -> None:
    op.execute("drop trigger message_state on message")
    op.execute(f"""
        create trigger message_state before update of state on message
        for each row when ({condition}) execute function check_message_state()
    """)


def upgrade() -> None:
    _check_when(f"{_LOOKED_UP} and not ({_KNOWN})")


def downgrade() -> None:
    _check_when(_LOOKED_UP)
