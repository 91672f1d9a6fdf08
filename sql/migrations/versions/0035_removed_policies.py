from sql.migrations.script import run_sql_beside

revision = "0035_removed_policies"
down_revision = "0034_upstream"


def upgrade() -> None:
    run_sql_beside(__file__)
