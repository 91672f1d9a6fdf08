from sql.migrations.script import run_sql_beside

revision = "0034_upstream"
down_revision = "0033_renewed_sboms"


def upgrade() -> None:
    run_sql_beside(__file__)
