from sql.migrations.script import run_sql_beside

revision = "0030_covered"
down_revision = "0029_ingested"


def upgrade() -> None:
    run_sql_beside(__file__)
