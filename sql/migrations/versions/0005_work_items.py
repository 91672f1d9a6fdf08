from sql.migrations.script import run_sql_beside

revision = "0005_work_items"
down_revision = "0004_runs"


def upgrade() -> None:
    run_sql_beside(__file__)
