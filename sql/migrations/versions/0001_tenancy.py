from sql.migrations.script import run_sql_beside

revision = "0001_tenancy"
down_revision = None


def upgrade() -> None:
    run_sql_beside(__file__)
