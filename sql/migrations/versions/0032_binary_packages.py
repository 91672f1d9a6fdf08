from sql.migrations.script import run_sql_beside

revision = "0032_binary_packages"
down_revision = "0031_quarantine"


def upgrade() -> None:
    run_sql_beside(__file__)
