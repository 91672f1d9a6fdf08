"""A daemon with its sensor, as far as the ledger sees it: it claims, and submits what it was offered."""

import time
from datetime import timedelta
from functools import partial
from random import Random

import psycopg

from resources.errors import SchedulerError
from scheduler_defs.launching.packing import pack
from scheduler_defs.sensors import claim as claims
from scheduler_defs.timing import fires
from tests.faults.processes import DyingDatabase, Post
from tests.faults.records import Journal
from tests.faults.spool import Spool

LEASE = timedelta(seconds=2)
PATIENCE, POLL = timedelta(seconds=1), timedelta(milliseconds=200)


def sense(post: Post) -> None:
    """Claims for ever, a little at a time."""
    claims.TRIGGERS_A_TICK, claims.TENANTS_A_TICK, fires.OCCURRENCES_A_TRIGGER = 6, 3, 8
    claims.OFFER_LEASE, claims.CLAIMS_A_TICK = LEASE, 2
    claims.pack = partial(pack, size=post.packed)
    journal = Journal(post.place, "sensor")
    spool = Spool(post.place / "spool", Random(post.seed), post.twice)
    with DyingDatabase(post, journal) as database:
        while True:
            try:
                offers = claims.claim_or_wait(
                    database, post.owner, patience=PATIENCE, poll=POLL, sleep=time.sleep
                )
            except (psycopg.Error, SchedulerError) as error:
                journal.write("error", error=f"{type(error).__name__}: {error}")
                time.sleep(0.1)
                continue
            for offer in offers:
                database.may_die("mid-submission")
                spool.submit(offer.id)
