"""Pruning among 200,000 runs costs what it deletes, the checks of foreign keys included."""

from datetime import timedelta

from tests.plans.planting import NOON

PAST, BATCH = NOON - timedelta(days=100), 100
KEPT = 60
"""One in ten of big's runs waits for the next batch: the first snapshot alone has more images than one may delete."""


def test_checks_of_foreign_keys_are_by_an_index(large):
    """Time is bound by rows: a check that scanned would read 200,000 rows for each one deleted."""
    with large.begin_system() as store, store.connection.transaction(force_rollback=True):
        store.connection.execute("SET LOCAL statement_timeout = '2s'")
        past = PAST.replace(hour=0)
        big = store.retention.prune_runs("big", past, 6 * BATCH)
        assert big.runs == 6 * BATCH - KEPT
        assert big.impact_snapshot_images == 6 * BATCH
        small = store.retention.prune_runs("t01", past, BATCH)
        assert (small.runs, small.impact_snapshots, small.impact_snapshot_images) == (100, 10, 90)
        assert store.retention.prune_launches(past, BATCH) == BATCH
        assert store.retention.prune_workers(past, BATCH // 2) == BATCH // 2
