from sql.migrations.script import run_sql_beside

revision = "0025_feed_index"
down_revision = "0024_imports"


def upgrade() -> None:
    run_sql_beside(__file__)
