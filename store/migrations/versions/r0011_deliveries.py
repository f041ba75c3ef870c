"""Texts to customers wait beside the webhooks, each on a channel of its own. What was written before texts could be
sent is in the event log."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEXED = ("stream", "sent_at", "dead_at")


def upgrade() -> None:
    op.drop_table("outbox")
    _rename("webhook", "delivery")
    op.add_column("delivery", sa.Column("channel", AutoString(), nullable=False, server_default="webhook"))


def downgrade() -> None:
    op.execute("DELETE FROM delivery WHERE channel <> 'webhook'")
    op.drop_column("delivery", "channel")
    _rename("delivery", "webhook")
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


def _rename(old: str, new: str) -> None:
    for column in INDEXED:
        op.drop_index(op.f(f"ix_{old}_{column}"), old)
    op.rename_table(old, new)
    for column in INDEXED:
        op.create_index(op.f(f"ix_{new}_{column}"), new, [column])
