from sql.migrations.script import run_sql_beside

revision = "0029_ingested"
down_revision = "0028_advisory_feed"


def upgrade() -> None:
    run_sql_beside(__file__)
