from sql.migrations.script import run_sql_beside

revision = "0017_claim"
down_revision = "0014_lock_waiters"


def upgrade() -> None:
    run_sql_beside(__file__)
