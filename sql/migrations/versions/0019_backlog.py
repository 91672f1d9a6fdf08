from sql.migrations.script import run_sql_beside

revision = "0019_backlog"
down_revision = "0018_notifications"


def upgrade() -> None:
    run_sql_beside(__file__)
