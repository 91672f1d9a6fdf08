from sql.migrations.script import run_sql_beside

revision = "0027_findings_refer"
down_revision = "0026_cheap_checks"


def upgrade() -> None:
    run_sql_beside(__file__)
