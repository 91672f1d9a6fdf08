from sql.migrations.script import run_sql_beside

revision = "0008_locks"
down_revision = "0007_audit_chain"


def upgrade() -> None:
    run_sql_beside(__file__)
