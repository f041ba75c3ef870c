"""Hooks to other systems waiting to be sent, and what a log-in by an identity provider needs."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("web_session", sa.Column("address", AutoString(), nullable=False, server_default=""))
    op.create_table(
        "pending_login",
        sa.Column("state_hash", AutoString(), nullable=False),
        sa.Column("browser_hash", AutoString(), nullable=False),
        sa.Column("nonce", AutoString(), nullable=False),
        sa.Column("verifier", AutoString(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_pending_login")),
    )
    op.create_index(op.f("ix_pending_login_expires_at"), "pending_login", ["expires_at"])
    op.create_table(
        "webhook",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("stream", AutoString(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event", AutoString(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("holder", AutoString(), nullable=False),
        sa.Column("held_until", sa.Float(), nullable=False),
        sa.Column("sent_at", sa.Float(), nullable=True),
        sa.Column("dead_at", sa.Float(), nullable=True),
        sa.Column("problem", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    for column in ("stream", "sent_at", "dead_at"):
        op.create_index(op.f(f"ix_webhook_{column}"), "webhook", [column])


def downgrade() -> None:
    op.drop_table("webhook")
    op.drop_table("pending_login")
    op.drop_column("web_session", "address")
