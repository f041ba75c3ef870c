"""The first schema, and the triggers that keep the event log append-only.

A later migration that rebuilds the event table (batch mode on SQLite) must make its triggers again.
"""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQLITE_TRIGGERS = [
    f"CREATE TRIGGER event_no_{verb} BEFORE {verb} ON event "
    "BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END"
    for verb in ("update", "delete")
]
POSTGRESQL_TRIGGERS = [
    "CREATE FUNCTION event_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the event log is append-only'; END $$",
    "CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
    "FOR EACH STATEMENT EXECUTE FUNCTION event_append_only()",
]


def upgrade() -> None:
    make_tables()
    triggers = SQLITE_TRIGGERS if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_TRIGGERS
    for statement in triggers:
        op.execute(statement)


def make_tables() -> None:
    op.create_table(
        "binding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("aor", AutoString(), nullable=False),
        sa.Column("contact_uri", AutoString(), nullable=False),
        sa.Column("received_address", AutoString(), nullable=False),
        sa.Column("call_id", AutoString(), nullable=False),
        sa.Column("cseq", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("user_agent", AutoString(), nullable=False),
        sa.Column("instance", AutoString(), nullable=False),
        sa.Column("reg_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_binding")),
    )
    op.create_index(op.f("ix_binding_aor"), "binding", ["aor"])

    op.create_table(
        "case_record",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("queue", AutoString(), nullable=False),
        sa.Column("customer", AutoString(), nullable=True),
        sa.Column("template", sa.JSON(), nullable=False),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("standing", sa.JSON(), nullable=False),
        sa.Column("outcome", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_record")),
    )
    op.create_index(op.f("ix_case_record_customer"), "case_record", ["customer"])

    op.create_table(
        "customer",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("note", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    op.create_table(
        "escalation",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("interaction", AutoString(), nullable=False),
        sa.Column("agent", AutoString(), nullable=False),
        sa.Column("specialist", AutoString(), nullable=False),
        sa.Column("requested_at", UTCDateTime(), nullable=False),
        sa.Column("rendered_at", UTCDateTime(), nullable=True),
        sa.Column("invited_at", UTCDateTime(), nullable=True),
        sa.Column("ringing_at", UTCDateTime(), nullable=True),
        sa.Column("accepted_at", UTCDateTime(), nullable=True),
        sa.Column("joined_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("result", AutoString(), nullable=True),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("outcome", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation")),
    )
    op.create_index(op.f("ix_escalation_interaction"), "escalation", ["interaction"])

    op.create_table(
        "event",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("interaction", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_event")),
        sa.UniqueConstraint("id", name=op.f("uq_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_event_interaction_sequence"), "event", ["interaction", "sequence"])

    op.create_table(
        "interaction",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("phase", AutoString(), nullable=False),
        sa.Column("enqueued_at", UTCDateTime(), nullable=False),
        sa.Column("queue", AutoString(), nullable=True),
        sa.Column("customer", AutoString(), nullable=True),
        sa.Column("case", AutoString(), nullable=True),
        sa.Column("caller_number", AutoString(), nullable=False),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("closed_at", UTCDateTime(), nullable=True),
        sa.Column("agent", AutoString(), nullable=True),
        sa.Column("end_result", AutoString(), nullable=True),
        sa.Column("end_reason", AutoString(), nullable=False),
        sa.Column("disposition", AutoString(), nullable=False),
        sa.Column("fcr", sa.Boolean(), nullable=True),
        sa.Column("customer_wait_s", sa.Float(), nullable=False),
        sa.Column("agent_s", sa.Float(), nullable=False),
        sa.Column("specialist_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interaction")),
    )
    op.create_index(op.f("ix_interaction_closed_at"), "interaction", ["closed_at"])
    op.create_index(op.f("ix_interaction_customer"), "interaction", ["customer"])
    op.create_index(op.f("ix_interaction_enqueued_at"), "interaction", ["enqueued_at"])

    op.create_table(
        "lease",
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("holder", AutoString(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_lease")),
    )
    op.create_table(
        "person",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("title", AutoString(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("skills", sa.JSON(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("off_hook_accepts", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
    )
    op.create_table(
        "service_queue",
        sa.Column("id", AutoString(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("number", AutoString(), nullable=False),
        sa.Column("skill", AutoString(), nullable=False),
        sa.Column("least_level", sa.Integer(), nullable=False),
        sa.Column("ring_timeout_s", sa.Float(), nullable=False),
        sa.Column("wrap_up_s", sa.Float(), nullable=False),
        sa.Column("greeting", AutoString(), nullable=False),
        sa.Column("specialist_skills", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_queue")),
        sa.UniqueConstraint("number", name=op.f("uq_service_queue_number")),
    )
    op.create_table(
        "trunk",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.Column("outbound_uri", AutoString(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_trunk")),
    )
    op.create_table(
        "agent_status",
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("status", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_agent_status_person_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_agent_status")),
    )
    op.create_table(
        "case_template",
        sa.Column("queue", AutoString(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["queue"], ["service_queue.id"], name=op.f("fk_case_template_queue_service_queue")),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_case_template")),
    )
    op.create_table(
        "case_value",
        sa.Column("case", AutoString(), nullable=False),
        sa.Column("field", AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("author", AutoString(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["case_record.id"], name=op.f("fk_case_value_case_case_record")),
        sa.PrimaryKeyConstraint("case", "field", "version", "author", name=op.f("pk_case_value")),
    )
    op.create_table(
        "customer_number",
        sa.Column("number", AutoString(), nullable=False),
        sa.Column("customer", AutoString(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer"], ["customer.id"], name=op.f("fk_customer_number_customer_customer")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_customer_number")),
    )
    op.create_index(op.f("ix_customer_number_customer"), "customer_number", ["customer"])

    op.create_table(
        "past_contact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer", AutoString(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("channel", AutoString(), nullable=False),
        sa.Column("summary", AutoString(), nullable=False),
        sa.Column("outcome", AutoString(), nullable=False),
        sa.Column("handled_by", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["customer"], ["customer.id"], name=op.f("fk_past_contact_customer_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_contact")),
    )
    op.create_index(op.f("ix_past_contact_customer"), "past_contact", ["customer"])

    op.create_table(
        "sip_credential",
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("username", AutoString(), nullable=False),
        sa.Column("realm", AutoString(), nullable=False),
        sa.Column("ha1_md5", AutoString(), nullable=False),
        sa.Column("ha1_sha256", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_sip_credential_person_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_sip_credential")),
        sa.UniqueConstraint("username", name=op.f("uq_sip_credential_username")),
    )
    op.create_table(
        "web_password",
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("hash", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_web_password_person_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_web_password")),
    )
    op.create_table(
        "web_session",
        sa.Column("id_hash", AutoString(), nullable=False),
        sa.Column("person", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("user_agent", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_web_session_person_person")),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_web_session")),
    )
    op.create_index(op.f("ix_web_session_expires_at"), "web_session", ["expires_at"])
    op.create_index(op.f("ix_web_session_person"), "web_session", ["person"])


def downgrade() -> None:
    for table in (
        "web_session",
        "web_password",
        "sip_credential",
        "past_contact",
        "customer_number",
        "case_value",
        "case_template",
        "agent_status",
        "trunk",
        "service_queue",
        "person",
        "lease",
        "interaction",
        "event",
        "escalation",
        "customer",
        "case_record",
        "binding",
    ):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION event_append_only()")
