from sql.migrations.script import run_sql_beside

revision = "0031_quarantine"
down_revision = "0030_covered"


def upgrade() -> None:
    run_sql_beside(__file__)
