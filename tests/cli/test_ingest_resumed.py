"""scheduler ingest advisories and ingest quarantine: cut off, gone on with, refused, two at once, what was left out."""

import io
import json
import signal
import subprocess
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from scheduler_defs.inputs import advisories
from scheduler_defs.inputs.advisories import ingest_advisories
from tests.cli.conftest import COMMAND

LOCKS = """
    SELECT l.pid FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database() WHERE
"""
WAITING = f"{LOCKS} NOT granted AND relation = 'inventory.quarantine'::regclass"
HELD = f"{LOCKS} locktype = 'advisory' AND granted"
WAITING_FOR_THE_FEED = f"{LOCKS} locktype = 'advisory' AND NOT granted"
ROWS = """
    SELECT to_jsonb(a) - 'revision' || jsonb_build_object('ranges', (
        SELECT jsonb_agg(to_jsonb(r) - '{revision_from,revision_to}'::text[] ORDER BY r.ordinal)
        FROM inventory.advisory_ranges AS r WHERE r.advisory_id = a.id))
    FROM inventory.advisories AS a ORDER BY a.id
"""


def record(name, package="a", **changes):
    spans = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    affected = [{"package": {"ecosystem": "PyPI", "name": package}, "ranges": spans}]
    return json.dumps({"id": name, "modified": "2026-01-01T00:00:00Z", "affected": affected} | changes)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(advisories, "BATCH", 2)


@pytest.fixture
def feed(tmp_path):
    """Writes a feed of records, one a line; returns its path."""

    def write(*records, name="feed.jsonl"):
        path = tmp_path / name
        path.write_text("\n".join(records))
        return path

    return write


@pytest.fixture
def cut_off(database):
    """Ends an import as Ctrl-C does, once so many records are staged."""

    def cut_off(path, after):
        def stop(records):
            if records >= after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ingest_advisories(database, path, "ann", on_records=stop)

    return cut_off


@pytest.fixture
def until(admin):
    """Waits until the database shows rows, or none any more."""

    def wait(query, shown=True):
        give_up_at = time.monotonic() + 30
        while bool(admin.execute(query).rowcount) is not shown:
            assert time.monotonic() < give_up_at, query

    return wait


def test_an_import_that_is_killed_shows_nothing_and_the_next_goes_on_with_it(
    cli, environment, admin, feed, until, row_counts, tmp_path
):
    good = [record(f"A-{number % 1050}", f"package-{number}") for number in range(1100)]
    path = feed(*good, "{", record("LAST"))
    with admin.transaction():
        admin.execute("LOCK TABLE inventory.quarantine IN SHARE MODE")
        process = subprocess.Popen([*COMMAND, "ingest", "advisories", path], env=environment)
        until(WAITING)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    until(HELD, shown=False)
    counts = row_counts()
    assert (counts["inventory.advisories"], counts["inventory.feed_revisions"]) == (0, 0)
    assert admin.execute("SELECT records, malformed FROM inventory.advisory_imports").fetchall() == [
        (1000, 0)
    ]
    admin.execute("UPDATE inventory.staged_advisories SET summary = 'not staged again' WHERE id = 'A-77'")
    result = cli("ingest", "advisories", path)
    assert result.stdout.splitlines()[:2] == [
        "resumed: 1000 records had been staged before and were not read again",
        "revision 1: 1051 added, 0 changed, 50 unchanged, 0 older, 1 malformed",
    ]
    assert row_counts()["inventory.staged_advisories"] == 0
    found = [row for (row,) in admin.execute(ROWS)]
    assert [row["id"] for row in found if row["summary"] == "not staged again"] == ["A-77"]
    admin.execute("UPDATE inventory.advisories SET digest = %s", ["0" * 64])
    again = cli("ingest", "advisories", feed(*good, "{", record("LAST"), name="uninterrupted.jsonl"))
    assert (
        again.stdout.splitlines()[0]
        == "revision 2: 0 added, 1051 changed, 50 unchanged, 0 older, 1 malformed"
    )
    admin.execute("DELETE FROM inventory.advisory_ranges WHERE revision_to IS NOT NULL")
    whole = [row for (row,) in admin.execute(ROWS)]
    assert [row | {"summary": ""} for row in found] == whole


def test_an_import_killed_before_its_publication_is_published_without_reading_again(
    cli, database, admin, feed, cut_off, row_counts
):
    path = feed(record("A"), record("B"))
    cut_off(path, after=2)
    assert row_counts()["inventory.staged_advisories"] == 2
    path_as_it_was = path.stat()
    result = cli("ingest", "advisories", path, "--actor", "bob")
    assert path.stat() == path_as_it_was
    assert "resumed: 2 records" in result.stdout
    assert "revision 1: 2 added, 0 changed, 0 unchanged, 0 older, 0 malformed" in result.stdout
    assert admin.execute("SELECT source, created_by FROM inventory.feed_revisions").fetchall() == [
        ("feed.jsonl", "bob")
    ]


def test_an_import_that_lost_its_hold_publishes_nothing(
    cli, database, feed, small_batches, admin, row_counts
):
    path = feed(record("A"), record("B"), record("C"))

    def end_its_session(records):
        if records == 2:
            admin.execute(f"SELECT pg_terminate_backend(l.pid) FROM ({HELD}) AS l")

    with pytest.raises(psycopg.OperationalError):
        ingest_advisories(database, path, "ann", on_records=end_its_session)
    assert row_counts()["inventory.advisories"] == 0
    result = cli("ingest", "advisories", path)
    assert result.stdout.startswith("resumed: 2 records had been staged before")
    assert "3 added" in result.stdout


def test_files_that_were_written_again_are_read_anew(cli, feed, cut_off, small_batches, admin):
    cut_off(feed(record("A"), record("B"), record("C")), after=2)
    result = cli("ingest", "advisories", feed(record("A"), record("D"), record("C")))
    assert result.stdout == "revision 1: 3 added, 0 changed, 0 unchanged, 0 older, 0 malformed\n"
    assert [row["id"] for (row,) in admin.execute(ROWS)] == ["A", "C", "D"]


def test_a_later_record_wins_whichever_try_read_the_earlier_one(cli, feed, cut_off, small_batches, admin):
    path = feed(record("A", "old"), record("B"), record("C"), record("A", "new"))
    cut_off(path, after=2)
    assert "3 added, 0 changed, 1 unchanged" in cli("ingest", "advisories", path).stdout
    (first, *_) = [row for (row,) in admin.execute(ROWS)]
    assert [one["package"] for one in first["ranges"]] == ["new"]


@pytest.mark.parametrize("batch", [1, 9])
def test_a_record_modified_before_the_one_known_or_read_changes_nothing(cli, feed, monkeypatch, admin, batch):
    monkeypatch.setattr(advisories, "BATCH", batch)
    may = {"modified": "2026-05-01T00:00:00Z"}
    both = feed(record("A", "new", **may), record("A", "old"), record("B"))
    assert "2 added, 0 changed, 1 unchanged" in cli("ingest", "advisories", both).stdout
    result = cli("ingest", "advisories", feed(record("A", "old"), record("B", "other")))
    assert "revision 2: 0 added, 1 changed, 0 unchanged, 1 older" in result.stdout
    assert [one["package"] for one in admin.execute(ROWS).fetchone()[0]["ranges"]] == ["new"]


def test_a_later_time_of_an_unchanged_advisory_holds_against_what_is_older(cli, feed, admin):
    for package, month in (("a", 1), ("a", 3), ("b", 2)):
        changes = {"modified": f"2026-0{month}-01T00:00:00Z"}
        result = cli("ingest", "advisories", feed(record("A", package, **changes)))
    assert result.stdout == "no new revision: 0 added, 0 changed, 0 unchanged, 1 older, 0 malformed\n"


def test_a_record_of_the_future_is_left_out_and_leaves_the_way_to_a_real_one(cli, refused, feed, admin):
    ahead = {"modified": "9998-12-31T00:00:00Z"}
    tomorrow = (datetime.now(UTC) + timedelta(hours=23)).isoformat()
    path = feed(record("A", "wrong", **ahead), record("A"), record("B", modified=tomorrow))
    result = cli("ingest", "advisories", path)
    assert result.stdout.startswith("revision 1: 2 added, 0 changed, 0 unchanged, 0 older, 1 malformed\n")
    assert admin.execute("SELECT line, path FROM inventory.quarantine").fetchall() == [(1, "/modified")]
    error = refused("ingest", "advisories", path, "--strict")
    assert error.startswith(
        f"Error: {path}:1: at /modified: 9998-12-31T00:00:00+00:00 is in the future; expected "
    )
    corrected = feed(record("A", "right", modified="2026-01-02T00:00:00Z"))
    assert "revision 2: 0 added, 1 changed" in cli("ingest", "advisories", corrected).stdout


def test_what_ends_as_it_was_is_no_change(cli, feed, small_batches):
    cli("ingest", "advisories", feed(record("A", "old"), record("B")))
    back = feed(record("A", "new"), record("B"), record("A", "old"))
    result = cli("ingest", "advisories", back)
    assert result.stdout == "no new revision: 0 added, 0 changed, 3 unchanged, 0 older, 0 malformed\n"


def test_two_imports_of_the_same_files_at_once_make_one_revision(database, feed, until, admin, row_counts):
    path = feed(record("A"), "{", record("B"))

    def ingest(actor):
        return ingest_advisories(database, path, actor)

    with ThreadPoolExecutor() as executor:
        with database.begin_system() as store:
            store.advisories.lock_feed()
            both = [executor.submit(ingest, actor) for actor in ("ann", "bob")]
            until(f"{WAITING_FOR_THE_FEED} OFFSET 1")
            found = admin.execute("SELECT records, malformed FROM inventory.advisory_imports").fetchall()
            assert found == [(3, 1), (3, 1)]
        results = sorted((one.result() for one in both), key=lambda one: one.added)
    assert [(one.added, one.unchanged, one.resumed) for one in results] == [(0, 2, 0), (2, 0, 0)]
    assert results[0].revision is None
    counts = row_counts()
    assert (counts["inventory.feed_revisions"], counts["inventory.advisory_imports"]) == (1, 1)
    assert (counts["inventory.quarantine"], counts["inventory.staged_advisories"]) == (1, 0)


def test_strict_leaves_nothing_of_what_was_staged_before(refused, cli, feed, small_batches):
    path = feed(record("A"), record("B"), record("C"), "{")
    error = refused("ingest", "advisories", path, "--strict")
    assert error.startswith(f"Error: {path}:4: at /: is not JSON")
    assert cli("ingest", "advisories", path).exit_code == 0


def test_strict_refuses_what_an_earlier_try_left_out(cli, feed, cut_off, row_counts):
    path = feed(record("A"), '{"id": "B"}', record("C"))
    before = row_counts()
    cut_off(path, after=3)
    result = cli("ingest", "advisories", path, "--strict")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f'Error: {path}:2: at /: "modified" is a required property\n'
    assert row_counts() == before


@pytest.fixture
def zipped(tmp_path):
    """A zip of four records and, between them, two files of which one byte is another than was packed."""
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", "\n".join(record(f"A-{number}") for number in range(3)))
        archive.writestr("b.json", record("B", summary="changed"))
        archive.writestr(
            "c.jsonl", "\n".join(record(f"C-{number}", summary="changed") for number in range(4))
        )
        archive.writestr("d.json", record("D"))
    path.write_bytes(path.read_bytes().replace(b"changed", b"Changed"))
    return path


def test_a_damaged_member_of_a_zip_is_left_out_and_named(cli, zipped, admin, small_batches):
    result = cli("ingest", "advisories", zipped)
    assert (
        result.stdout.splitlines()[0] == "revision 1: 4 added, 0 changed, 0 unchanged, 0 older, 2 malformed"
    )
    assert [row["id"] for (row,) in admin.execute(ROWS)] == ["A-0", "A-1", "A-2", "D"]
    reason = "is damaged, cannot be unpacked: Bad CRC-32 for file"
    assert left_out(cli) == [
        (f"{zipped}!{name}", None, "", f"{reason} '{name}'") for name in ("b.json", "c.jsonl")
    ]


def test_strict_refuses_a_damaged_member_of_a_zip(refused, zipped, small_batches):
    error = refused("ingest", "advisories", zipped, "--strict")
    assert error.startswith(f"Error: {zipped}!b.json: at /: is damaged, cannot be unpacked: Bad CRC-32")


def test_a_damaged_stream_leaves_nothing_of_what_was_staged_before(refused, tmp_path, small_batches):
    path = tmp_path / "feed" / "b.tar.gz"
    path.parent.mkdir()
    (path.parent / "a.jsonl").write_text("\n".join(record(f"A-{number}") for number in range(4)))
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.json"), io.BytesIO())
    path.write_bytes(path.read_bytes()[:-9])
    error = refused("ingest", "advisories", path.parent)
    assert error.startswith(f"Error: {path}: at /: is damaged, cannot be unpacked: Compressed file ended")


def test_too_large_a_record_is_left_out_and_the_rest_goes_on(cli, tmp_path, admin):
    directory = tmp_path / "feed"
    directory.mkdir()
    (directory / "b.json").write_text(record("B"))
    for name in ("a.json", "c.jsonl"):
        with (directory / name).open("wb") as file:
            file.truncate((64 << 20) + 1)
    assert (
        "1 added, 0 changed, 0 unchanged, 0 older, 2 malformed"
        in cli("ingest", "advisories", directory).stdout
    )
    assert left_out(cli) == [
        (f"{directory}/a.json", None, "", "holds more than 67108864 bytes of content"),
        (f"{directory}/c.jsonl", 1, "", "is longer than 67108864 bytes"),
    ]


def test_a_byte_order_mark_costs_no_record(cli, tmp_path):
    (tmp_path / "a.jsonl").write_text(record("A"), encoding="utf-8-sig")
    (tmp_path / "b.json").write_text(record("B"), encoding="utf-8-sig")
    assert (
        "2 added, 0 changed, 0 unchanged, 0 older, 0 malformed"
        in cli("ingest", "advisories", tmp_path).stdout
    )


def left_out(cli):
    """(file, line, path, reason) of all that is in the quarantine."""
    listed = json.loads(cli("ingest", "quarantine", "--json").stdout)
    return [(one["file"], one["line"], one["path"], one["reason"]) for one in listed]


def test_the_quarantine_says_of_each_record_where_it_stands_and_why(cli, tmp_path, small_batches):
    no_modified, wrong = '{"id": "B"}', json.dumps({"id": 3, "modified": "2026-01-01T00:00:00Z"})
    directory = tmp_path / "feed"
    directory.mkdir()
    (directory / "a.jsonl").write_text("\n".join([record("A"), "", no_modified, record("C"), wrong]))
    (directory / "b.json").write_text(record("D", aliases=["one", "nul\0"]))
    with tarfile.open(directory / "c.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("deep/d.json")
        member.size = len(wrong)
        archive.addfile(member, io.BytesIO(wrong.encode()))
    with zipfile.ZipFile(directory / "e.zip", "w") as archive:
        archive.writestr("f.jsonl", f"{record('E')}\n{no_modified}")
        archive.writestr("g.json", record("F", "n" * 2001))
    result = cli("ingest", "advisories", directory)
    assert "revision 1: 3 added, 0 changed, 0 unchanged, 0 older, 6 malformed" in result.stdout
    missing, no_text = '"modified" is a required property', '3 is not of type "string"'
    nul = r'"nul\u0000" does not match "^[^\u0000]*$"'
    too_long = f"holds the package '{'n' * 80}'…; expected at most 2000 bytes"
    assert left_out(cli) == [
        (f"{directory}/a.jsonl", 3, "", missing),
        (f"{directory}/a.jsonl", 5, "/id", no_text),
        (f"{directory}/b.json", None, "/aliases/1", nul),
        (f"{directory}/c.tar.gz!deep/d.json", None, "/id", no_text),
        (f"{directory}/e.zip!f.jsonl", 2, "", missing),
        (f"{directory}/e.zip!g.json", None, "/affected", too_long),
    ]


def test_the_quarantine_of_a_source_is_that_of_its_last_import(cli, feed):
    assert cli("ingest", "quarantine").stderr == "nothing was left out\n"
    for content in ("{", "[]", record("B")):
        feed(record("A"), content)
        other = feed(record("A"), "3", name="other.jsonl")
        for path in (other, other.with_name("feed.jsonl")):
            assert cli("ingest", "advisories", path).exit_code == 0
        files = [file for file, *_ in left_out(cli)]
        assert files == [str(other.with_name("feed.jsonl"))] * (content != record("B")) + [str(other)]
    table = cli("ingest", "quarantine").stdout.splitlines()
    assert table[0].split() == ["AT", "KIND", "FILE", "LINE", "PATH", "REASON"]


def test_the_quarantine_is_listed_page_by_page(cli, feed):
    cli("ingest", "advisories", feed(record("A"), *"{" * 5))
    first = cli("ingest", "quarantine", "--limit", 3, "--json")
    cursor = first.stderr.split()[-1]
    rest = cli("ingest", "quarantine", "--limit", 3, "--cursor", cursor, "--json")
    lines = [one["line"] for page in (first, rest) for one in json.loads(page.stdout)]
    assert (lines, rest.stderr) == ([2, 3, 4, 5, 6], "")


def test_names_and_reasons_of_any_length_and_bytes_are_kept_as_far_as_they_can_be(cli, tmp_path):
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x" * 5000 + ".json", "{")
        archive.writestr("y.json", record("A", published="z" * 5000))
        archive.writestr("z.json", record("A"))
    assert cli("ingest", "advisories", path).exit_code == 0
    (file, *_), (*_, reason) = left_out(cli)
    assert (len(file), file[-2:], len(reason), reason[-1]) == (4000, "x…", 1000, "…")
    odd = tmp_path / "odd"
    odd.mkdir()
    (odd / "n\udcff.json").write_text("{")
    (odd / "o.json").write_text(record("B"))
    assert cli("ingest", "advisories", odd).exit_code == 0
    assert left_out(cli)[0][0] == f"{odd}/n\\udcff.json"
