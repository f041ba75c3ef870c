"""Each person's own limits on interruptions."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_limits",
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_person_limits_person_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_person_limits")),
    )


def downgrade() -> None:
    op.drop_table("person_limits")
