"""Lists of schedules: filters, labels, and pages that neither repeat nor hide while rows are inserted."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.database import Database
from resources.errors import InvalidInput
from resources.ids import new_id
from resources.pages import Page
from resources.records import ScheduleVersion
from resources.settings import SchedulerSettings
from resources.states import JobKind
from scheduler_defs.edits.tenants import create_tenant


@pytest.fixture
def names(database):
    """names(**filters) is what a list of acme's schedules holds."""

    def names(**filters):
        with database.begin("acme") as store:
            return [one.name for one in store.schedules.list("acme", **filters).items]

    return names


def test_names_come_in_one_order_everywhere(plant, names):
    for name in ("b", "a c", "B", "a-b", "a", "a.b"):
        plant.schedule(name)
    assert names() == ["B", "a", "a c", "a-b", "a.b", "b"]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        *(("shop", ["shop", "shop night", "shop_1"]), ("shop_", ["shop_1"]), ("Sh", ["Shop"]), ("", None)),
        *(("shop night", ["shop night"]), ("%", []), ("z", []), ("~", []), ("é", []), ("shop~", [])),
    ],
)
def test_a_prefix_is_taken_literally(plant, names, prefix, expected):
    everything = ["Shop", "shop", "shop night", "shop_1", "sho", "shp"]
    for name in everything:
        plant.schedule(name)
    assert names(name_prefix=prefix) == (sorted(everything) if expected is None else expected)


def test_labels_must_all_be_there(plant, names):
    plant.schedule("both", labels={"team": "a", "tier": "prod"})
    plant.schedule("one", labels={"team": "a"})
    plant.schedule("other", labels={"team": "b", "tier": "prod"})
    plant.schedule("theirs", tenant="globex", labels={"team": "a"})
    assert names(labels={"team": "a"}) == ["both", "one"]
    assert names(labels={"team": "a", "tier": "prod"}) == ["both"]
    assert names(labels={"team": "a", "tier": "test"}) == names(labels={"a": "team"}) == []
    assert names(labels={}) == ["both", "one", "other"]


def test_the_other_filters_hold_beside_a_label(database, plant, names):
    label = {"team": "a"}
    for name in ("x 1", "x 2", "y"):
        plant.schedule(name, labels=label)
    plant.schedule("x 3", labels=label, kind=JobKind.IMPACT)
    plant.schedule("x 4", labels=label, enabled=False)
    with database.begin("acme") as store:
        store.schedules.soft_delete(store.schedules.get_by_name("acme", "x 2"), "bob", plant.now)
    assert names(labels=label, name_prefix="x ") == ["x 1", "x 3", "x 4"]
    assert names(labels=label, kind=JobKind.IMPACT) == ["x 3"]
    assert names(labels=label, enabled=False) == ["x 4"]
    assert names(labels=label, include_deleted=True) == ["x 1", "x 2", "x 3", "x 4", "y"]


def test_a_changed_label_or_name_is_found_at_once(database, plant, names):
    schedule = plant.schedule("a", labels={"team": "a"})
    plant.schedule("b", labels={"team": "b"})
    with database.begin("acme") as store:
        store.schedules.upsert(replace(schedule, name="c", labels={"team": "b"}), 1)
    assert names(labels={"team": "a"}) == []
    assert names(labels={"team": "b"}) == ["b", "c"]
    assert names(labels={"team": "b"}, name_prefix="c") == ["c"]


def test_labels_change_with_their_schedule_only(database, plant):
    plant.schedule(labels={"team": "a"})
    for statement in (
        "UPDATE scheduler.schedule_labels SET value = 'b'",
        "DELETE FROM scheduler.schedule_labels",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin("acme") as store:
            store.connection.execute(statement)


@pytest.mark.parametrize("labels", [{"a": 1}, {"a": None}, {"": "a"}, {"k" * 64: "a"}, {"a": "v" * 256}])
def test_a_label_is_a_short_text(plant, labels):
    with pytest.raises(psycopg.errors.CheckViolation):
        plant.schedule(labels=labels)


def test_deleted_schedules_are_listed_when_asked_for(database, plant, names):
    first = plant.schedule("a")
    with database.begin("acme") as store:
        store.schedules.soft_delete(first, "bob", plant.now)
    second = plant.schedule("a")
    assert names() == ["a"]
    assert names(include_deleted=True) == ["a", "a"]
    with database.begin("acme") as store:
        pages = list(walk(store, include_deleted=True, limit=1))
    assert {one.id for page in pages for one in page.items} == {first.id, second.id}


def test_a_page_leads_to_the_next_and_the_last_to_none(database, plant):
    for name in "abcde":
        plant.schedule(name)
    with database.begin("acme") as store:
        pages = list(walk(store, limit=2))
    assert [[one.name for one in page.items] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert pages[-1].next_cursor is None


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_limit_out_of_bounds_is_refused(database, tenant, limit):
    with database.begin(tenant) as store, pytest.raises(InvalidInput, match="limit"):
        store.schedules.list(tenant, limit=limit)


@pytest.mark.parametrize("prefix", ["night\0", "night\ud800"])
def test_a_filter_that_no_row_can_hold_is_refused(database, tenant, prefix):
    with database.begin(tenant) as store, pytest.raises(InvalidInput) as refused:
        store.schedules.list(tenant, name_prefix=prefix)
    assert (refused.value.field, refused.value.value) == ("name_prefix", prefix)


def test_a_cursor_is_refused_elsewhere(database, plant):
    for name in "ab":
        plant.schedule(name, labels={"team": "a"})
        plant.schedule(name, tenant="globex")
    with database.begin("acme") as store:
        cursor = store.schedules.list("acme", limit=1).next_cursor
        for text, filters in [
            (cursor, {"kind": JobKind.GRAPH}),
            (cursor, {"labels": {"team": "a"}}),
            (cursor[:-5], {}),
            ("garbage", {}),
        ]:
            with pytest.raises(InvalidInput, match="cursor"):
                store.schedules.list("acme", cursor=text, **filters)
        with pytest.raises(InvalidInput, match="cursor"):
            store.triggers.list("acme", cursor=cursor)
    with database.begin("globex") as store, pytest.raises(InvalidInput, match="same filters"):
        store.schedules.list("globex", cursor=cursor)


def test_the_history_is_paged_newest_first(database, plant):
    schedule, other = plant.schedule("a"), plant.schedule("b")
    with database.begin("acme") as store:
        for version in (1, 2, 3):
            at = plant.now + timedelta(minutes=version)
            store.schedules.add_version("acme", schedule.id, version, {"n": version}, "ann", at)
        store.schedules.add_version("acme", other.id, 1, {}, "ann", plant.now)
        first = store.schedules.list_versions("acme", schedule.id, limit=2)
        rest = store.schedules.list_versions("acme", schedule.id, cursor=first.next_cursor, limit=2)
        with pytest.raises(InvalidInput, match="same filters"):
            store.schedules.list_versions("acme", other.id, cursor=first.next_cursor)
    assert [one.version for one in first.items] == [3, 2]
    assert rest == Page(
        [ScheduleVersion("acme", schedule.id, 1, plant.now + timedelta(minutes=1), "ann", {"n": 1})]
    )
    with database.begin("globex") as store:
        assert store.schedules.list_versions("globex", schedule.id).items == []


def walk(store, **filters):
    page = store.schedules.list("acme", **filters)
    yield page
    while page.next_cursor:
        page = store.schedules.list("acme", cursor=page.next_cursor, **filters)
        yield page


@pytest.fixture(scope="module")
def shared(module_database):
    with Database(SchedulerSettings(persistence="postgres", dsn=module_database)) as database:
        with database.begin_system() as store:
            create_tenant(store, "acme", "tests")
        yield database


NAMES = st.text("ab -", min_size=1, max_size=4).map(lambda name: f"a{name}b")


@given(
    existing=st.sets(NAMES, min_size=1, max_size=8),
    inserted=st.sets(NAMES, max_size=6),
    limit=st.integers(1, 4),
    labelled=st.booleans(),
)
def test_rows_inserted_between_pages_neither_repeat_nor_hide_others(
    shared, planter, existing, inserted, limit, labelled
):
    plant, label = planter(shared), {"of": str(new_id())}
    before = {plant.schedule(name, labels=label).id for name in existing}
    late, seen = sorted(inserted - existing), []
    with shared.begin("acme") as store:
        for page in walk(store, limit=limit, **({"labels": label} if labelled else {})):
            seen += page.items
            if late:
                plant.schedule(late.pop(), labels=label)
    with shared.begin("acme") as store:
        for one in store.schedules.list("acme", limit=1000).items:
            store.schedules.soft_delete(one, "tests", plant.now)
    assert len({one.id for one in seen}) == len(seen)
    assert before <= {one.id for one in seen}
    assert [one.name for one in seen] == sorted(one.name for one in seen)
