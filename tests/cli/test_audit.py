"""`scheduler audit`: list edits, print heads, verify chains."""

import json
import re

import pytest

from resources.ids import new_id
from scheduler_defs.sensors.sealing import seal_audit


@pytest.fixture
def sealed(cli, database, scheduler):
    """Edits of acme and of no tenant, all sealed."""
    with database.begin_system() as store:
        store.audit.append(
            **{"tenant_id": None, "actor": "ann", "action": "ingest", "entity": "feed", "entity_id": "1"},
            **{"new": {"added": 1}, "now": store.now()},
        )
    assert scheduler("schedule", "create", "nightly", "--kind", "graph", "--every", "1h").exit_code == 0
    assert scheduler("schedule", "pause", "nightly", "--reason", "freeze", "--actor", "bob").exit_code == 0
    seal_audit(database)


@pytest.fixture
def heads(cli, sealed, tmp_path):
    """A file of exported heads."""
    path = tmp_path / "heads.jsonl"
    path.write_text(cli("audit", "head", "--all", "--json").stdout)
    return path


@pytest.fixture
def rewrite(admin):
    """Runs a statement as one whom no trigger stops."""

    def run(statement):
        admin.execute("SET session_replication_role = replica")
        assert admin.execute(statement).rowcount > 0

    return run


def listed(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_list_shows_who_did_what_newest_first(cli, scheduler, sealed):
    rows = scheduler("audit", "list").stdout.splitlines()
    assert rows[0].split() == ["AT", "ACTOR", "ACTION", "ENTITY", "ENTITY", "ID"]
    assert re.search(r"bob +pause +schedule", rows[1])
    assert "TENANT" in cli("audit", "list", "--all").stdout
    found = listed(scheduler("audit", "list", "--json", "--action", "pause"))
    assert [(one["actor"], one["old"]["enabled"], one["new"]["paused_reason"]) for one in found] == [
        ("bob", True, "freeze")
    ]


def test_list_filters(scheduler, sealed):
    def actions(*options):
        return [one["action"] for one in listed(scheduler("audit", "list", "--json", *options))]

    (pause,) = listed(scheduler("audit", "list", "--json", "--actor", "bob"))
    assert actions() == ["pause", "create", "apply", "create"]
    assert actions("--entity", "schedule") == ["pause", "create"]
    assert actions("--entity-id", pause["entity_id"]) == ["pause", "create"]
    assert actions("--correlation-id", pause["correlation_id"]) == ["pause"]
    assert actions("--since", pause["at"]) == ["pause"]
    assert actions("--until", pause["at"], "--entity", "schedule") == ["create"]
    assert actions("--since", "now") == []
    assert actions("--actor", "nobody") == []


def test_an_entity_there_is_none_of_is_refused_and_the_others_are_named(refused, tenant):
    error = refused("audit", "list", "--tenant", tenant, "--entity", "nonsense")
    assert "'nonsense' is not one of 'calendar', 'exploits', 'feed', 'image', 'lock', 'policy'" in error


def test_list_goes_on_at_the_cursor(scheduler, sealed):
    first = scheduler("audit", "list", "--limit", 3)
    cursor = re.search(r"there are more: --cursor (\S+)", first.stderr)[1]
    last = scheduler("audit", "list", "--limit", 3, "--cursor", cursor)
    assert (len(first.stdout.splitlines()), len(last.stdout.splitlines())) == (4, 2)
    assert "--cursor" not in last.stderr


def test_list_of_all_and_of_the_system(cli, sealed):
    assert {one["tenant_id"] for one in listed(cli("audit", "list", "--all", "--json"))} == {
        *("acme", "globex", None)
    }
    assert [one["entity"] for one in listed(cli("audit", "list", "--system", "--json"))] == ["feed"]


def test_the_correlation_id_of_a_request_is_taken_from_the_environment(scheduler, environment):
    request = str(new_id())
    environment["SCHEDULER_CORRELATION_ID"] = request
    for name in ("a", "b"):
        scheduler("schedule", "create", name, "--kind", "graph", "--every", "1h")
    found = listed(scheduler("audit", "list", "--json", "--correlation-id", request))
    assert [one["new"]["name"] for one in found] == ["b", "a"]


def test_head_prints_one_line_a_chain(cli, sealed):
    lines = [json.loads(line) for line in cli("audit", "head", "--all", "--json").stdout.splitlines()]
    assert [(one["chain"], one["seq"], len(one["hash"])) for one in lines] == [
        *(("", 1, 64), ("acme", 4, 64), ("globex", 2, 64))
    ]
    (mine,) = cli("audit", "head", "--tenant", "acme", "--json").stdout.splitlines()
    assert json.loads(mine) == lines[1]
    assert lines[0]["hash"] in cli("audit", "head", "--system").stdout


def test_head_of_a_chain_without_links(cli, tenant):
    found = cli("audit", "head", "--tenant", tenant)
    assert (found.exit_code, found.stdout, found.stderr) == (0, "", "no entry is sealed yet\n")


def test_verify_passes_an_honest_record_and_counts_what_is_not_sealed(cli, sealed, heads, scheduler):
    scheduler("schedule", "resume", "nightly")
    result = cli("audit", "verify", "--all", "--head", heads)
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["CHAIN", "SEALED", "UNSEALED", "HEADS", "RESULT"],
        ["(system)", "1", "0", "1", "intact"],
        ["acme", "4", "1", "1", "intact"],
        ["globex", "2", "0", "1", "intact"],
    ]


def test_verify_names_the_first_broken_entry(cli, sealed, rewrite, admin):
    rewrite("UPDATE scheduler.audit SET actor = 'eve' WHERE actor = 'bob'")
    ((entry,),) = admin.execute("SELECT id FROM scheduler.audit WHERE actor = 'eve'").fetchall()
    result = cli("audit", "verify", "--tenant", "acme", "--json")
    assert result.exit_code == 1
    what = "its hash is not that of its content: the entry or its seal was changed"
    assert json.loads(result.stdout) == [
        {"chain": "acme", "sealed": 3, "unsealed": 0, "heads": 0, "intact": False}
        | {"fault": {"seq": 4, "audit_id": str(entry), "what": what}}
    ]
    shown = cli("audit", "verify", "--all")
    assert shown.exit_code == 1
    assert f"BROKEN at link 4, entry {entry}" in " ".join(shown.stdout.split())
    assert cli("audit", "verify", "--tenant", "globex").exit_code == 0


@pytest.mark.parametrize("scope", [["--all"], ["--tenant", "acme"]])
def test_verify_finds_a_cut_tail_by_an_exported_head(cli, heads, rewrite, scope):
    rewrite("DELETE FROM scheduler.audit WHERE tenant_id = 'acme'")
    rewrite("DELETE FROM scheduler.audit_seals WHERE chain = 'acme'")
    assert cli("audit", "verify", *scope).exit_code == 0
    found = cli("audit", "verify", *scope, "--head", heads)
    assert found.exit_code == 1
    assert "its tail was cut" in " ".join(found.stdout.split())


def test_heads_may_be_kept_in_one_file_day_by_day(cli, heads, scheduler, database, rewrite):
    scheduler("schedule", "resume", "nightly")
    seal_audit(database)
    heads.write_text(heads.read_text() + "\n" + cli("audit", "head", "--tenant", "acme", "--json").stdout)
    assert cli("audit", "verify", "--all", "--head", heads).exit_code == 0
    rewrite("DELETE FROM scheduler.audit WHERE action = 'resume'")
    rewrite("DELETE FROM scheduler.audit_seals WHERE chain = 'acme' AND seq = 5")
    assert cli("audit", "verify", "--all", "--head", heads).exit_code == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "holds no heads"),
        ("{", ":1: at /: is not JSON"),
        ("[]", ":1: at /: is not an object"),
        ('{"seq": 1, "hash": "%s"}' % ("0" * 64), ":1: at /chain: is None"),
        ('{"chain": "a\\u0000b", "seq": 1, "hash": "%s"}' % ("0" * 64), ":1: at /chain: is 'a\\x00b'"),
        ('{"chain": "a\\ud800b", "seq": 1, "hash": "%s"}' % ("0" * 64), ":1: at /chain: is 'a\\ud800b'"),
        ('{"chain": "acme", "seq": "1", "hash": "%s"}' % ("0" * 64), ":1: at /seq: is '1'"),
        ('{"chain": "acme", "seq": 0, "hash": "%s"}' % ("0" * 64), ":1: at /seq: is 0"),
        ('{"chain": "acme", "seq": true, "hash": "%s"}' % ("0" * 64), ":1: at /seq: is True"),
        ('{"chain": "acme", "seq": 1, "hash": "%s"}' % ("G" * 64), ":1: at /hash: is 'G"),
        ('{"chain": "acme", "seq": 1, "hash": "00"}', ":1: at /hash: is '00'"),
    ],
)
def test_a_bad_head_file_names_the_field(refused, tenant, tmp_path, line, said):
    path = tmp_path / "heads.jsonl"
    path.write_text(line)
    assert said in refused("audit", "verify", "--all", "--head", path)


def test_bad_input_names_the_field(cli, refused, tenant, tmp_path):
    assert "tenant 'nobody' does not exist" in refused("audit", "verify", "--tenant", "nobody")
    assert "tenant 'nobody' does not exist" in refused("audit", "list", "--tenant", "nobody")
    assert "missing" in refused("audit", "verify", "--all", "--head", tmp_path / "missing")
    assert "cursor: 'x'" in refused("audit", "list", "--all", "--cursor", "x")
    assert "'soon' is not a time" in refused("audit", "list", "--all", "--since", "soon")
    assert "Or give --system or --all." in cli("audit", "verify").stderr
    for scope in (["--all", "--system"], ["--all", "--tenant", "acme"]):
        result = cli("audit", "verify", *scope)
        assert (result.exit_code, "only one of --tenant ID, --system and --all" in result.stderr) == (2, True)


def test_the_environments_tenant_gives_way_to_all(cli, environment, sealed):
    environment["SCHEDULER_TENANT"] = "acme"
    assert len(cli("audit", "head", "--json").stdout.splitlines()) == 1
    assert len(cli("audit", "head", "--json", "--all").stdout.splitlines()) == 3
