"""Queues may have business hours of their own, set on the administrator's page."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_queue", sa.Column("hours", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("service_queue", "hours")
