"""Every hot query, as the role it runs as, on 200,000 rows: only by its indexes, and by no more rows than it needs."""

from itertools import chain

import pytest

from tests.plans import hot_inventory, hot_items, hot_lists, hot_runs
from tests.plans.explain import explain
from tests.plans.not_hot import NOT_HOT
from tests.tenancy.parameters import query_names

HOT = list(
    chain(
        *(hot_runs.CLAIM, hot_runs.LAUNCHES, hot_runs.LEDGER, hot_items.WORK_ITEMS, hot_items.LOGS),
        *(
            hot_items.SUMMARIES,
            hot_items.SNAPSHOTS,
            hot_lists.LOCKS,
            hot_lists.NOTIFICATIONS,
            hot_lists.AUDIT,
            hot_lists.SCHEDULES,
        ),
        *(hot_lists.CALENDARS, hot_lists.FIRE_AUDIT, hot_lists.RETENTION, hot_inventory.IMPACT),
    )
)
PLANNED = [(hot, generic) for hot in HOT for generic in ([False] if hot.paged else [False, True])]
DEEP = [(hot, str(hot).removesuffix("deep") + "first") for hot in HOT if str(hot).endswith("deep")]


@pytest.mark.parametrize(
    ("hot", "generic"), PLANNED, ids=[f"{hot}{'-generic' if generic else ''}" for hot, generic in PLANNED]
)
def test_a_hot_query_reads_what_it_needs_by_its_indexes(large, hot, generic):
    plan = explain(large, hot, generic)
    assert plan.indexes <= set(hot.indexes.split())
    assert plan.scanned <= set(hot.whole.split())
    assert plan.read <= hot.most
    assert hot.skips or not plan.skipping


@pytest.mark.parametrize(("deep", "first"), DEEP, ids=[str(hot) for hot, _ in DEEP])
def test_a_page_costs_what_the_first_page_costs(large, deep, first):
    (before,) = (hot for hot in HOT if str(hot) == first)
    for hot in (before, deep):  # the first time a session also reads the catalogs
        explain(large, hot)
    cost = explain(large, before).pages
    assert explain(large, deep).pages <= 2 * cost + 20


def test_every_query_is_hot_or_named_with_its_reason():
    hot = {hot.query for hot in HOT}
    cold = list(chain(*(names.split() for names in NOT_HOT.values())))
    assert len(cold) == len({*cold})
    assert not hot & {*cold}
    assert hot | {*cold} == {*query_names()}
