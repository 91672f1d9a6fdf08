"""Packing: which pending runs share a Dagster run."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from resources.ids import new_id
from resources.records import Launchable
from resources.states import JobKind
from scheduler_defs.launching.packing import ONE_RUN_EACH_UP_TO, RUNS_A_LAUNCH, pack


def runs(count, kind=JobKind.GRAPH, tenant="acme"):
    return [Launchable(tenant, new_id(), kind) for _ in range(count)]


def sizes(packed):
    return sorted(len(one) for one in packed.values())


def test_nothing_pending_makes_no_launch():
    assert pack([]) == {}


def test_few_runs_get_a_launch_each():
    assert sizes(pack(runs(ONE_RUN_EACH_UP_TO))) == [1] * ONE_RUN_EACH_UP_TO


def test_many_runs_share_launches_of_a_bounded_size():
    assert sizes(pack(runs(ONE_RUN_EACH_UP_TO + 1))) == [ONE_RUN_EACH_UP_TO + 1]
    assert sizes(pack(runs(2 * RUNS_A_LAUNCH + 1))) == [1, RUNS_A_LAUNCH, RUNS_A_LAUNCH]


def test_kinds_never_share_a_launch_and_are_counted_by_themselves():
    few, many = runs(2, JobKind.POLICY), runs(9, JobKind.GRAPH)
    packed = pack([many[0], *few, *many[1:]])
    assert sizes(packed) == [1, 1, 9]
    assert all(len({run.kind for run in one}) == 1 for one in packed.values())


def test_tenants_may_share_a_launch():
    packed = pack([*runs(3, tenant="acme"), *runs(3, tenant="globex")])
    assert [{run.tenant_id for run in one} for one in packed.values()] == [{"acme", "globex"}]


@given(
    st.lists(st.sampled_from(list(JobKind)), max_size=60),
    st.integers(min_value=1, max_value=6),
    st.integers(min_value=1, max_value=20),
)
def test_each_run_is_in_exactly_one_launch(kinds, one_each_up_to, size):
    pending = [Launchable("acme", new_id(), kind) for kind in kinds]
    packed = pack(pending, one_each_up_to, size)
    assert Counter(run.id for one in packed.values() for run in one) == Counter(run.id for run in pending)
    for one in packed.values():
        assert 1 <= len(one) <= size
        assert len({run.kind for run in one}) == 1
