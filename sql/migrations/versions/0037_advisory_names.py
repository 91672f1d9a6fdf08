from sql.migrations.script import run_sql_beside

revision = "0037_advisory_names"
down_revision = "0036_docker_hub"


def upgrade() -> None:
    run_sql_beside(__file__)
