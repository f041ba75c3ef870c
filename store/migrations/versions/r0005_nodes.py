"""Which nodes are alive: who is silent too long has his customers called back by another.

A task belongs to the node that keeps it; until now whichever node started last took all of them up.
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "node",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("life", AutoString(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_node")),
    )
    op.add_column("task", sa.Column("node", AutoString(), nullable=False, server_default=""))
    op.add_column("task", sa.Column("taken_from", AutoString(), nullable=False, server_default=""))
    op.create_index(op.f("ix_task_node"), "task", ["node"])
    op.create_index(op.f("ix_interaction_node"), "interaction", ["node"])


def downgrade() -> None:
    op.drop_index(op.f("ix_interaction_node"), "interaction")
    op.drop_index(op.f("ix_task_node"), "task")
    op.drop_column("task", "taken_from")
    op.drop_column("task", "node")
    op.drop_table("node")
