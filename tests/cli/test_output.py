"""What is printed: durations, times, JSON, and nothing that steers the terminal."""

import json
from datetime import UTC, datetime

import pytest

from scheduler_defs.cli.output import cell, one_line, printable


def test_cells_cannot_steer_the_terminal():
    assert printable("a\x1b[31mb\rc\u202ed\ne") == "a\\x1b[31mb\\rc\\u202ed\ne"
    assert one_line("a\n  b\x07\n\n c") == "a b\\x07 c"
    assert (
        cell({"k": "\x1b", "at": datetime(2026, 1, 1, tzinfo=UTC)})
        == '{"k": "\\u001b", "at": "2026-01-01T00:00:00+00:00"}'
    )
    assert [cell(True), cell(False), cell(""), cell({}), cell(0)] == ["yes", "no", "-", "-", "0"]


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (
            ("tenant", "list"),
            {"tenant_id", "display_name", "max_concurrent_runs", "created_at", "created_by"},
        ),
        (("policy", "list", "--tenant", "acme"), {"policy_id", "name", "revision", "document", "digest"}),
    ],
    ids=["tenants", "policies"],
)
def test_json_is_for_machines(cli, tenant, arguments, keys):
    rows = json.loads(cli(*arguments, "--json").stdout)
    assert rows
    assert all(row.keys() == keys for row in rows)


@pytest.mark.parametrize("group", ["run", "schedule", "finding"])
def test_an_empty_list_is_an_empty_array(cli, tenant, group):
    assert json.loads(cli(group, "list", "--tenant", tenant, "--json").stdout) == []
    result = cli(group, "list", "--tenant", tenant)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("no ")
