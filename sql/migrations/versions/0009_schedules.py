from sql.migrations.script import run_sql_beside

revision = "0009_schedules"
down_revision = "0008_locks"


def upgrade() -> None:
    run_sql_beside(__file__)
