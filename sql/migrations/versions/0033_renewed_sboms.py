from sql.migrations.script import run_sql_beside

revision = "0033_renewed_sboms"
down_revision = "0032_binary_packages"


def upgrade() -> None:
    run_sql_beside(__file__)
