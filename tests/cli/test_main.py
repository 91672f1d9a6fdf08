"""What all commands share: the tenant they want, their help, and what is imported when."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scheduler_defs.cli.main import COMMANDS, main

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAVY = ["dagster", "sqlalchemy", "alembic", "cel", "univers", "jsonschema_rs", "cyclonedx"]

TENANT_COMMANDS = [
    ("schedule", "create", "x", "--kind", "graph", "--every", "1m"),
    ("schedule", "list"),
    ("schedule", "show", "x"),
    ("schedule", "pause", "x"),
    ("schedule", "resume", "x"),
    ("schedule", "delete", "x", "--yes"),
    ("schedule", "trigger", "x"),
    ("schedule", "edit", "x"),
    ("schedule", "restore", "x"),
    ("schedule", "preview", "x"),
    ("schedule", "diff", "x", "--every", "1m"),
    ("schedule", "remove-trigger", "x", "abc"),
    ("calendar", "create", "x", "--days", "sun"),
    ("calendar", "edit", "x"),
    ("calendar", "list"),
    ("calendar", "show", "x"),
    ("calendar", "delete", "x", "--yes"),
    ("calendar", "check", "x"),
    ("run", "start", "--kind", "graph"),
    ("run", "list"),
    ("run", "counts"),
    ("run", "show", "0"),
    ("run", "logs", "0"),
    ("run", "cancel", "0"),
    ("run", "retry", "0"),
    ("log", "search"),
    ("db", "rebuild-summaries", "--since", "now"),
    ("ingest", "sbom", str(EXAMPLES / "shop.cdx.json")),
    ("ingest", "vex", str(EXAMPLES / "shop.cdx.json")),
    ("vex", "list"),
    ("policy", "apply", str(EXAMPLES / "policy.yaml")),
    ("policy", "simulate", str(EXAMPLES / "policy.yaml")),
    ("policy", "list"),
    ("policy", "show", "default"),
    ("policy", "remove", "default"),
    ("finding", "list"),
    ("image", "list"),
    ("image", "remove", "x"),
    ("impact", "list"),
    ("impact", "show", "0"),
    ("impact", "diff", "0", "0"),
    ("graph", "show", "x"),
    ("graph", "picture", "x"),
    ("graph", "why", "x", "y"),
    ("graph", "diff", "x", "y"),
    ("notification", "list"),
    ("audit", "list"),
    ("audit", "fires"),
    ("audit", "head"),
    ("audit", "verify"),
]
TENANT_OR_NONE = {("ingest", "quarantine")}


def words(arguments):
    return " ".join(arguments[:2]) if isinstance(arguments, tuple) else None


def subcommands():
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        yield (name,), command
        for inner in getattr(command, "commands", {}):
            yield (name, inner), command.commands[inner]


@pytest.mark.parametrize("arguments", TENANT_COMMANDS, ids=words)
def test_a_tenant_that_is_unknown_empty_or_left_out_is_refused(refused, tenant, arguments):
    assert refused(*arguments, "--tenant", "nobody") == "Error: tenant 'nobody' does not exist"
    assert "tenant: '' is not valid" in refused(*arguments, "--tenant", "")
    assert "Missing option '--tenant' (env var: 'SCHEDULER_TENANT')" in refused(*arguments)


def test_the_list_of_tenant_commands_is_complete():
    wanting = {names for names, command in subcommands() if any(p.name == "tenant" for p in command.params)}
    assert wanting == {arguments[:2] for arguments in TENANT_COMMANDS} | TENANT_OR_NONE


def test_the_environment_names_tenant_and_actor(cli, environment, database, tenant):
    environment |= {"SCHEDULER_TENANT": "acme", "SCHEDULER_ACTOR": "ann"}
    assert cli("schedule", "create", "x", "--kind", "graph", "--every", "1m").exit_code == 0
    with database.begin(tenant) as store:
        assert store.schedules.get_by_name(tenant, "x").created_by == "ann"


def test_a_misspelt_variable_is_named_with_the_nearest(cli, environment, tenant):
    environment |= {"SCHEDULER_TENENT": "x", "SCHEDULER_RUN_RETENTION": "1", "SCHEDULER_ACTOR": "ann"}
    assert cli("tenant", "list").stderr.splitlines() == [
        "warning: SCHEDULER_RUN_RETENTION means nothing; did you mean SCHEDULER_RUN_RETENTION_DAYS?",
        "warning: SCHEDULER_TENENT means nothing; did you mean SCHEDULER_TENANT?",
    ]


def test_help_shows_defaults_as_they_are_typed():
    shown = CliRunner().invoke(main, ["schedule", "create", "--help"]).stdout
    assert "[default: (skip; with --on buffer_one)]" in " ".join(shown.split())
    assert "[default: latest]" in " ".join(shown.split())


def test_summaries_of_the_root_are_those_of_the_commands():
    context = click.Context(main)
    said = {name: main.get_command(context, name).help.splitlines()[0] for name in COMMANDS}
    assert said.keys() == COMMANDS.keys()
    for name in COMMANDS.keys() - {"up", "demo"}:
        assert COMMANDS[name] == said[name]


@pytest.mark.parametrize("names", [names for names, _ in subcommands()], ids=" ".join)
def test_every_command_has_help_within_100_columns(names):
    result = CliRunner(env={"COLUMNS": "100"}).invoke(main, [*names, "--help"])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: scheduler {' '.join(names)} ")
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_unknown_commands_are_refused(refused):
    assert "No such command 'fly'" in refused("fly")
    assert "No such command 'fly'" in refused("run", "fly")


def loaded(calls, environment=None):
    """Which heavy modules are in a process after some calls of the command, and what it printed."""
    script = f"""
import sys
from scheduler_defs.cli.main import main
for arguments in {calls}:
    try:
        main(arguments)
    except SystemExit as end:
        assert not end.code
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=True)
    return done.stdout, done.stderr.splitlines()[-1]


def test_help_imports_neither_dagster_nor_engines():
    stdout, modules = loaded([["--help"]])
    assert all(name in stdout for name in COMMANDS)
    assert modules == "[]"


def test_lists_import_neither_dagster_nor_engines(environment, tenant):
    groups = "run", "schedule", "policy", "finding", "image", "impact"
    stdout, modules = loaded([[group, "list", "--tenant", tenant] for group in groups], environment)
    assert "default" in stdout
    assert modules == "[]"


def test_the_version_is_printed():
    assert CliRunner().invoke(main, ["--version"]).stdout.startswith("scheduler, version 0.")
