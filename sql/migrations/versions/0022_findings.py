from sql.migrations.script import run_sql_beside

revision = "0022_findings"
down_revision = "0021_chain"


def upgrade() -> None:
    run_sql_beside(__file__)
