"""A worker: a run process of Dagster's, which opens launches, carries out their runs and closes them."""

import os
import time
from datetime import timedelta
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg

from resources.errors import SchedulerError
from resources.heartbeat import Heartbeat
from resources.ids import new_id
from resources.states import JobKind, RunState
from scheduler_defs.ops.attempt import Attempt, Process, Result, carry_out
from scheduler_defs.ops.graph import build_graphs
from scheduler_defs.ops.impact import find_impact
from scheduler_defs.ops.launches import close_run, finish_launch, open_launch
from scheduler_defs.ops.policy import evaluate_policies
from tests.faults.processes import DyingDatabase, Post
from tests.faults.records import STEPS, WRITE_STEP, Journal
from tests.faults.spool import Spool, dagster_run

BEAT_EVERY = 0.5
STUCK_AFTER = timedelta(seconds=20)
REAL = {JobKind.GRAPH: build_graphs, JobKind.IMPACT: find_impact, JobKind.POLICY: evaluate_policies}


def carry(post: Post) -> None:
    """Carries launches out for ever; declared dead it goes on as another worker, as a new process would."""
    journal = Journal(post.place, "worker")
    spool = Spool(post.place / "spool", Random(f"{post.seed}-{os.getpid()}"), newest=post.newest)
    with DyingDatabase(post, journal) as database:
        while True:
            try:
                _serve(database, journal, spool)
            except (psycopg.Error, SchedulerError) as error:
                journal.write("error", error=f"{type(error).__name__}: {error}")
                time.sleep(0.1)


def _serve(database: DyingDatabase, journal: Journal, spool: Spool) -> None:
    worker_id = new_id()
    with database.begin_system() as store:
        store.workers.register(
            worker_id,
            host="here",
            pid=os.getpid(),
            kinds=list(JobKind),
            capacity=1,
            version="1",
            dagster_run_id=str(worker_id),
            now=store.now(),
        )
    journal.write("registered", worker=worker_id)
    warn = _warner(journal)
    heartbeat = Heartbeat(database, worker_id, STUCK_AFTER, warn, every=BEAT_EVERY)
    heartbeat.start()
    try:
        while not heartbeat.lost.is_set():
            taken = spool.take(worker_id)
            if taken is None:
                heartbeat.progress()
                time.sleep(0.05)
            else:
                _carry_launch(database, journal, spool, heartbeat, *taken)
    finally:
        heartbeat.stop()


def _carry_launch(
    database: DyingDatabase,
    journal: Journal,
    spool: Spool,
    heartbeat: Heartbeat,
    launch_id: UUID,
    file: Path,
) -> None:
    """What the ops of a job do with a launch; an error that leaves them fails the Dagster run."""
    process = Process(progress=heartbeat.progress)
    try:
        with database.begin_system() as store:
            kind = store.launches.get(launch_id).kind
        me = dagster_run(heartbeat.worker_id, file.name)
        opened = open_launch(database, launch_id, kind, me, heartbeat.worker_id)
        for run in opened.runs:
            engine = REAL[kind] if database.post.engine == "real" else _engine(database)
            outcome = carry_out(database, run, heartbeat.worker_id, engine, lambda *_: None, process)
            database.may_freeze("before the end", run.attempt)
            if outcome.state is None:
                journal.write("stale", run=run.id, token=run.fencing_token)
            elif close_run(database, outcome) is RunState.COMPLETED:
                journal.write("completed", run=run.id, attempt=run.attempt, token=run.fencing_token)
        if not opened.runs:
            # Nothing closes it: that it had none left, or that another has it, is for reconcile to see.
            spool.fail(file)
            return
        finish_launch(database, opened)
    except (psycopg.Error, SchedulerError) as error:
        journal.write("error", error=f"{type(error).__name__}: {error}", launch=launch_id)
        spool.fail(file)
    else:
        file.unlink(missing_ok=True)


def _engine(database: DyingDatabase):
    def engine(attempt: Attempt) -> Result:
        """Writes a few lines into a table of the tests' own, each in a guarded transaction."""
        run = attempt.run
        for step in range(STEPS):
            database.may_freeze("between transactions", run.attempt)
            with attempt.begin() as store:
                database.may_freeze("inside a transaction", run.attempt)
                store.connection.execute(
                    WRITE_STEP, [run.tenant_id, run.id, run.attempt, run.fencing_token, step]
                )
        return Result({"steps": STEPS})

    return engine


def _warner(journal: Journal):
    def warn(message: str) -> None:
        journal.write("warning", message=message)

    return warn
