from sql.migrations.script import run_sql_beside

revision = "0004_runs"
down_revision = "0003_inventory"


def upgrade() -> None:
    run_sql_beside(__file__)
