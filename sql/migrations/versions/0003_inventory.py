from sql.migrations.script import run_sql_beside

revision = "0003_inventory"
down_revision = "0002_scheduler"


def upgrade() -> None:
    run_sql_beside(__file__)
