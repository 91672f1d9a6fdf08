from sql.migrations.script import run_sql_beside

revision = "0010_timing"
down_revision = "0009_schedules"


def upgrade() -> None:
    run_sql_beside(__file__)
