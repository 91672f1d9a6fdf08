from sql.migrations.script import run_sql_beside

revision = "0011_calendars"
down_revision = "0010_timing"


def upgrade() -> None:
    run_sql_beside(__file__)
