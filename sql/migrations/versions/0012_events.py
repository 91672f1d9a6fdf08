from sql.migrations.script import run_sql_beside

revision = "0012_events"
down_revision = "0011_calendars"


def upgrade() -> None:
    run_sql_beside(__file__)
