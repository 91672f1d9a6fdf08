from sql.migrations.script import run_sql_beside

revision = "0014_lock_waiters"
down_revision = "0013_failure_policy"


def upgrade() -> None:
    run_sql_beside(__file__)
