from sql.migrations.script import run_sql_beside

revision = "0002_scheduler"
down_revision = "0001_tenancy"


def upgrade() -> None:
    run_sql_beside(__file__)
