"""Inventory: imports of advisories, from the first batch that is staged to their publication or refusal."""

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from resources.errors import InvalidInput, StaleAttempt
from resources.ids import new_id
from resources.inventory_records import LeftOut, RangeRow
from tests.resources.conftest import advisory_row

FILES = "f" * 64
DAY = timedelta(days=1)
LEFT_OUT = LeftOut(1, "feed.jsonl", 3, "/id", "is no text")
WIDE = RangeRow("npm", "lodash", None, "SEMVER", [("introduced", "0")], ["4.0", "4.1"])
NARROW = RangeRow("deb", "glibc", "debian:12", "ECOSYSTEM", [("introduced", "1"), ("fixed", "2")], [])


@pytest.fixture
def begin(database, plant):
    """Begins an import that nobody holds."""

    def begin(source="feed", fingerprint=FILES, at=plant.now):
        with database.begin_system() as store:
            return store.imports.begin(new_id(), source, fingerprint, "ann", at)

    return begin


@pytest.fixture
def stage(database, plant):
    """Stages advisories and leaves out others, as one batch; returns the import then."""

    def stage(current, *advisories, left_out=()):
        with database.begin_system() as store:
            counts = {"read": len(advisories) + len(left_out), "left_out": len(left_out)}
            advanced = store.imports.advance(current, plant.now, **counts)
            store.imports.stage(current.id, advisories)
            store.imports.quarantine(current.id, left_out, plant.now)
        return advanced

    return stage


@pytest.fixture
def publish(database, plant):
    """Publishes what was staged as a feed revision; returns it with the counts of added, changed and older."""

    def publish(current):
        with database.begin_system() as store:
            counts = store.imports.count_changes(current.id)
            revision = store.advisories.begin_revision("feed", "ann", plant.now)
            store.imports.publish(current.id, revision)
            store.imports.finish(current, revision, plant.now)
        return revision, *counts

    return publish


@pytest.fixture
def ranges(admin):
    def read():
        columns = (
            "advisory_id, revision_from, revision_to, ordinal, type, package, distro, kind, events, versions"
        )
        return admin.execute(f"SELECT {columns} FROM inventory.advisory_ranges ORDER BY 2, 1, 4").fetchall()

    return read


def read(database, name):
    with database.begin_system() as store:
        return store.advisories.get_many([name])[name]


def test_an_import_is_counted_up_batch_by_batch_by_whoever_knows_where_it_stands(
    database, plant, begin, stage
):
    begun = begin()
    assert (begun.records, begun.malformed, begun.revision, begun.finished_at) == (0, 0, None, None)
    advanced = stage(begun, (advisory_row("A"), []), left_out=[replace(LEFT_OUT, record=2)])
    assert advanced == replace(begun, records=2, malformed=1)
    with pytest.raises(StaleAttempt, match="reading on from record 0 is not the current one"):
        stage(begun, (advisory_row("B"), []))
    with database.begin_system() as store:
        assert store.imports.count_changes(begun.id) == (1, 0, 0)


def test_one_process_holds_an_import_until_its_transaction_ends(database, begin):
    current = begin()
    with database.begin_system() as first, database.begin_system() as second:
        assert first.imports.hold_unfinished("feed", FILES) == current
        assert first.imports.hold(current.id)
        assert not second.imports.hold(current.id)
        assert second.imports.hold_unfinished("feed", FILES) is None
    with database.begin_system() as store:
        assert store.imports.hold_unfinished("feed", FILES) == current


def test_what_is_gone_on_with_is_of_the_same_files_unfinished_and_furthest(
    database, plant, begin, stage, publish
):
    begin()
    furthest = stage(begin(), (advisory_row("A"), []))
    begin("other")
    begin(fingerprint="0" * 64)
    publish(stage(begin("done"), (advisory_row("B"), []), (advisory_row("C"), [])))
    with database.begin_system() as store:
        assert store.imports.hold_unfinished("feed", FILES) == furthest
        assert store.imports.hold_unfinished("done", FILES) is None
        assert store.imports.hold_unfinished("feed", "1" * 64) is None


def test_new_and_changed_ones_are_published_and_nothing_stays_staged(
    database, tenant, begin, stage, publish, ranges, row_count
):
    kept, old = advisory_row("KEPT"), advisory_row("OLD")
    first, *counts = publish(stage(begin(), (kept, [WIDE]), (old, [WIDE, NARROW])))
    assert counts == [2, 0, 0]
    changed = replace(old, digest="1" * 64, summary="narrowed", aliases=["Z", "A"], withdrawn=old.modified)
    changed = replace(changed, upstream=["CVE-2", "CVE-1"])
    added = advisory_row("ADDED", vector="CVSS:3.1/x", published=old.modified, upstream=["CVE-3"])
    staged = stage(
        begin(), (replace(kept, summary="not looked at"), []), (changed, [NARROW]), (added, [WIDE])
    )
    second, *counts = publish(staged)
    assert counts == [1, 1, 0]
    with database.begin(tenant) as store:
        found = store.advisories.get_many(["KEPT", "OLD", "ADDED"])
    assert found == {"KEPT": kept, "OLD": changed, "ADDED": added}
    wide = (0, "npm", "lodash", None, "SEMVER", [["introduced", "0"]], ["4.0", "4.1"])
    narrow = ("deb", "glibc", "debian:12", "ECOSYSTEM", [["introduced", "1"], ["fixed", "2"]], [])
    assert ranges() == [
        ("KEPT", first, None, *wide),
        ("OLD", first, second, *wide),
        ("OLD", first, second, 1, *narrow),
        ("ADDED", second, None, *wide),
        ("OLD", second, None, 0, *narrow),
    ]
    assert row_count("staged_advisories") == 0
    assert row_count("advisory_imports") == 1, "the later replaces the earlier of its source"


def test_the_last_record_of_an_advisory_is_what_is_published(database, begin, stage, publish, ranges):
    first, last = (
        advisory_row("A", summary="first"),
        advisory_row("A", summary="last", digest="1" * 64, upstream=["B"]),
    )
    publish(stage(stage(begin(), (first, [WIDE])), (last, [NARROW])))
    with database.begin_system() as store:
        assert store.advisories.get_many(["A"]) == {"A": last}
    assert [row[5] for row in ranges()] == ["glibc"]


@pytest.mark.parametrize("after", [0 * DAY, DAY])
def test_an_advisory_gives_way_to_one_modified_no_earlier(
    database, plant, begin, stage, publish, ranges, after
):
    known = advisory_row("A", summary="known", modified=plant.now)
    later = advisory_row("A", summary="later", modified=plant.now + after, digest="1" * 64)
    publish(stage(begin(), (known, [WIDE])))
    _, *counts = publish(stage(begin(), (later, [NARROW])))
    assert counts == [0, 1, 0]
    assert read(database, "A") == later
    assert [row[5] for row in ranges() if row[2] is None] == ["glibc"]


def test_an_advisory_modified_before_the_one_known_changes_nothing(
    database, plant, begin, stage, publish, ranges
):
    known = advisory_row("A", modified=plant.now)
    publish(stage(begin(), (known, [WIDE])))
    stale = replace(known, summary="stale", modified=plant.now - DAY, digest="1" * 64)
    _, *counts = publish(stage(begin(), (stale, [NARROW]), (advisory_row("B"), [WIDE])))
    assert counts == [1, 0, 1]
    assert read(database, "A") == known
    assert [row[:3] for row in ranges() if row[0] == "A"] == [("A", 1, None)]


def test_of_staged_records_of_an_advisory_one_modified_earlier_does_not_replace(
    database, plant, begin, stage, publish, ranges
):
    newer = advisory_row("A", summary="newer", modified=plant.now)
    older = replace(newer, summary="older", modified=plant.now - DAY, digest="1" * 64)
    publish(stage(stage(begin(), (newer, [WIDE])), (older, [NARROW])))
    assert read(database, "A") == newer
    assert [row[5] for row in ranges()] == ["lodash"]


def test_one_modified_again_without_a_change_is_known_by_its_later_time(
    database, plant, begin, stage, publish
):
    known = advisory_row("A", modified=plant.now - 2 * DAY)
    publish(stage(begin(), (known, [WIDE])))
    again = stage(begin(), (replace(known, modified=plant.now), [WIDE]))
    with database.begin_system() as store:
        store.imports.renew(again.id)
        assert store.imports.count_changes(again.id) == (0, 0, 0)
        store.imports.finish(again, None, plant.now)
    between = replace(known, summary="between", modified=plant.now - DAY, digest="1" * 64)
    _, *counts = publish(stage(begin(), (between, [NARROW])))
    assert counts == [0, 0, 1]
    assert read(database, "A") == replace(known, modified=plant.now)


def test_an_import_ends_once_and_only_as_its_publisher_knows_it(database, plant, begin, stage, publish):
    begun = begin()
    current = stage(begun, (advisory_row("A"), []))
    with pytest.raises(StaleAttempt):
        publish(begun)
    publish(current)
    for again in (lambda: publish(current), lambda: stage(current, (advisory_row("B"), []))):
        with pytest.raises(StaleAttempt):
            again()


def test_a_refused_import_leaves_nothing_and_a_finished_one_is_not_refused(
    database, begin, stage, publish, row_count
):
    done = stage(begin(), (advisory_row("A"), []), left_out=[LEFT_OUT])
    publish(done)
    refused = stage(begin("bad"), (advisory_row("B"), []), left_out=[LEFT_OUT])
    with database.begin_system() as store:
        store.imports.refuse(refused.id)
        store.imports.refuse(done.id)
    counts = [row_count(name) for name in ("advisory_imports", "staged_advisories", "quarantine")]
    assert counts == [1, 0, 1]


def test_what_was_left_out_is_listed_newest_import_first_page_by_page(database, plant, begin, stage, publish):
    def listed(**options):
        with database.begin_system() as store:
            return store.imports.list_quarantine(**options)

    three = [replace(LEFT_OUT, record=number, line=None if number == 2 else number) for number in (1, 2, 3)]
    older, newer = begin("older"), begin("newer")
    stage(older, (advisory_row("A"), []), left_out=three)
    stage(newer, (advisory_row("A"), []), left_out=three[:2])
    page = listed(limit=3)
    rest = listed(limit=3, cursor=page.next_cursor)
    found = [(one.import_id, one.record) for one in [*page.items, *rest.items]]
    assert found == [(newer.id, 1), (newer.id, 2), (older.id, 1), (older.id, 2), (older.id, 3)]
    assert rest.next_cursor is None
    second = rest.items[0]
    assert (second.file, second.line, second.path, second.reason) == ("feed.jsonl", None, "/id", "is no text")
    assert second.at == plant.now
    assert {one.import_id for one in listed(import_id=older.id).items} == {older.id}
    with pytest.raises(InvalidInput, match="limit"):
        listed(limit=0)


def test_of_epss_and_kev_only_the_last_import_of_a_kind_stays_whatever_its_source(database, plant, row_count):
    def ingest(kind, source, *left_out):
        with database.begin_system() as store:
            begun = store.imports.begin(new_id(), source, FILES, "ann", plant.now, kind=kind)
            store.imports.quarantine(begun.id, left_out, plant.now)
            counts = {"read": 2, "left_out": len(left_out)}
            store.imports.finish(store.imports.advance(begun, plant.now, **counts), None, plant.now)
            assert store.imports.hold_unfinished(source, FILES) is None

    for source in ("advisories", "other advisories"):
        ingest("advisories", source, LEFT_OUT)
    ingest("epss", "may", LEFT_OUT)
    ingest("kev", "may", LEFT_OUT)
    ingest("epss", "june", replace(LEFT_OUT, record=2))
    with database.begin_system() as store:
        found = [(one.kind, one.record) for one in store.imports.list_quarantine().items]
    assert found == [("epss", 2), ("kev", 1), ("advisories", 1), ("advisories", 1)]
    assert row_count("advisory_imports") == 4


def test_only_an_import_of_advisories_is_gone_on_with(database, plant):
    with database.begin_system() as store:
        store.imports.begin(new_id(), "feed", FILES, "ann", plant.now, kind="epss")
        assert store.imports.hold_unfinished("feed", FILES) is None


def test_imports_are_pruned_whole_one_by_one_the_abandoned_sooner(
    database, plant, begin, stage, publish, row_count
):
    publish(stage(begin("done"), (advisory_row("A"), []), left_out=[LEFT_OUT]))
    stage(begin("left"), (advisory_row("B"), []), left_out=[LEFT_OUT])
    begin("reading", at=plant.now + 2 * DAY)

    def prune(abandoned, before):
        with database.begin_system() as store:
            return store.retention.prune_import(plant.now + abandoned, plant.now + before)

    assert prune(abandoned=0 * DAY, before=0 * DAY) == 0
    assert prune(abandoned=DAY, before=0 * DAY) == 1
    assert (row_count("staged_advisories"), row_count("quarantine")) == (0, 1)
    assert prune(abandoned=DAY, before=0 * DAY) == 0
    assert prune(abandoned=DAY, before=DAY) == 1
    assert (row_count("quarantine"), row_count("advisory_imports"), row_count("advisories")) == (0, 1, 1)


def test_an_import_that_is_advanced_at_this_moment_is_not_pruned(database, plant, begin, admin):
    begin()
    with admin.transaction():
        admin.execute("SELECT FROM inventory.advisory_imports FOR NO KEY UPDATE")
        with database.begin_system() as store:
            assert store.retention.prune_import(plant.now + DAY, plant.now + DAY) == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda imports, current: imports.stage(current.id, [(advisory_row("A"), [])]),
        lambda imports, current: imports.hold_unfinished("feed", FILES),
        lambda imports, current: imports.list_quarantine(),
        lambda imports, current: imports.refuse(current.id),
    ],
    ids=["stage", "hold", "list", "refuse"],
)
def test_imports_are_closed_to_tenants(database, tenant, begin, act):
    current = begin()
    with pytest.raises(psycopg.errors.InsufficientPrivilege), database.begin(tenant) as store:
        act(store.imports, current)


@pytest.fixture
def row_count(admin):
    def count(table):
        return admin.execute(f"SELECT count(*) FROM inventory.{table}").fetchone()[0]

    return count
