"""What the identity provider said stays with the log-in it opened, so that logging out ends the one there, too."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("web_session", sa.Column("id_token", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("web_session", "id_token")
