from sql.migrations.script import run_sql_beside

revision = "0020_vex"
down_revision = "0019_backlog"


def upgrade() -> None:
    run_sql_beside(__file__)
