"""Policy runs through the store, against an oracle of their own."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cvss import CVSS3
from packaging.version import Version

from resources.ids import new_id
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState, WorkState
from scheduler_defs.edits.runs import cancel_run
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.ops.evaluation import Evaluation
from scheduler_defs.ops.launches import close_run

EXAMPLES = Path(__file__).parents[2] / "examples"
FULL, INCREMENTAL, SIMULATE = PolicyMode.FULL, PolicyMode.INCREMENTAL, PolicyMode.SIMULATE
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]


def apply(world, text, tenant="acme"):
    with world.database.begin_system() as store:
        apply_policy(store, tenant, "test", text, "ann")


def always(verdict, name="default"):
    return f"name: {name}\nrules:\n  - {{name: all, when: 'true', verdict: {verdict}}}\ndefault: ignore\n"


def evaluate(world, mode=FULL, tenant="acme", **selection):
    return world.run(JobKind.POLICY, tenant, mode=mode, selection=Selection.parse(selection))


def findings(world, tenant="acme"):
    """The open findings: {(repository, package, advisory, policy): verdict}."""
    with world.database.begin(tenant) as store:
        found = store.findings.list_open(tenant, limit=1000)
    return {
        (
            one.repository,
            one.purl.rpartition("/")[2].partition("@")[0],
            one.advisory_id,
            one.policy,
        ): one.verdict
        for one in found
    }


def listed(world, tenant="acme"):
    """The open findings: (advisory, severity, verdict)."""
    with world.database.begin(tenant) as store:
        found = store.findings.list_open(tenant, limit=1000)
    return [(one.advisory_id, one.severity, one.verdict) for one in found]


def items(world, run):
    with world.database.begin(run.tenant_id) as store:
        return store.policy_jobs.list_of_run(run)


def counts(run):
    return run.stats["evaluated"], run.stats["unchanged"], run.stats["findings"]


def oracle():
    """{(package, advisory): verdict} of the example, its policy told in Python."""
    sbom = json.loads((EXAMPLES / "shop.cdx.json").read_text())
    versions = {one["name"].lower(): Version(one["version"]) for one in sbom["components"]}
    verdicts = {}
    for line in (EXAMPLES / "advisories.osv.jsonl").read_text().splitlines():
        record = json.loads(line)
        ((name, ranges),) = ((one["package"]["name"], one["ranges"]) for one in record["affected"])
        bounds = sorted(
            (Version(at), kind) for span in ranges for event in span["events"] for kind, at in event.items()
        )
        reached = [kind for at, kind in bounds if at <= versions[name]]
        if reached and reached[-1] == "introduced":
            verdicts[name, record["id"]] = verdict_on(name, record)
    return verdicts


def verdict_on(name, record):
    vectors = [one["score"] for one in record.get("severity", [])]
    severity = CVSS3(vectors[0]).severities()[0].lower() if vectors else "unknown"
    if "withdrawn" in record or (record["id"], name) == ("PYSEC-2022-202", "pyjwt"):
        return "ignore"
    if name == "certifi" or severity in {"critical", "high"}:
        return "block"
    return "warn" if severity in {"medium", "unknown"} else "ignore"


def test_the_example_gets_the_verdicts_of_an_independent_oracle(world):
    world.example()
    apply(world, (EXAMPLES / "policy.yaml").read_text())
    run = evaluate(world)
    expected = oracle()
    assert findings(world) == {
        ("shop/storefront", *pair, "default"): verdict for pair, verdict in expected.items()
    }
    assert set(expected.values()) == {"block", "warn", "ignore"}
    for verdict in ("block", "warn", "ignore"):
        assert run.stats[verdict] == list(expected.values()).count(verdict) > 0
    assert counts(run) == (1, 0, len(expected))
    assert sum(run.stats["severities"].values()) == len(expected)
    assert (run.deltas["new"], run.deltas["fixed"], run.deltas["changed"]) == (len(expected), 0, 0)
    told = [(severity, verdict) for _, severity, verdict in listed(world)]
    for severity in ("critical", "high", "unknown"):
        heeded = sum(one == severity and verdict != "ignore" for one, verdict in told)
        assert run.deltas[f"new_{severity}"] == heeded
    assert ("high", "ignore") in told, "the exception for pyjwt"
    assert ("unknown", "ignore") in told, "what was withdrawn"


def test_a_second_full_evaluation_changes_nothing_and_gives_the_same_digests(world):
    world.example()
    one, two = evaluate(world), evaluate(world)
    assert set(two.deltas.values()) == {0}
    assert one.stats == two.stats
    assert [item.result_digest for item in items(world, one)] == [
        item.result_digest for item in items(world, two)
    ]


@pytest.fixture
def shop(world):
    """Three images with one package each and an advisory for each package; every finding is a warning."""
    for number, package in enumerate(("flask", "click", "jinja2")):
        world.image(f"shop/{number}", {package: "1.0"})
    world.advisories(*(world.advisory(f"A-{package}", package) for package in ("flask", "click", "jinja2")))
    apply(world, always("warn"))
    return world


def test_incremental_evaluates_only_what_changed(shop):
    assert counts(evaluate(shop, INCREMENTAL)) == (3, 0, 3)
    before = findings(shop)
    run = evaluate(shop, INCREMENTAL)
    assert counts(run) == (0, 3, 3)
    assert findings(shop) == before
    assert [item.status for item in items(shop, run)] == [WorkState.COMPLETED] * 3

    shop.image("shop/0", {"flask": "1.0", "click": "1.0"})
    assert counts(evaluate(shop, INCREMENTAL)) == (1, 2, 4)
    shop.advisories(shop.advisory("B-jinja2", "jinja2"))
    run = evaluate(shop, INCREMENTAL)
    assert counts(run) == (1, 2, 5)
    assert (run.deltas["new"], run.deltas["fixed"]) == (1, 0)
    shop.advisories(shop.advisory("C-elsewhere", "django"))
    assert counts(evaluate(shop, INCREMENTAL)) == (0, 3, 5)
    apply(shop, always("block"))
    assert counts(evaluate(shop, INCREMENTAL)) == (3, 0, 5)
    assert counts(evaluate(shop)) == (3, 0, 5)
    assert set(findings(shop).values()) == {"block"}


def test_incremental_leaves_the_findings_of_a_full_evaluation(shop):
    evaluate(shop, FULL)
    assert counts(evaluate(shop, INCREMENTAL)) == (0, 3, 3)
    shop.image("shop/1", {"click": "2.0"})
    shop.advisories(shop.advisory("A-click", "click", ("introduced", "0"), ("fixed", "2.0")))
    run = evaluate(shop, INCREMENTAL)
    assert counts(run) == (1, 2, 2)
    assert (run.deltas["new"], run.deltas["fixed"]) == (0, 1)
    by_incremental = findings(shop)
    evaluate(shop, FULL)
    assert findings(shop) == by_incremental


def test_images_left_as_they_are_keep_their_counts_and_digests(world):
    world.example()
    full, incremental = evaluate(world), evaluate(world, INCREMENTAL)
    assert counts(incremental) == (0, 1, counts(full)[2])
    for name in ("findings", "block", "warn", "ignore", "unknown", "severities"):
        assert incremental.stats[name] == full.stats[name]
    assert set(incremental.deltas.values()) == {0}
    (before,), (after,) = items(world, full), items(world, incremental)
    assert after.result_digest == before.result_digest
    assert before.stats == {
        **{"findings": counts(full)[2], "unchanged": False},
        "deltas": {name: count for name, count in full.deltas.items() if count},
    }
    assert after.stats == {"findings": counts(full)[2], "unchanged": True}


def test_two_tenants_with_the_same_input_get_the_same_digests(world):
    world.image("elsewhere", {"click": "1.0"})
    runs = []
    for tenant in ("acme", "globex"):
        world.image("shop", {"flask": "1.0", "jinja2": None}, tenant=tenant)
        apply(world, always("warn"), tenant)
    world.advisories(world.advisory("A", "flask"), world.advisory("B", "jinja2", ("introduced", "1")))
    runs = [evaluate(world, tenant=tenant, repository="shop") for tenant in ("acme", "globex")]
    ours, theirs = ([item.result_digest for item in items(world, run)] for run in runs)
    assert counts(runs[0]) == counts(runs[1]) == (1, 0, 2)
    assert ours == theirs
    apply(world, always("block"), "globex")
    assert [item.result_digest for item in items(world, evaluate(world, tenant="globex"))] != theirs


def during(world, event):
    """Carries out a full run in which something happens between its matching and its writing."""
    opened, happened = world.opened(JobKind.POLICY), []

    def say(level, message):
        if message.startswith("compared") and not happened:
            happened.append(message)
            event()

    outcome = world.carry(opened, say)
    assert close_run(world.database, outcome)
    assert happened
    return world.row(outcome.run)


def as_evaluated_afresh(world):
    """The findings as they are and as a full evaluation leaves them."""
    as_left = findings(world)
    evaluate(world)
    return as_left, findings(world)


@pytest.mark.parametrize("what", ["feed", "policy"])
def test_a_slow_run_does_not_undo_what_a_later_one_found(shop, what):
    def change_and_evaluate():
        if what == "policy":
            apply(shop, always("block"))
        else:
            shop.advisories(
                shop.advisory("A-click", "click", ("introduced", "5")), shop.advisory("N", "flask")
            )
        evaluate(shop)

    run = during(shop, change_and_evaluate)
    assert set(run.deltas.values()) == {0}
    assert counts(evaluate(shop, INCREMENTAL))[:2] == (0, 3)
    as_left, afresh = as_evaluated_afresh(shop)
    assert as_left == afresh
    assert len(afresh) == 3


def test_incremental_compares_with_the_run_that_wrote_last_not_with_the_one_that_began_last(shop):
    def evaluate_then_change():
        evaluate(shop)
        shop.advisories(shop.advisory("A-click", "click", ("introduced", "5")))

    during(shop, evaluate_then_change)
    assert len(findings(shop)) == 2
    shop.advisories(shop.advisory("A-click", "click"))
    assert counts(evaluate(shop, INCREMENTAL)) == (1, 2, 3)
    as_left, afresh = as_evaluated_afresh(shop)
    assert as_left == afresh


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_chunks_of_a_tenant_are_written_one_at_a_time(shop, admin, mode):
    shop.image("theirs", {"flask": "1.0"}, tenant="globex")
    opened = shop.opened(JobKind.POLICY, mode=mode)
    with ThreadPoolExecutor() as executor, shop.database.begin("acme") as store:
        store.policy_jobs.lock("acme")
        assert counts(evaluate(shop, SIMULATE)) == (3, 0, 3)
        assert counts(evaluate(shop, tenant="globex")) == (1, 0, 1)
        waiting = executor.submit(shop.carry, opened)
        while not admin.execute("SELECT FROM pg_locks WHERE NOT granted AND locktype = 'advisory'").rowcount:
            assert not waiting.done()
        assert findings(shop) == {}
    assert close_run(shop.database, waiting.result())
    assert len(findings(shop)) == 3


def test_simulate_writes_no_findings_and_counts_as_no_evaluation(shop):
    run = evaluate(shop, SIMULATE)
    assert findings(shop) == {}
    assert counts(run) == (3, 0, 3)
    assert run.deltas["new"] == 3
    assert {item.kind for item in items(shop, run)} == {"simulate"}
    assert counts(evaluate(shop, INCREMENTAL)) == (3, 0, 3)
    before = findings(shop)
    apply(shop, always("block"))
    run = evaluate(shop, SIMULATE)
    assert (run.stats["block"], run.deltas["changed"]) == (3, 3)
    assert findings(shop) == before


def test_a_new_verdict_is_a_change_and_keeps_when_it_was_first_seen(shop):
    evaluate(shop)
    with shop.database.begin("acme") as store:
        first_seen = [one.first_seen_at for one in store.findings.list_open("acme")]
    apply(shop, always("block"))
    run = evaluate(shop)
    assert (run.deltas["new"], run.deltas["fixed"], run.deltas["changed"]) == (0, 0, 3)
    assert set(findings(shop).values()) == {"block"}
    with shop.database.begin("acme") as store:
        assert [one.first_seen_at for one in store.findings.list_open("acme")] == first_seen


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_a_finding_is_fixed_when_its_component_is_gone_and_new_when_it_is_back(shop, mode):
    evaluate(shop, mode)
    shop.image("shop/0", {"werkzeug": "1.0"})
    run = evaluate(shop, mode)
    assert (run.deltas["new"], run.deltas["fixed"]) == (0, 1)
    assert {key[0] for key in findings(shop)} == {"shop/1", "shop/2"}
    shop.image("shop/0", {"flask": "1.0"})
    run = evaluate(shop, mode)
    assert (run.deltas["new"], run.deltas["fixed"]) == (1, 0)
    assert len(findings(shop)) == 3


def test_images_outside_the_selection_keep_their_findings(shop):
    evaluate(shop)
    apply(shop, always("block"))
    assert counts(evaluate(shop, repository="shop/1")) == (1, 0, 1)
    assert {key[0]: verdict for key, verdict in findings(shop).items()} == {
        "shop/0": "warn",
        "shop/1": "block",
        "shop/2": "warn",
    }


def test_tenants_have_their_own_policies_and_findings(shop):
    shop.image("theirs", {"flask": "1.0"}, tenant="globex")
    apply(shop, always("block"), "globex")
    evaluate(shop)
    assert findings(shop, "globex") == {}
    evaluate(shop, tenant="globex")
    assert findings(shop, "globex") == {("theirs", "flask", "A-flask", "default"): "block"}
    assert set(findings(shop).values()) == {"warn"}


def test_every_policy_of_the_tenant_decides(shop):
    apply(shop, always("block", "strict"))
    assert counts(evaluate(shop)) == (3, 0, 6)
    assert {(key[3], verdict) for key, verdict in findings(shop).items()} == {
        ("default", "warn"),
        ("strict", "block"),
    }


def test_new_critical_findings_are_counted(shop):
    evaluate(shop)
    shop.advisories(
        shop.advisory("X", "flask", severity=CRITICAL), shop.advisory("Y", "nothing", severity=CRITICAL)
    )
    run = evaluate(shop, INCREMENTAL)
    assert (run.deltas["new"], run.deltas["new_critical"], run.deltas["new_high"]) == (1, 1, 0)


def test_new_findings_that_are_ignored_count_as_new_and_as_nothing_more(world):
    """One each: withdrawn, silenced by a rule, excepted; and one that is to be dealt with."""
    for package in ("flask", "click", "jinja2", "django"):
        world.image(f"shop/{package}", {package: "1.0"})
    rated = {"severity": CRITICAL}
    world.advisories(
        world.advisory("A", "flask", withdrawn="2026-02-01T00:00:00Z", **rated),
        *(world.advisory(f"B-{package}", package, **rated) for package in ("click", "jinja2", "django")),
    )
    excepted = "{name: e, when: component.name == 'jinja2', until: 9000-01-01, reason: r}"
    silenced = "{name: s, when: component.name == 'click', verdict: ignore}"
    apply(world, f"name: default\nexceptions: [{excepted}]\nrules: [{silenced}]\ndefault: block\n")
    run = evaluate(world, SIMULATE)
    assert (run.stats["block"], run.stats["ignore"], run.stats["severities"]) == (1, 3, {"critical": 4})
    assert (run.deltas["new"], run.deltas["new_critical"]) == (4, 1)
    assert evaluate(world).deltas == run.deltas


def test_what_cannot_be_compared_is_a_finding_too(world):
    world.image(packages={"flask": "(devel)"})
    world.advisories(world.advisory("A", "flask", ("introduced", "0"), ("fixed", "2.0")))
    apply(
        world,
        "name: default\nrules:\n  - {name: odd, when: 'match == \"unknown\"', verdict: block}\ndefault: ignore",
    )
    assert counts(evaluate(world)) == (1, 0, 1)
    with world.database.begin("acme") as store:
        (found,) = store.findings.list_open("acme")
    assert (found.match, found.verdict, found.rule) == ("unknown", "block", "odd")


def test_what_cannot_be_compared_is_counted_by_whoever_evaluates_it(world, admin, monkeypatch):
    """One image has it; the counts are the same when it is evaluated, left as it is, and was by an earlier attempt."""
    world.image("shop/0", {"flask": "(devel)", "click": "1.0"})
    world.image("shop/1", {"flask": "1.0"})
    bounds = ("introduced", "0"), ("fixed", "2.0")
    world.advisories(world.advisory("A", "flask", *bounds), world.advisory("B", "click", *bounds))
    apply(world, always("ignore"))
    for mode, evaluated in ((SIMULATE, 2), (FULL, 2), (INCREMENTAL, 0)):
        run = evaluate(world, mode)
        assert (run.stats["evaluated"], run.stats["unknown"], run.stats["findings"]) == (evaluated, 1, 3)
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    opened = world.opened(JobKind.POLICY, mode=FULL)

    def killed(level, message):
        if message == "looked at 1 of 2 images":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.carry(opened, killed)
    (run,) = opened.runs
    admin.execute("UPDATE scheduler.runs SET attempt = attempt + 1 WHERE id = %s", [run.id])
    assert world.carry(replace(opened, runs=[world.row(run)])).result.stats["unknown"] == 1


def test_a_tenant_without_a_policy_fails_clearly_and_keeps_its_findings(shop, admin):
    evaluate(shop)
    before = findings(shop)
    admin.execute("SET session_replication_role = replica")
    admin.execute("DELETE FROM inventory.policy_revisions WHERE tenant_id = 'acme'")
    admin.execute("CREATE TABLE public.kept AS TABLE inventory.policies")
    admin.execute("DELETE FROM inventory.policies WHERE tenant_id = 'acme'")
    run = evaluate(shop)
    assert run.state is RunState.FAILED
    assert "policy: 'none' is not valid; expected at least one policy" in run.error
    assert items(shop, run) == []
    admin.execute("INSERT INTO inventory.policies SELECT * FROM public.kept WHERE tenant_id = 'acme'")
    assert findings(shop) == before


def test_chunks_add_up_and_a_run_stopped_between_them_keeps_what_it_has(shop, monkeypatch):
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 2)
    assert counts(evaluate(shop)) == (3, 0, 3)
    apply(shop, always("block"))
    opened = shop.opened(JobKind.POLICY)
    (run,) = opened.runs

    def cancel_after_the_first(level, message):
        if message == "looked at 2 of 3 images":
            with shop.database.begin("acme") as store:
                cancel_run(store, run, "ann")

    assert close_run(shop.database, shop.carry(opened, cancel_after_the_first))
    assert shop.row(run).state is RunState.CANCELLED
    assert [item.status for item in items(shop, run)] == ["completed", "completed"]
    assert sorted(findings(shop).values()) == ["block", "block", "warn"]
    assert counts(evaluate(shop, INCREMENTAL)) == (1, 2, 3)
    assert set(findings(shop).values()) == {"block"}


def test_what_postgresql_refuses_ends_the_run_with_the_chunks_before_it(shop, admin, monkeypatch):
    """It is refused while the next chunk is judged: neither findings nor items of its chunk are written."""
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    admin.execute("""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT count(*) FROM scheduler.policy_jobs WHERE run_id = NEW.run_id) > 0 THEN
                RAISE EXCEPTION 'the second is refused';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON scheduler.policy_jobs FOR EACH ROW EXECUTE FUNCTION public.refuse();
    """)
    opened = shop.opened(JobKind.POLICY, mode=FULL)
    outcome = shop.carry(opened)
    assert (outcome.state, "the second is refused" in outcome.error) == (RunState.FAILED, True)
    (item,) = items(shop, *opened.runs)
    written = admin.execute("SELECT DISTINCT image_id FROM inventory.findings").fetchall()
    assert written == [(item.image_id,)]


def test_an_image_that_cannot_be_judged_ends_the_run_with_the_chunks_before_it(shop, monkeypatch):
    """It fails while the chunk before is written."""
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    judge, judged = Evaluation.findings, []

    def fails_at_the_second(self, image, stated):
        judged.append(image.id)
        if len(judged) == 2:
            raise MemoryError("the second is too large")
        return judge(self, image, stated)

    monkeypatch.setattr(Evaluation, "findings", fails_at_the_second)
    opened = shop.opened(JobKind.POLICY, mode=FULL)
    outcome = shop.carry(opened)
    assert (outcome.state, outcome.error) == (RunState.FAILED, "MemoryError: the second is too large")
    assert [item.image_id for item in items(shop, *opened.runs)] == judged[:1]


def test_a_signal_ends_the_wait_for_postgresql(shop, admin):
    """The write waits for a lock that is not given back before the run has ended."""

    def interrupted(*_):
        raise KeyboardInterrupt

    def interrupt():
        while not admin.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount:
            pass
        os.kill(os.getpid(), signal.SIGUSR1)

    opened = shop.opened(JobKind.POLICY, mode=FULL)
    before = signal.signal(signal.SIGUSR1, interrupted)
    try:
        with ThreadPoolExecutor() as aside, admin.transaction():
            admin.execute("LOCK inventory.findings IN SHARE MODE")
            sent = aside.submit(interrupt)
            with pytest.raises(KeyboardInterrupt):
                shop.carry(opened)
            sent.result()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert items(shop, *opened.runs) == []


def test_the_next_attempt_evaluates_what_is_left_of_the_images_still_selected(world, admin, monkeypatch):
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    for name in ("zero", "one", "two"):
        world.image(f"shop/{name}", {"flask": "1.0"}, labels={"tier": "prod"})
    world.advisories(world.advisory("A", "flask"))
    apply(world, always("warn"))
    evaluate(world)
    apply(world, always("block"))
    opened = world.opened(JobKind.POLICY, selection=Selection.parse({"labels": {"tier": "prod"}}))
    (run,) = opened.runs

    def killed(level, message):
        if message == "looked at 1 of 3 images":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.carry(opened, killed)
    (kept,) = items(world, run)
    admin.execute("UPDATE scheduler.runs SET attempt = attempt + 1 WHERE id = %s", [run.id])
    admin.execute("UPDATE inventory.images SET labels = '{}' WHERE repository = 'shop/two'")
    outcome = world.carry(replace(opened, runs=[world.row(run)]))
    assert close_run(world.database, outcome)
    first, second = items(world, run)
    assert first == kept, "what the first attempt completed stays"
    assert second.status is WorkState.COMPLETED
    assert (outcome.result.stats["evaluated"], outcome.result.stats["block"]) == (2, 2)
    assert outcome.result.deltas["changed"] == 2, "the first attempt's counts too"
    assert {key[0]: verdict for key, verdict in findings(world).items()} == {
        "shop/zero": "block",
        "shop/one": "block",
        "shop/two": "warn",
    }


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL, SIMULATE])
def test_a_run_that_was_killed_counts_in_the_end_what_one_attempt_would_have(shop, admin, monkeypatch, mode):
    """One image has what is new, one what is new and fixed, one is as it was."""
    evaluate(shop)
    shop.image("shop/0", {"flask": "1.0", "click": "1.0"})
    shop.image("shop/1", {"click": "2.0"})
    shop.advisories(shop.advisory("C", "click", ("introduced", "0"), ("fixed", "2")))
    whole = evaluate(shop, SIMULATE) if mode is SIMULATE else None
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    opened = shop.opened(JobKind.POLICY, mode=mode)
    (run,) = opened.runs

    def killed(level, message):
        if message == "looked at 2 of 3 images":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.carry(opened, killed)
    admin.execute("UPDATE scheduler.runs SET attempt = attempt + 1 WHERE id = %s", [run.id])
    result = shop.carry(replace(opened, runs=[shop.row(run)])).result
    assert len(items(shop, run)) == 3
    told = {name: count for name, count in result.deltas.items() if count}
    assert told == {"new": 3, "fixed": 1, "new_unknown": 3}
    unchanged = 1 if mode is INCREMENTAL else 0
    assert (result.stats["images"], result.stats["unchanged"]) == (3, unchanged)
    assert result.stats["findings"] == sum(result.stats["severities"].values()) == 5
    if whole:
        assert (result.stats, result.deltas) == (whole.stats, whole.deltas)


def test_what_an_earlier_release_listed_and_did_not_evaluate_is_evaluated(shop, admin):
    opened = shop.opened(JobKind.POLICY, mode=FULL)
    (run,) = opened.runs
    with shop.database.begin("acme") as store:
        images = store.images.select("acme", Selection())
        store.policy_jobs.create_many(run, FULL, images, store.now())
        store.policy_jobs.claim(run, new_id(), store.now(), limit=1)
    admin.execute("UPDATE scheduler.runs SET attempt = attempt + 1 WHERE id = %s", [run.id])
    outcome = shop.carry(replace(opened, runs=[shop.row(run)]))
    assert (outcome.state, outcome.result.stats["evaluated"], len(findings(shop))) == (
        RunState.COMPLETED,
        3,
        3,
    )
    assert {item.status for item in items(shop, run)} == {WorkState.CANCELLED}
    assert counts(evaluate(shop, INCREMENTAL)) == (3, 0, 3)


def test_an_sbom_that_comes_during_a_run_is_evaluated_as_a_whole(shop, monkeypatch):
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    opened, lines = shop.opened(JobKind.POLICY, mode=FULL), []

    def say(level, message):
        lines.append(message)
        if message == "looked at 1 of 3 images":
            for number in range(3):
                shop.image(f"shop/{number}", {"flask": "1.0", "jinja2": "1.0"})

    outcome = shop.carry(opened, say)
    assert outcome.state is RunState.COMPLETED
    assert sum("evaluating by what holds now" in line for line in lines) == 1
    assert outcome.result.stats["evaluated"] == 3
    run = evaluate(shop, INCREMENTAL)
    assert counts(run) == (1, 2, 6), "the one that was evaluated before its SBOM came"
    assert run.deltas["new"] >= 1


def test_an_image_that_loses_its_sbom_during_a_run_is_left_out(shop, admin, monkeypatch):
    monkeypatch.setattr("scheduler_defs.ops.policy_chunks.CHUNK", 1)
    opened = shop.opened(JobKind.POLICY, mode=FULL)

    def say(level, message):
        if message == "looked at 1 of 3 images":
            last = "SELECT id FROM inventory.images ORDER BY id DESC LIMIT 1"
            admin.execute(f"UPDATE inventory.images SET sbom_id = NULL WHERE id = ({last})")

    outcome = shop.carry(opened, say)
    assert (outcome.state, outcome.result.stats["evaluated"]) == (RunState.COMPLETED, 2)
    assert len(items(shop, outcome.run)) == 2
