"""scheduler policy and scheduler finding."""

import json
import re

import pytest

from resources.inventory_records import Decided
from resources.states import JobKind, PolicyMode, RunState
from scheduler_defs.cli import following
from scheduler_defs.cli.finding import VERDICTS
from scheduler_defs.engines.policy import Verdict
from scheduler_defs.ops import attempt as attempts
from scheduler_defs.ops.launches import close_run
from scheduler_defs.ops.policy import evaluate_policies

RULE = "name: p\nrules:\n  - name: r\n    when: %s\n    verdict: %s\ndefault: ignore\n"


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "policy.yaml"
        path.write_text(text)
        return path

    return write


def test_a_policy_becomes_the_next_revision_when_it_changes(scheduler, examples, row_counts):
    path = examples / "policy.yaml"
    assert scheduler("policy", "apply", path).stdout == "policy default: revision 2 applied\n"
    before = row_counts()
    assert scheduler("policy", "apply", path).stdout == "policy default: revision 2 unchanged\n"
    assert row_counts() == before


def test_a_policy_is_removed_and_what_it_said_can_be_read(scheduler, write, found):
    scheduler("policy", "apply", write(RULE % ("true", "warn")))
    scheduler("policy", "apply", write(RULE % ("true", "block")))
    done = scheduler("policy", "remove", "p")
    assert (done.stdout, done.stderr) == ("policy p is removed; 0 open findings closed\n", "")
    assert [one["name"] for one in json.loads(scheduler("policy", "list", "--json").stdout)] == ["default"]
    assert scheduler("policy", "show", "p", "--revision", 1).stdout == RULE % ("true", "warn")
    shown = json.loads(scheduler("policy", "show", "p", "--revision", 2, "--json").stdout)
    assert (shown["revision"], shown["document"]) == (2, RULE % ("true", "block"))
    done = scheduler("policy", "remove", "default")
    assert done.stdout == "policy default is removed; 3 open findings closed\n"
    assert done.stderr.startswith("the tenant has no policy any more")
    assert json.loads(scheduler("finding", "list", "--json").stdout) == []
    assert (
        scheduler("policy", "apply", write(RULE % ("true", "block"))).stdout
        == "policy p: revision 3 applied\n"
    )
    (entry, *_) = json.loads(
        scheduler("audit", "list", "--entity", "policy", "--action", "remove", "--json").stdout
    )
    assert (entry["old"]["name"], entry["old"]["revision"], entry["new"]) == ("default", 1, None)


def test_a_policy_or_revision_that_there_is_not_is_refused(refused, tenant):
    options = "--tenant", tenant
    assert refused("policy", "remove", "x", *options) == "Error: policy 'x' does not exist for this tenant"
    error = refused("policy", "show", "default", "--revision", 9, *options)
    assert error == "Error: policy revision 'default 9' does not exist for this tenant"
    assert "0 is not in the range" in refused("policy", "show", "default", "--revision", 0, *options)


def test_exceptions_that_have_ended_are_named(scheduler, write, tenant):
    text = RULE % ("true", "warn") + "exceptions:\n"
    for name, until in (("old", "2020-02-29"), ("open", "2999-12-31"), ("new\tline", "2021-01-01T00:00:00Z")):
        text += f'  - {{name: {json.dumps(name)}, when: "true", until: {until}, reason: r}}\n'
    done = scheduler("policy", "apply", write(text))
    assert done.stdout == "policy p: revision 1 applied\n"
    assert done.stderr == "exceptions that have ended, and exempt nothing: old, new\\tline\n"


def test_a_draft_is_asked_about_and_not_applied(scheduler, write, runs, carry_out, monkeypatch, tenant):
    text = RULE % ("true", "block")
    moment = ("--as-of", "2024-05-01T00:00Z")
    asked = scheduler("policy", "simulate", write(text), "--namespace", "shop", *moment)
    (run,) = runs()
    assert asked.stdout.strip() == str(run.id)
    assert (run.kind, run.mode) == (JobKind.POLICY, PolicyMode.SIMULATE)
    at = "2024-05-01T00:00:00+00:00"
    assert run.selection == {"namespace": "shop", "draft": text, "as_of": at}
    assert [one["name"] for one in json.loads(scheduler("policy", "list", "--json").stdout)] == ["default"]
    monkeypatch.setattr(following, "sleep", lambda _: carry_out(tenant, runs()[0].id))
    waited = scheduler("policy", "simulate", write(text), "--wait")
    assert waited.exit_code == 0, waited.output
    assert waited.stdout.splitlines()[-1] == "0 new, 0 fixed, 0 changed"


def test_a_draft_that_is_no_policy_is_refused_with_its_place(refused, write, tenant):
    path = write(RULE % ("true", "deny"))
    error = refused("policy", "simulate", path, "--tenant", tenant)
    assert error.startswith(f"Error: {path}: at 5:14: rules[0].verdict: 'deny' is not a verdict")


def test_a_simulation_offers_the_options_that_it_takes(scheduler, write, runs):
    taken = {
        **{"namespace": "shop", "repository": "shop/*", "ingested_since": "2024-05-01T00:00:00+00:00"},
        **{"digest": f"sha256:{'0' * 64}", "labels": {"tier": "prod"}, "as_of": "2024-06-01T00:00:00+00:00"},
    }
    given = [
        one
        for name, value in taken.items()
        for one in (("--label", "tier=prod") if name == "labels" else (f"--{name.replace('_', '-')}", value))
    ]
    text = RULE % ("true", "warn")
    assert scheduler("policy", "simulate", write(text), *given).exit_code == 0
    assert runs()[0].selection == taken | {"draft": text}
    offered = set(re.findall(r"--[\w-]+", scheduler("policy", "simulate", "--help").stdout))
    others = {"--tenant", "--wait", "--timeout", "--actor", "--help"}
    assert offered == {one for one in given if one.startswith("--")} | others


def test_policies_are_listed_and_shown_as_applied(scheduler, examples, write):
    scheduler("policy", "apply", examples / "policy.yaml")
    scheduler("policy", "apply", write(RULE % ("true", "warn")))
    lines = scheduler("policy", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["NAME", "REVISION"], ["default", "2"], ["p", "1"]]
    assert scheduler("policy", "show", "default").stdout == (examples / "policy.yaml").read_text()
    shown = json.loads(scheduler("policy", "show", "p", "--json").stdout)
    assert (shown["name"], shown["revision"], shown["document"]) == ("p", 1, RULE % ("true", "warn"))
    assert [one["name"] for one in json.loads(scheduler("policy", "list", "--json").stdout)] == [
        "default",
        "p",
    ]


def test_a_policy_may_begin_with_a_byte_order_mark(scheduler, write):
    assert scheduler("policy", "apply", write("\ufeff" + RULE % ("true", "warn"))).exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RULE % ('"1 +"', "warn"), "at 4:15: rules[0].when: Syntax error"),
        (RULE % ("true", "deny"), "at 5:14: rules[0].verdict: 'deny' is not a verdict"),
        (RULE % ("nothing.here", "warn"), "at 4:11: rules[0].when: "),
        ("name: p\nrules: []\n", "at 1:1: policy: key 'default' is missing"),
        ("name: p\nrule: []\n", "at 2:1: policy: unknown key 'rule'"),
        ("name: [\n", "at 2:1: is not YAML"),
        ("", "at 1:1: is empty; expected a policy"),
    ],
    ids=["condition", "verdict", "variable", "missing", "unknown", "yaml", "empty"],
)
def test_a_wrong_policy_is_refused_with_its_position(refused, tenant, write, text, message):
    path = write(text)
    assert refused("policy", "apply", path, "--tenant", tenant).startswith(f"Error: {path}: {message}")


def test_a_policy_that_is_no_text_is_refused(refused, tenant, tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"name: \xff")
    error = refused("policy", "apply", path, "--tenant", tenant)
    assert error == f"Error: {path}: at /: is not UTF-8 (invalid start byte at byte 6)"
    path.write_bytes(b"#" * ((1 << 20) + 1))
    error = refused("policy", "apply", path, "--tenant", tenant)
    assert error == f"Error: {path}: at /: holds more than 1048576 bytes of content"
    path.unlink()
    error = refused("policy", "apply", path, "--tenant", tenant)
    assert (
        error == f"Error: file: '{path}' is not valid; expected a readable file (No such file or directory)"
    )


def test_an_unknown_policy_is_refused(refused, tenant):
    error = refused("policy", "show", "none", "--tenant", tenant)
    assert error == "Error: policy 'none' does not exist for this tenant"


@pytest.fixture
def found(scheduler, cli, examples, database, carry_out, runs, tenant):
    """Three open findings of the shop's image, one a verdict."""
    scheduler("ingest", "sbom", examples / "shop.cdx.json")
    cli("ingest", "advisories", examples / "advisories.osv.jsonl")
    scheduler("run", "start", "--kind", "policy")
    carry_out(tenant, runs()[0].id, RunState.RUNNING)
    with database.begin(tenant) as store:
        (image,) = store.connection.execute("SELECT id FROM inventory.images").fetchone()
        packages = "('flask', 'jinja2', 'requests')"
        query = f"SELECT id FROM inventory.component_versions WHERE package IN {packages} ORDER BY purl"
        components = [row[0] for row in store.connection.execute(query)]
        (policy,) = store.policies.list(tenant)
        facts = zip(
            components,
            ("PYSEC-2018-66", "PYSEC-2019-217", "PYSEC-2018-28"),
            ("low", "critical", "high"),
            ("ignore", "block", "block"),
            strict=True,
        )
        findings = [
            Decided(policy.policy_id, component, advisory, 1, "affected", severity, verdict, "serious", None)
            for component, advisory, severity, verdict in facts
        ]
        store.findings.write(runs()[0], {image: findings}, store.now())


def test_what_a_draft_would_change_is_listed(
    scheduler, write, found, runs, carry_out, database, tenant, monkeypatch
):
    def evaluate(_):
        carry_out(tenant, runs()[0].id, RunState.RUNNING)
        (run, *_) = runs()
        close_run(database, attempts.carry_out(database, run, run.worker_id, evaluate_policies, print))

    monkeypatch.setattr(following, "sleep", evaluate)
    draft = RULE.replace("name: p", "name: default") % ("component.name == 'requests'", "warn")
    waited = scheduler("policy", "simulate", write(draft), "--wait")
    assert waited.exit_code == 0, waited.output
    assert "39 new, 0 fixed, 3 changed" in waited.stdout.splitlines()
    assert re.search(
        r"PYSEC-2018-28 +default +block \(high\) +warn \((critical|high|medium|unknown)\)", waited.stdout
    )
    assert re.search(r"PYSEC-2019-179 +default +- +ignore", waited.stdout)


def test_findings_are_listed_worst_first(scheduler, found, environment):
    image = "registry.example/shop/storefront:2023.4"
    assert [line.count(image) for line in scheduler("finding", "list").stdout.splitlines()] == [0, 1, 1, 1]
    environment["COLUMNS"] = "100"
    lines = scheduler("finding", "list").stdout.splitlines()
    assert lines[0].split() == ["VERDICT", "SEVERITY", "ADVISORY", "COMPONENT", "IMAGE", "WHY"]
    ranked = ["PYSEC-2019-217", "PYSEC-2018-28", "PYSEC-2018-66"]
    assert [line.split()[2] for line in lines if "PYSEC" in line] == ranked
    assert max(map(len, lines)) <= 100
    listed = json.loads(scheduler("finding", "list", "--json").stdout)
    assert [one["advisory_id"] for one in listed] == ranked
    assert listed[0]["purl"] == "pkg:pypi/jinja2@2.10"


def test_findings_are_narrowed_by_verdict_and_limit(scheduler, found):
    def advisories(*options):
        return [
            one["advisory_id"] for one in json.loads(scheduler("finding", "list", "--json", *options).stdout)
        ]

    assert advisories("--verdict", "ignore") == ["PYSEC-2018-66"]
    assert advisories("--advisory", "PYSEC-2018-66", "--advisory", "CVE-2018-18074") == [
        "PYSEC-2018-28",
        "PYSEC-2018-66",
    ]
    assert advisories("--repository", "shop/*", "--verdict", "block", "--advisory", "PYSEC-2018-66") == []
    assert advisories("--namespace", "elsewhere") == []
    assert advisories("--verdict", "warn") == []
    assert advisories("--limit", 1) == ["PYSEC-2019-217"]
    assert "these are 1; there may be more" in scheduler("finding", "list", "--limit", 1).stderr


def test_the_verdicts_are_the_engines():
    assert set(VERDICTS) == set(Verdict)


def test_findings_tell_images_of_one_name_apart_and_why_each_is_one(
    scheduler, cli, examples, runs, carry_out, database, tenant, environment, tmp_path
):
    environment["COLUMNS"] = "250"
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}
    for digit, version in (("a", "2.0"), ("b", "no version")):
        bom["components"] = [
            {"type": "library", "name": "flask", "version": version, "purl": "pkg:pypi/flask"}
        ]
        (tmp_path / "bom.json").write_text(json.dumps(bom))
        image = f"registry.test/shop:1@sha256:{digit * 64}"
        scheduler("ingest", "sbom", tmp_path / "bom.json", "--image", image)
    record = {
        "id": "A-1",
        "modified": "2024-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "flask"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0"}]}],
            }
        ],
    }
    (tmp_path / "feed.json").write_text(json.dumps(record))
    cli("ingest", "advisories", tmp_path / "feed.json")
    rules = [{"name": "all", "when": "true", "verdict": "block", "message": "Ask ann"}]
    (tmp_path / "p.yaml").write_text(json.dumps({"name": "default", "default": "warn", "rules": rules}))
    scheduler("policy", "apply", tmp_path / "p.yaml")
    scheduler("run", "start", "--kind", "policy")
    carry_out(tenant, runs()[0].id, RunState.RUNNING)
    (run,) = runs()
    close_run(database, attempts.carry_out(database, run, run.worker_id, evaluate_policies, print))
    lines = scheduler("finding", "list").stdout.splitlines()[1:]
    assert sorted(re.split(r"  +", line.strip())[3:] for line in lines) == [
        [
            "pkg:pypi/flask@2.0",
            f"registry.test/shop:1@sha256:{'a' * 12}",
            "default: all. Ask ann",
        ],
        [
            "pkg:pypi/flask@no%20version",
            f"registry.test/shop:1@sha256:{'b' * 12}",
            "default: all. not comparable. Ask ann",
        ],
    ]
    alone = scheduler("finding", "list", "--digest", f"sha256:{'a' * 64}").stdout
    assert f"registry.test/shop:1@sha256:{'a' * 12}" in alone
    assert "b" * 12 not in alone
    listed = json.loads(scheduler("finding", "list", "--json").stdout)
    assert {(one["digest"][:8], one["message"]) for one in listed} == {
        ("sha256:a", "Ask ann"),
        ("sha256:b", "Ask ann"),
    }


def test_no_findings_are_no_good_news_before_a_policy_run(
    scheduler, examples, database, runs, carry_out, tenant
):
    def said(*options):
        result = scheduler("finding", "list", *options)
        assert (result.exit_code, result.stdout) == (0, "")
        return result.stderr.strip()

    assert said() == "no open findings: no image with an SBOM is selected"
    scheduler("ingest", "sbom", examples / "shop.cdx.json")
    assert (
        said() == "no open findings: no policy run has completed yet; see scheduler run start --kind policy"
    )
    assert said("--namespace", "elsewhere") == "no open findings: no image with an SBOM is selected"
    scheduler("run", "start", "--kind", "policy")
    carry_out(tenant, runs()[0].id, RunState.RUNNING)
    (run,) = runs()
    close_run(database, attempts.carry_out(database, run, run.worker_id, evaluate_policies, print))
    assert said() == "no open findings"


def test_findings_of_an_advisory_that_nobody_knows_are_refused(refused, tenant):
    error = refused("finding", "list", "--tenant", tenant, "--advisory", "CVE-1")
    assert error == (
        "Error: selection.advisories: 'CVE-1' is not valid; expected ids of ingested advisories, "
        "or of what they are about"
    )


@pytest.mark.parametrize("options", [("--verdict", "deny"), ("--limit", 0), ("--limit", "x")])
def test_wrong_options_are_refused(refused, tenant, options):
    assert f"Invalid value for '{options[0]}'" in refused("finding", "list", "--tenant", tenant, *options)
