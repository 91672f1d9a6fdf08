"""scheduler tenant."""

import json

import pytest


def test_a_created_tenant_has_a_name_a_limit_and_the_default_policy(cli, database):
    result = cli(
        "tenant", "create", "acme", "--name", "Acme Inc", "--max-concurrent-runs", 3, "--actor", "ann"
    )
    assert (result.exit_code, result.stdout) == (0, "tenant acme created\n")
    with database.begin("acme") as store:
        made = store.tenants.get("acme")
        policies = [policy.name for policy in store.policies.list("acme")]
    assert (made.display_name, made.max_concurrent_runs, made.created_by) == ("Acme Inc", 3, "ann")
    assert policies == ["default"]


def test_tenants_are_listed_by_id(cli, tenant):
    cli("tenant", "create", "initech", "--max-concurrent-runs", 2)
    lines = cli("tenant", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "MAX", "RUNS", "CREATED", "BY"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["acme", "acme", "-"],
        ["globex", "globex", "-"],
        ["initech", "initech", "2"],
    ]
    listed = json.loads(cli("tenant", "list", "--json").stdout)
    assert [one["max_concurrent_runs"] for one in listed] == [None, None, 2]


def test_no_tenants_is_said_and_how_to_make_one(cli):
    result = cli("tenant", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "scheduler tenant create" in result.stderr


@pytest.mark.parametrize("name", ["", "Acme", "a b", "-a", "a/b", "x" * 64, "ä"])
def test_a_wrong_id_is_refused(refused, name):
    error = refused("tenant", "create", "--", name)
    assert error.startswith(f"Error: tenant: {name!r} is not valid; expected 1 to 63 lower-case letters")


def test_an_id_in_use_is_refused(refused, tenant):
    assert refused("tenant", "create", tenant) == "Error: tenant 'acme' exists already"


@pytest.mark.parametrize("limit", [0, -1, 2**31, "many"])
def test_a_wrong_limit_is_refused(refused, limit):
    assert "'--max-concurrent-runs'" in refused("tenant", "create", "acme", "--max-concurrent-runs", limit)
