"""Who helped, and who asked for help, found fast: what came of it is shown to both."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_escalation_specialist"), "escalation", ["specialist"])
    op.create_index(op.f("ix_escalation_agent"), "escalation", ["agent"])


def downgrade() -> None:
    op.drop_index(op.f("ix_escalation_agent"), table_name="escalation")
    op.drop_index(op.f("ix_escalation_specialist"), table_name="escalation")
