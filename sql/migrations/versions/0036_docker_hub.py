from sql.migrations.script import run_sql_beside

revision = "0036_docker_hub"
down_revision = "0035_removed_policies"


def upgrade() -> None:
    run_sql_beside(__file__)
