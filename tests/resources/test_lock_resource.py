"""LockResource in a real op: what the run's log says of waiting."""

import threading
from datetime import timedelta

import pytest
from dagster import DagsterInstance, In, Nothing, job, op

from resources.lock import DistributedLock
from resources.postgres import LockResource, shared_database
from resources.states import LockStrategy

LONG = timedelta(seconds=20)


@pytest.fixture
def shared(settings, monkeypatch):
    """The process's pool leads to the test's database."""
    monkeypatch.setenv("SCHEDULER_PERSISTENCE", "postgres")
    monkeypatch.setenv("SCHEDULER_DSN", settings.conninfo())
    shared_database.cache_clear()
    yield shared_database()
    shared_database().close()
    shared_database.cache_clear()


@op
def hurry(lock: LockResource) -> None:
    assert lock.try_acquire("import", timedelta(seconds=0.2)) is None


@op(ins={"after": In(Nothing)})
def work(lock: LockResource) -> None:
    with lock.try_acquire("import", LONG) as handle:
        handle.check()


@job
def importing() -> None:
    work(after=hurry())


@job
def hurrying() -> None:
    hurry()


def test_an_op_that_waits_for_others_that_wait_says_so(shared):
    with shared.begin_system() as store:
        store.locks.wait("import", "other-host:7", LONG, store.now())
    with DagsterInstance.ephemeral() as instance:
        result = hurrying.execute_in_process(instance=instance, resources={"lock": LockResource()})
        said = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "waits for lock 'import', held by nobody; 1 ahead" in said


@pytest.mark.parametrize("strategy", LockStrategy)
def test_an_op_that_waits_says_for_whom_and_how_long_it_took(shared, admin, strategy):
    holder = DistributedLock(shared, strategy, "other-host:7").try_acquire("import")
    freed = threading.Thread(target=free_when_waited_for, args=(holder, admin))
    freed.start()
    with DagsterInstance.ephemeral() as instance:
        result = importing.execute_in_process(
            instance=instance, resources={"lock": LockResource(strategy=strategy.value)}
        )
        said = [(entry.step_key, entry.user_message) for entry in instance.all_logs(result.run_id)]
    freed.join()
    waits = "waits for lock 'import', held by other-host:7 since 20"
    told = [(step, text) for step, text in said if "lock 'import'" in text]
    assert [step for step, _ in told] == ["hurry", "hurry", "work", "work"]
    assert told[0][1].startswith(waits)
    assert told[0][1].endswith(f"under token {holder.fencing_token}; 0 ahead")
    assert told[1][1] == "did not get lock 'import' within 0:00:00.200000"
    assert told[2][1].startswith(waits)
    assert told[3][1].startswith("took lock 'import' under token ")


def free_when_waited_for(holder, admin):
    """Releases the lock once the second op waits for it."""
    longest = "SELECT max(ticket) FROM scheduler.lock_waiters"
    while (seen := admin.execute(longest).fetchone()[0]) is None or seen < 2:
        assert not holder.lost
    holder.release()
