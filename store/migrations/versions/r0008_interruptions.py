"""When people were interrupted: their hourly limits hold over a restart. And who let it ring too often."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "interruption",
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("person", "at", name=op.f("pk_interruption")),
    )
    op.create_table(
        "unconfirmed",
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_unconfirmed")),
    )


def downgrade() -> None:
    op.drop_table("unconfirmed")
    op.drop_table("interruption")
