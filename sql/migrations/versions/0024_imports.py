from sql.migrations.script import run_sql_beside

revision = "0024_imports"
down_revision = "0023_exploits"


def upgrade() -> None:
    run_sql_beside(__file__)
