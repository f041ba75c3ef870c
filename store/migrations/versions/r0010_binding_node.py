"""Which node a phone registered at: only that node may ring it by this registration, also after a restart."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("binding", sa.Column("node", AutoString(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("binding", "node")
