"""Checks of the schema: the migrations that were applied, the catalog they made, the partitions that time asks for."""

from datetime import timedelta

from resources import catalog, migrations
from resources.scratch import scratch
from scheduler_defs.verification.check import Bench, Named, expect

MONTH_AHEAD = timedelta(days=31)


def check_migrations(bench: Bench) -> str:
    """Every migration is applied, and its file is what it was then."""
    found = migrations.status(bench.settings)
    expect(not found.edited, f"applied migrations differ from their files: {', '.join(found.edited)}")
    expect(not found.pending, f"not recorded as applied: {', '.join(found.pending)}")
    return f"at {found.current}"


def check_catalog(bench: Bench) -> str:
    """Tables, views and functions are what the migrations make."""
    found, expected = catalog.fingerprint(bench.settings), catalog.expected_fingerprint()
    missing, extra = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    changed = sorted(name for name in found.keys() & expected.keys() if found[name] != expected[name])
    said = [("missing", missing), ("not of the migrations", extra), ("changed", changed)]
    wrong = "; ".join(f"{what}: {', '.join(names)}" for what, names in said if names)
    expect(not wrong, f"{wrong}; compare `scheduler db document` with docs/schema.md")
    return f"{len(found)} parts are as the migrations make them"


def check_log_partitions(bench: Bench) -> str:
    """Runs can write what they say now and for a month."""
    with scratch(bench.database) as database, database.begin_system() as store:
        now = store.now()
        missing = store.execution_logs.ensure_partitions(now, now + MONTH_AHEAD)
    expect(missing == 0, f"{missing} months have no log partition; run `scheduler db maintain`")
    return "log partitions for this month and the next"


CHECKS: tuple[Named, ...] = (
    ("schema: migrations", check_migrations),
    ("schema: catalog", check_catalog),
    ("schema: log partitions", check_log_partitions),
)
