from sql.migrations.script import run_sql_beside

revision = "0026_cheap_checks"
down_revision = "0025_feed_index"


def upgrade() -> None:
    run_sql_beside(__file__)
