"""Any order of edits, rollbacks and seals, by two stores at once, leaves chains without a fault."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from resources.database import Database
from resources.ids import new_id
from resources.settings import SchedulerSettings
from scheduler_defs.cli.chains import check_chain
from scheduler_defs.sensors.sealing import seal_audit

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
EDIT = st.tuples(st.sampled_from(["", "acme", "globex"]), st.integers(-60, 60))
STEP = st.one_of(
    st.tuples(st.just("edit"), st.lists(EDIT, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("seal"), st.integers(1, 60), st.integers(1, 3)),
)


@pytest.fixture(scope="module")
def database(module_database):
    dsn = make_conninfo(module_database, user="scheduler")
    with Database(SchedulerSettings(persistence="postgres", dsn=dsn)) as database:
        yield database


def append(store, chain, second):
    at = NOW + timedelta(seconds=second)
    said = {"actor": "ann", "action": "pause", "entity": "schedule", "entity_id": str(new_id())}
    store.audit.append(tenant_id=chain or None, new={"second": second}, now=at, **said)


@settings(max_examples=25)
@given(steps=st.lists(STEP, max_size=12))
def test_any_sequence_of_edits_and_seals_verifies(database, steps):
    before = {chain: check_chain(database, chain, []) for chain in ("", "acme", "globex")}
    committed = dict.fromkeys(before, 0)
    with database.begin_system() as late:
        append(late, "acme", -100)
        for what, *how in steps:
            if what == "seal":
                seal_audit(database, budget=how[0], size=how[1])
                continue
            edits, rolled_back = how
            with database.begin_system() as store, store.connection.transaction(force_rollback=rolled_back):
                for chain, second in edits:
                    append(store, chain, second)
            for chain, _ in [] if rolled_back else edits:
                committed[chain] += 1
        assert all(check_chain(database, chain, []).fault is None for chain in before)
    committed["acme"] += 1
    seal_audit(database)
    after = {chain: check_chain(database, chain, []) for chain in before}
    assert all(report.fault is None and report.unsealed == 0 for report in after.values())
    assert {chain: after[chain].sealed - before[chain].sealed for chain in before} == committed
