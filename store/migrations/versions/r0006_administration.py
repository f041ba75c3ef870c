"""What administrators changed: versions of people, queues, numbers, templates, trunks, prompts and settings."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

QUEUE_COLUMNS = ("target_s", "ceiling_s", "specialist_ring_s")


def upgrade() -> None:
    _templates_of_their_own()
    for name in QUEUE_COLUMNS:
        op.add_column("service_queue", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("service_queue", sa.Column("template", AutoString(), nullable=False, server_default=""))
    _lists()
    op.create_table(
        "configuration_change",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("by", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("subject", AutoString(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("note", AutoString(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_change")),
    )
    op.create_index(op.f("ix_configuration_change_by"), "configuration_change", ["by"])
    op.create_index(op.f("ix_configuration_change_kind_subject_id"), "configuration_change", ["kind", "subject", "id"])


def _templates_of_their_own() -> None:
    """A template gets an id and a name of its own, so that queues can share it."""
    with op.batch_alter_table("case_template") as table:
        table.drop_constraint("fk_case_template_queue_service_queue", type_="foreignkey")
        table.alter_column("queue", new_column_name="id")
        table.add_column(sa.Column("name", AutoString(), nullable=False, server_default=""))
    op.execute(
        "UPDATE case_template SET name = "
        "COALESCE((SELECT name FROM service_queue WHERE service_queue.id = case_template.id), '')"
    )


def _lists() -> None:
    op.create_table(
        "skill",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("description", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill")),
    )
    op.create_table(
        "service_number",
        sa.Column("number", AutoString(), nullable=False),
        sa.Column("queue", AutoString(), nullable=False),
        sa.Column("note", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["queue"], ["service_queue.id"], name=op.f("fk_service_number_queue_service_queue")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_service_number")),
    )
    op.create_index(op.f("ix_service_number_queue"), "service_number", ["queue"])
    op.create_table(
        "prompt",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("recording", AutoString(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_prompt")),
    )
    op.create_table(
        "recording",
        sa.Column("digest", AutoString(), nullable=False),
        sa.Column("audio", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recording")),
    )
    op.create_table(
        "setting",
        sa.Column("key", AutoString(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_setting")),
    )


def downgrade() -> None:
    for table in ("configuration_change", "setting", "recording", "prompt", "service_number", "skill"):
        op.drop_table(table)
    for name in ("template", *QUEUE_COLUMNS):
        op.drop_column("service_queue", name)
    op.execute("DELETE FROM case_template WHERE id NOT IN (SELECT id FROM service_queue)")
    with op.batch_alter_table("case_template") as template:
        template.drop_column("name")
        template.alter_column("id", new_column_name="queue")
    with op.batch_alter_table("case_template") as template:  # together with the new name the reference would be lost
        template.create_foreign_key("fk_case_template_queue_service_queue", "service_queue", ["queue"], ["id"])
