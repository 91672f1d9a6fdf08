from sql.migrations.script import run_sql_beside

revision = "0021_chain"
down_revision = "0020_vex"


def upgrade() -> None:
    run_sql_beside(__file__)
