"""One Database between threads, as Dagster's sensors share it."""

import threading
from concurrent.futures import ThreadPoolExecutor

from resources.database import Database


def test_threads_that_come_first_at_once_share_one_pool(settings, admin):
    together = threading.Barrier(8)

    def use(database: Database) -> int:
        together.wait()
        with database.begin_system() as store:
            (pid,) = store.connection.execute("SELECT pg_backend_pid()").fetchone()
        return pid

    for _ in range(5):
        with Database(settings) as database, ThreadPoolExecutor(8) as threads:
            used = set(threads.map(use, [database] * 8))
            open_now = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'scheduler'"
            ).fetchall()
            assert used <= {pid for (pid,) in open_now}
