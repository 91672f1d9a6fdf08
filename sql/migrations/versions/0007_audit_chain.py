from sql.migrations.script import run_sql_beside

revision = "0007_audit_chain"
down_revision = "0006_retention"


def upgrade() -> None:
    run_sql_beside(__file__)
