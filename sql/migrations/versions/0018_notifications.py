from sql.migrations.script import run_sql_beside

revision = "0018_notifications"
down_revision = "0017_claim"


def upgrade() -> None:
    run_sql_beside(__file__)
