"""Promises: tasks, the messages to customers that wait to be sent, and a deputy for each queue."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_queue", sa.Column("deputy", AutoString(), nullable=True))
    op.create_table(
        "task",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("owner", AutoString(), nullable=False),
        sa.Column("person", AutoString(), nullable=True),
        sa.Column("skill", AutoString(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("arrived_at", UTCDateTime(), nullable=False),
        sa.Column("interaction", AutoString(), nullable=False),
        sa.Column("escalation", AutoString(), nullable=False),
        sa.Column("case", AutoString(), nullable=False),
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("queue", AutoString(), nullable=False),
        sa.Column("number", AutoString(), nullable=False),
        sa.Column("customer", AutoString(), nullable=True),
        sa.Column("sentence", AutoString(), nullable=False),
        sa.Column("outcome", AutoString(), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    for column in ("owner", "interaction", "case", "closed_at"):
        op.create_index(op.f(f"ix_task_{column}"), "task", [column])
    op.create_table(
        "outbox",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("task", AutoString(), nullable=False),
        sa.Column("interaction", AutoString(), nullable=False),
        sa.Column("about", AutoString(), nullable=False),
        sa.Column("number", AutoString(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("sent_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    for column in ("task", "sent_at"):
        op.create_index(op.f(f"ix_outbox_{column}"), "outbox", [column])


def downgrade() -> None:
    op.drop_table("outbox")
    op.drop_table("task")
    op.drop_column("service_queue", "deputy")
