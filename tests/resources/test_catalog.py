"""docs/schema.md is what a migrated database says of itself."""

from pathlib import Path

import pytest

from resources.catalog import expected_fingerprint, fingerprint, render
from resources.errors import SchemaMismatch
from resources.settings import SchedulerSettings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "schema.md"


def test_the_document_is_up_to_date(settings):
    assert render(settings) == DOCUMENT.read_text(encoding="utf-8"), "the schema changed: run `make docs`"


def test_log_partitions_do_not_change_the_document(settings, database):
    before = render(settings)
    with database.begin_system() as store:
        store.connection.execute("SELECT scheduler.ensure_log_partitions('2030-01-01Z', '2030-03-01Z')")
    assert render(settings) == before


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("COMMENT ON TABLE scheduler.runs IS 'other'", "other"),
        ("COMMENT ON COLUMN scheduler.runs.id IS 'a | b'", r"| `id` | uuid |  |  | a \| b |"),
        (
            "ALTER TABLE scheduler.runs ALTER COLUMN reason SET DEFAULT 'why'",
            "| `reason` | text | yes | `'why'::text` |  |",
        ),
        (
            "ALTER TABLE scheduler.runs ADD CHECK (attempt < 9)",
            "- `runs_attempt_check1`: `CHECK ((attempt < 9))`",
        ),
        (
            "CREATE INDEX extra ON scheduler.runs (error) WHERE error <> ''",
            "- `CREATE INDEX extra ON scheduler.runs USING btree (error) WHERE (error <> ''::text)`",
        ),
        (
            "CREATE POLICY extra ON scheduler.runs FOR SELECT TO scheduler_tenant USING (attempt = 1)",
            "- `extra` (SELECT) for scheduler_tenant, sees `(attempt = 1)`",
        ),
        (
            "GRANT DELETE ON scheduler.runs TO scheduler_tenant",
            "- scheduler_tenant: SELECT, INSERT, UPDATE, DELETE",
        ),
        (
            "CREATE FUNCTION scheduler.f(integer) RETURNS text SECURITY DEFINER LANGUAGE sql AS 'SELECT NULL'",
            "- `scheduler.f(integer)` returns `text` with its owner's rights: ",
        ),
        (
            "CREATE SEQUENCE scheduler.extra; COMMENT ON SEQUENCE scheduler.extra IS 'n'",
            "- `scheduler.extra`: n",
        ),
        ("CREATE TABLE inventory.extra (a integer)", "## inventory.extra"),
    ],
)
def test_every_change_of_the_catalog_changes_the_document(settings, admin, change, line):
    before = render(settings).splitlines()
    admin.execute(change)
    after = render(settings).splitlines()
    assert line not in before
    assert line in after


def test_a_database_without_the_schema_is_refused(server, make_database):
    settings = SchedulerSettings(persistence="postgres", dsn=server.conninfo(make_database(), "postgres"))
    with pytest.raises(SchemaMismatch, match="scheduler db upgrade"):
        render(settings)


def test_the_fingerprint_is_up_to_date_and_has_a_line_for_each_heading(settings):
    found = fingerprint(settings)
    assert found == expected_fingerprint(), "the schema changed: run `make docs`"
    headings = [
        line[3:] for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("## ")
    ]
    assert [*found] == headings


def test_a_change_changes_the_fingerprint_of_its_part_alone(settings, admin):
    before = fingerprint(settings)
    admin.execute("CREATE INDEX extra ON scheduler.runs (error)")
    after = fingerprint(settings)
    assert {name for name in before if before[name] != after[name]} == {"scheduler.runs"}
