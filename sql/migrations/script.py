"""What every migration stub does: run the SQL file beside it and record its digest."""

import hashlib
from pathlib import Path

from alembic import op
from sqlalchemy import text


def run_sql_beside(stub: str) -> None:
    file = Path(stub).with_suffix(".sql")
    content = file.read_bytes()
    op.get_bind().exec_driver_sql(content.decode(), execution_options={"no_parameters": True})
    op.get_bind().execute(
        text("INSERT INTO scheduler.applied_migrations (revision, sha256) VALUES (:revision, :sha256)"),
        {"revision": file.stem, "sha256": hashlib.sha256(content).hexdigest()},
    )
