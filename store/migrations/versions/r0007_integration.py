"""Hooks to other systems waiting to be sent, and what a log-in by an identity provider needs."""

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
