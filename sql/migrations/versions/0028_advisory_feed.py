from sql.migrations.script import run_sql_beside

revision = "0028_advisory_feed"
down_revision = "0027_findings_refer"


def upgrade() -> None:
    run_sql_beside(__file__)
