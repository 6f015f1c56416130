"""Say which organisation file a price came from, so that it can be taken out again with it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Only a file makes prices: they came from the one of the one organisation that there is, or it is not known from which.
_FROM_THE_ONE = """
update price set provisioned_by = (select min(path) from team where path not like '%.%')
where (select count(*) from team where path not like '%.%') = 1
"""


def upgrade() -> None:
    op.add_column("price", sa.Column("provisioned_by", sa.Text()))
    op.execute(_FROM_THE_ONE)
