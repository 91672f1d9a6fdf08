"""Whether a connection leads to PostgreSQL itself or to a pooler in front of it."""

from psycopg import Connection
from psycopg.rows import TupleRow

from resources.repositories.base import scalar


def is_pooled(connection: Connection[TupleRow]) -> bool:
    """Whether a pooler answers: the process that the connection was promised is not the one that serves it.

    PgBouncer gives each client a key of its own for cancelling, in every mode; session mode, in which a session
    is the client's alone until it leaves, looks the same. One statement.
    """
    serving: int = scalar(connection, "session/backend_pid")
    return serving != connection.info.backend_pid
