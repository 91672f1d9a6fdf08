from sql.migrations.script import run_sql_beside

revision = "0006_retention"
down_revision = "0005_work_items"


def upgrade() -> None:
    run_sql_beside(__file__)
