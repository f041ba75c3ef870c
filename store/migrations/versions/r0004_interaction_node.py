"""Which node an interaction lived on: only that node, when it comes back, may call it lost."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("interaction", sa.Column("node", AutoString(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("interaction", "node")
