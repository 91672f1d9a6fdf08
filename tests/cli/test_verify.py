"""`scheduler verify`: what it prints and writes, and its exit codes."""

import json
import re

import pytest

DIGEST = r"[0-9a-f]{64}"


@pytest.fixture
def reports(environment, tmp_path):
    """Where a report goes by default."""
    return tmp_path / "data" / "reports"


def test_it_prints_and_writes_a_report_and_leaves_nothing(cli, reports, row_counts, scheduler):
    before = row_counts()
    result = cli("verify")
    assert result.exit_code == 0, result.output
    assert row_counts() == before
    *_, page, data, last = result.stdout.splitlines()
    counts = re.fullmatch(rf"verified: (\d+) passed, 0 failed, 0 skipped, digest ({DIGEST})", last)
    assert [page, data] == [str(path) for path in sorted(reports.iterdir(), reverse=True)]
    kept = json.loads((reports / data).read_text())
    assert re.fullmatch(r".*/verification-\d{8}T\d{6}\.\d{6}Z\.json", data)
    assert (kept["counts"]["passed"], kept["digest"]) == (int(counts[1]), counts[2])
    assert len(kept["checks"]) == kept["counts"]["passed"] == len(result.stderr.splitlines())
    assert (reports / page).read_text().startswith("# Verification\n")
    assert "passed   schema: migrations (" in result.stderr
    assert re.search(
        r"^transitions: runs +passed +\d+\.\d\d +10 legal edges gone, 32 illegal", result.stdout, re.M
    )


def test_a_failed_check_is_named_and_the_exit_code_is_1(cli, reports, admin, tmp_path):
    admin.execute("DROP POLICY tenant_rows ON scheduler.runs")
    result = cli("verify", "--json", "--output", tmp_path / "elsewhere" / "deep")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said == json.loads(next((tmp_path / "elsewhere" / "deep").glob("*.json")).read_text())
    failed = {check["name"] for check in said["checks"] if check["outcome"] == "failed"}
    assert {"schema: catalog", "repository: runs", "jobs: graph"} <= failed
    assert said["counts"]["failed"] == len(failed)
    assert {"schema: migrations", "triggers: cron", "locks: lease", "nothing is left"}.isdisjoint(failed)
    assert not reports.exists()


def test_a_database_that_is_not_migrated_or_not_there_is_refused(cli, environment, server, make_database):
    environment["SCHEDULER_DSN"] = server.conninfo(make_database("OWNER scheduler"))
    result = cli("verify")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.search(
        r"^Error: the database is not migrated to .*; run `scheduler db upgrade`$", result.stderr, re.M
    )
    environment["SCHEDULER_DSN"] = "host=127.0.0.1 port=1 user=nobody dbname=nothing connect_timeout=1"
    result = cli("verify")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error: PostgreSQL at host=127.0.0.1 port=1" in result.stderr


def test_an_output_that_is_no_directory_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("")
    assert "output: " in refused("verify", "--output", tmp_path / "file")
