import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidDocument
from scheduler_defs.engines.exploits import ExploitFact
from scheduler_defs.engines.policy import (
    AdvisoryFact,
    ComponentFact,
    Decision,
    Fact,
    ImageFact,
    Policy,
    Verdict,
    VexFact,
    compile_policy,
    input_digest,
    load_default_policy,
)
from scheduler_defs.engines.severity import Severity

FACT = Fact(
    ComponentFact("pkg:npm/%40scope/left@1.0.0", "npm", "@scope", "left", "1.0.0"),
    AdvisoryFact(
        "GHSA-1", ("CVE-2024-1",), Severity.HIGH, 7.5, False, datetime(2024, 2, 1, tzinfo=UTC), "Leak"
    ),
    "affected",
)


def advisory(**changes: Any) -> Fact:
    return replace(FACT, advisory=replace(FACT.advisory, **changes))


def component(**changes: Any) -> Fact:
    return replace(FACT, component=replace(FACT.component, **changes))


def stated(justification: str) -> Fact:
    return replace(FACT, vex=VexFact("not_affected", justification))


def labelled(**labels: str) -> Fact:
    return replace(FACT, image=ImageFact(labels=tuple(sorted(labels.items()))))


def exploited(*values: Any) -> Fact:
    return replace(FACT, exploits=ExploitFact(*values))


def one_rule(when: str) -> Policy:
    return compile_policy("test.yaml", document(when))


def document(when: str) -> str:
    # A JSON string is a YAML string.
    return (
        "name: test\n"
        "rules:\n"
        "  - name: only\n"
        f"    when: {json.dumps(when)}\n"
        "    verdict: block\n"
        "default: ignore\n"
    )


@pytest.mark.parametrize(
    ("fact", "verdict", "rule"),
    [
        (advisory(severity=Severity.CRITICAL), Verdict.BLOCK, "block-severe"),
        (advisory(severity=Severity.HIGH), Verdict.BLOCK, "block-severe"),
        (advisory(severity=Severity.MEDIUM), Verdict.WARN, "warn-medium"),
        (advisory(severity=Severity.UNKNOWN), Verdict.WARN, "warn-unrated"),
        (advisory(severity=Severity.LOW), Verdict.IGNORE, None),
        (advisory(severity=Severity.NONE), Verdict.IGNORE, None),
        (advisory(severity=Severity.CRITICAL, withdrawn=True), Verdict.IGNORE, "withdrawn"),
        (replace(FACT, match="unknown"), Verdict.WARN, "version-not-comparable"),
        (replace(FACT, vex=VexFact("not_affected")), Verdict.IGNORE, "vex"),
        (replace(FACT, vex=VexFact("fixed")), Verdict.IGNORE, "vex"),
        (replace(FACT, vex=VexFact("affected")), Verdict.BLOCK, "block-severe"),
        (replace(FACT, vex=VexFact("under_investigation")), Verdict.BLOCK, "block-severe"),
    ],
)
def test_the_default_policy_decides(fact: Fact, verdict: Verdict, rule: str | None) -> None:
    decision = compile_policy("default", load_default_policy()).decide(fact)
    assert (decision.verdict, decision.rule) == (verdict, rule)


def test_the_first_rule_that_holds_decides() -> None:
    policy = compile_policy(
        "test.yaml",
        """
name: ordered
description: three rules
rules:
  - {name: never, when: "false", verdict: block}
  - {name: first, when: 'component.type == "npm"', verdict: warn, message: npm it is}
  - {name: second, when: true, verdict: block}
default: ignore
""",
    )
    assert (policy.name, policy.description, policy.default) == ("ordered", "three rules", Verdict.IGNORE)
    assert policy.decide(FACT) == Decision(Verdict.WARN, "first", "npm it is")
    assert policy.decide(component(type="pypi")) == Decision(Verdict.BLOCK, "second", None)


def test_a_withdrawn_advisory_is_ignored_whatever_a_policy_says() -> None:
    excepted = "exceptions: [{name: e, when: true, until: 2030-01-01, reason: r}]"
    blocking = (
        "rules: [{name: a, when: advisory.withdrawn, verdict: block}, {name: b, when: true, verdict: block}]"
    )
    policy = compile_policy("test.yaml", f"name: x\n{blocking}\ndefault: block\n")
    lenient = compile_policy("test.yaml", f"name: x\n{excepted}\nrules: []\ndefault: block\n")
    told = Decision(Verdict.IGNORE, "withdrawn", "The advisory was withdrawn.")
    for severity in Severity:
        gone = advisory(severity=severity, withdrawn=True)
        assert (policy.decide(gone), lenient.decide(gone)) == (told, told)
        assert policy.decide(advisory(severity=severity)) == Decision(Verdict.BLOCK, "b", None)


def test_a_policy_without_rules_gives_its_default() -> None:
    policy = compile_policy("test.yaml", "name: empty\nrules: []\ndefault: warn\n")
    assert policy.decide(FACT) == Decision(Verdict.WARN, None, None)


@pytest.mark.parametrize(
    ("when", "fact", "holds"),
    [
        ('advisory.aliases.exists(a, a.startsWith("CVE-2024"))', FACT, True),
        ('advisory.aliases.exists(a, a.startsWith("CVE-2024"))', advisory(aliases=()), False),
        ('"CVE-2024-1" in advisory.aliases', FACT, True),
        ('"CVE-2024-1" in advisory.upstream', FACT, False),
        ('"CVE-2024-2" in advisory.upstream', advisory(upstream=("CVE-2024-2",)), True),
        ("advisory.score >= 7.0", FACT, True),
        ("advisory.score >= 7.0", advisory(score=6.9), False),
        ("advisory.score > 7", FACT, True),
        ('component.namespace == ""', component(namespace=None), True),
        ('component.namespace.startsWith("@")', component(namespace=None), False),
        ('component.version == ""', component(version=None), True),
        ('component.purl.startsWith("pkg:npm/")', FACT, True),
        ('advisory.published != null && advisory.published < timestamp("2024-03-01T00:00:00Z")', FACT, True),
        (
            'advisory.published != null && advisory.published < timestamp("2024-03-01T00:00:00Z")',
            advisory(published=None),
            False,
        ),
        ("has(advisory.published)", FACT, True),
        ('match == "unknown"', replace(FACT, match="unknown"), True),
        ('advisory.summary.contains("advisory.nonsense") || component.name == "left" // x.y', FACT, True),
        ("advisory.published.getFullYear() == 2024 || true", FACT, True),
        ('vex.status == "" && vex.justification == "" && vex.note == ""', FACT, True),
        ('vex.status in ["not_affected", "fixed"]', replace(FACT, vex=VexFact("fixed")), True),
        ('vex.status in ["not_affected", "fixed"]', replace(FACT, vex=VexFact("affected")), False),
        ('vex.justification == "component_not_present"', stated("component_not_present"), True),
        ('image.repository.startsWith("shop/")', replace(FACT, image=ImageFact("", "shop/web")), True),
        ('image.tag == "" && image.digest == ""', replace(FACT, image=ImageFact("", "shop/web")), True),
        ('"tier" in image.labels && image.labels.tier == "live"', labelled(tier="live"), True),
        ('"tier" in image.labels && image.labels.tier == "live"', labelled(other="live"), False),
        ("has(image.labels.tier)", labelled(tier="x"), True),
        ('advisory.aliases.exists(image, image.startsWith("CVE-2024"))', FACT, True),
        ("epss.score > 0.5 && epss.percentile >= 0.9", exploited(0.51, 0.9), True),
        ("epss.score > 0.5 && epss.percentile >= 0.9", exploited(0.5, 0.9), False),
        ("epss.score == 0.0 && epss.percentile == 0.0", FACT, True),
        ("kev.listed && kev.ransomware", exploited(0.0, 0.0, date(2024, 1, 31), True), True),
        ("kev.listed || kev.ransomware || kev.added != null", FACT, False),
        (
            'kev.added != null && kev.added == timestamp("2024-01-31T00:00:00Z")',
            exploited(0.0, 0.0, date(2024, 1, 31)),
            True,
        ),
        ('kev.added != null && kev.added < timestamp("2024-03-01T00:00:00Z")', FACT, False),
        ('advisory.aliases.exists(kev, kev.startsWith("CVE-2024"))', FACT, True),
    ],
)
def test_rules_see_the_fact(when: str, fact: Fact, holds: bool) -> None:
    assert one_rule(when).decide(fact).rule == ("only" if holds else None)


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ('advisory.severity in ["critical"', "Syntax error"),
        ("advisory.severity ==", "Syntax error"),
        ("severity == 'high'", "unknown variable 'severity'"),
        ("true || nothing.at_all", "unknown variable 'nothing'"),
        ('advisory.sevrity == "high"', "unknown field advisory.sevrity"),
        ('true || component . flavour == "x"', "unknown field component.flavour"),
        ('vex.state == "fixed"', "unknown field vex.state"),
        ('true || image.name == "x"', "unknown field image.name"),
        ('image.labels.tier == "live"', "labels: unknown key 'tier'"),
        ('advisory.severity == "hgih"', "compares advisory.severity with 'hgih', which it never is"),
        ("'HIGH' != advisory.severity", "compares advisory.severity with 'HIGH', which it never is"),
        ('advisory.severity in ["critical", "hihg"]', "compares advisory.severity with 'hihg'"),
        ('match == "not_affected"', "expected one of 'affected', 'unknown'"),
        ('!(vex.status in ["fixed", "fixd"])', "compares vex.status with 'fixd'"),
        ("epss.probability > 0.5", "unknown field epss.probability; expected one of percentile, score"),
        ("true || kev.since == null", "unknown field kev.since; expected one of added, listed, ransomware"),
        ('kev.added < timestamp("2024-03-01T00:00:00Z")', "without version"),
        ("epss", "gives {"),
        ('vex.status == "fixed" ? "yes" : true', "gives 'yes'"),
        ('advisory["sevrity"] == "high"', "unknown key 'sevrity'"),
        ("true || lower(match) == match", "unknown function 'lower'"),
        ("now() > timestamp('2024-01-01T00:00:00Z')", "unknown function 'now'"),
        ("1 + 1", "gives 2"),
        ("match", "gives 'affected'"),
        ('advisory.withdrawn ? "yes" : true', "gives 'yes'"),
        ("component.name > 1", "No such overload"),
        ('advisory.aliases[0] == "CVE-1"', "index out of bounds"),
        ("advisory.published < timestamp('2024-01-01T00:00:00Z')", "without version"),
        ("component.name.matches('^a')", "unknown function 'matches'"),
        ("advisory.aliases.all(a, advisory.aliases.all(b, a == b))", "loops 2 times"),
        ('r"\\" == "" || [1].all(x, true) || r"" == "" && [1] . exists (x, x == 1)', "loops 2 times"),
        ("advisory.aliases.map(a, a).size() == 1", "uses map"),
        ("true || advisory.aliases . filter(a, true).size() == 1", "uses filter"),
        ("advisory.aliases.exists(a, a == b)", "unknown variable 'b'"),
        ("true || " * 600 + "true", "longer than 4000"),
    ],
)
def test_a_bad_condition_is_refused_where_it_stands(when: str, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        compile_policy("test.yaml", document(when))
    assert (caught.value.source, caught.value.path.partition(":")[0]) == ("test.yaml", "4")
    assert caught.value.reason.startswith("rules[0].when: ")
    assert reason in caught.value.reason


RULE = "{name: a, when: true, verdict: warn}"


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", "1:1", "is empty"),
        ("# nothing\n", "1:1", "is empty"),
        ("name: [", "1:8", "is not YAML"),
        ("name: x\n\tdefault: y", "2:1", "is not YAML"),
        ("name: x\nrules: \x07", "2:8", "is not YAML"),
        ("name: *nowhere", "1:7", "undefined alias"),
        ("name: a\n---\nname: b\n", "2:1", "another document"),
        ("[" * 5000, "1:1", "nested too deeply"),
        ("- a\n", "1:1", "policy: expected a mapping"),
        ("just text", "1:1", "policy: expected a mapping"),
        ("name: x\nrules: []\ndefault: warn\nextra: 1\n", "4:1", "unknown key 'extra'"),
        ("name: x\nrules: []\ndefault: warn\n? [a]\n: b\n", "4:3", "unknown key"),
        ("name: x\nname: y\nrules: []\ndefault: warn\n", "2:1", "'name' stands here twice"),
        ("name: x\nrules: []\n", "1:1", "'default' is missing"),
        ("name:\nrules: []\ndefault: warn\n", "1:6", "name: expected text"),
        ('name: "a\\0b"\nrules: []\ndefault: warn\n', "1:7", "NUL"),
        ('name: "\\ud800"\nrules: []\ndefault: warn\n', "1:7", "surrogate"),
        ("name: x\nrules: {}\ndefault: warn\n", "2:8", "rules: expected a list"),
        ("name: x\nrules: []\ndefault: allow\n", "3:10", "default: 'allow' is not a verdict"),
        ("name: x\nrules: [~]\ndefault: warn\n", "2:9", "rules[0]: expected a mapping"),
        ("name: x\nrules: [{when: true, verdict: warn}]\ndefault: warn\n", "2:9", "'name' is missing"),
        (f"name: x\nrules: [{RULE},\n {RULE}]\ndefault: warn\n", "3:9", "rules[1].name: 'a'"),
        (
            "name: x\nrules:\n- name: a\n  when: true\n  verdict: deny\ndefault: warn\n",
            "5:12",
            "rules[0].verdict: 'deny'",
        ),
        (
            "name: x\nrules:\n- name: a\n  when: true\n  verdict: warn\n  wehn: x\ndefault: warn\n",
            "6:3",
            "rules[0]: unknown key 'wehn'",
        ),
        ("name: x\nrules: [{name: a, when: [], verdict: warn}]\ndefault: warn\n", "2:25", "expected text"),
        ("name: x\nexceptions: {}\nrules: []\ndefault: warn\n", "2:13", "exceptions: expected a list"),
    ],
)
def test_a_bad_document_is_refused_with_line_and_column(text: str, position: str, reason: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        compile_policy("test.yaml", text)
    assert (caught.value.source, caught.value.path) == ("test.yaml", position)
    assert reason in caught.value.reason


@settings(deadline=None)
@given(text=st.text(max_size=60) | st.text(alphabet="name:rules[]{}-&*? \n\"'|>", max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with pytest.raises(InvalidDocument):
        compile_policy("test.yaml", text)


def test_a_rule_that_fails_on_a_real_fact_blocks_and_says_why() -> None:
    policy = one_rule("int(component.version.size() == 99 ? component.name : '1') == 2")
    assert policy.decide(FACT).rule is None
    decision = policy.decide(component(version="v" * 99))
    assert (decision.verdict, decision.rule) == (Verdict.BLOCK, "only")
    assert decision.message is not None
    assert "'only' could not be evaluated" in decision.message
    assert "int" in decision.message
    assert decision.failures == (decision.message,)


def test_a_rule_that_gives_no_boolean_on_a_real_fact_blocks() -> None:
    decision = one_rule('component.name == "odd" ? dyn(1) : dyn(true)').decide(component(name="odd"))
    assert (decision.verdict, decision.rule) == (Verdict.BLOCK, "only")
    assert decision.message is not None
    assert "instead of a boolean" in decision.message


def test_the_digest_covers_what_decides_and_not_the_layout() -> None:
    plain = compile_policy("a.yaml", f"name: x\nrules: [{RULE}]\ndefault: warn\n")
    laid_out = compile_policy(
        "b.yaml",
        "# note\ndefault: 'warn'\nrules:\n  - verdict: warn\n    when: |\n      true\n    name: a\nname: x\n",
    )
    assert laid_out.digest == plain.digest
    two = [RULE, RULE.replace("name: a", "name: b")]
    texts = [
        f"name: y\nrules: [{RULE}]\ndefault: warn\n",
        f"name: x\ndescription: d\nrules: [{RULE}]\ndefault: warn\n",
        f"name: x\nrules: [{RULE}]\ndefault: block\n",
        "name: x\nrules: []\ndefault: warn\n",
        f"name: x\nrules: [{', '.join(two)}]\ndefault: warn\n",
        f"name: x\nrules: [{', '.join(two[::-1])}]\ndefault: warn\n",
        f"name: x\nrules: [{RULE[:-1]}, message: m}}]\ndefault: warn\n",
    ]
    digests = {compile_policy("c.yaml", text).digest for text in texts}
    assert len(digests) == len(texts)
    assert plain.digest not in digests


def test_the_input_digest_ignores_order_and_covers_every_part() -> None:
    digest = input_digest("s", ["a1", "a2"], ["p1", "p2"])
    assert digest == input_digest("s", iter(["a2", "a1", "a2"]), ["p2", "p1"])
    others = [("t", ["a1", "a2"], ["p1", "p2"]), ("s", ["a1"], ["p1", "p2"]), ("s", ["a1", "a2"], ["p1"])]
    others.append(("s", ["a1", "a2", "p1"], ["p2"]))
    assert len({digest, *(input_digest(*other) for other in others)}) == 5


def test_the_input_digest_covers_vex_and_the_image_where_they_decide() -> None:
    plain = input_digest("s", ["a"], ["p"])
    assert input_digest("s", ["a"], ["p"], [], None) == plain
    both = input_digest("s", ["a"], ["p"], ["v1", "v2"])
    assert both == input_digest("s", ["a"], ["p"], iter(["v2", "v1", "v2"]))
    images = [
        ImageFact(),
        ImageFact(tag="1"),
        ImageFact(labels=(("a", "b"),)),
        ImageFact(labels=(("a", "c"),)),
    ]
    digests = [input_digest("s", ["a"], ["p"], (), image) for image in images]
    assert len({plain, both, input_digest("s", ["a"], ["p"], ["v1"]), *digests}) == 7


def test_the_input_digest_covers_exploits_where_they_decide() -> None:
    plain = input_digest("s", ["a"], ["p"])
    assert input_digest("s", ["a"], ["p"], exploits=[]) == plain
    rows = [[("a", {"epss": [0.1, 0.2]})], [("a", {"epss": [0.2, 0.1]})], [("b", {"epss": [0.1, 0.2]})]]
    digests = [input_digest("s", ["a"], ["p"], exploits=one) for one in rows]
    assert len({plain, *digests}) == 4


@pytest.mark.parametrize("variable", ["epss", "kev"])
def test_a_policy_asks_of_exploits_where_a_condition_names_them(variable: str) -> None:
    conditions = {"epss": "epss.score > 0.5", "kev": "kev.listed"}
    asked = {name: one_rule(when).asks_of(variable) for name, when in conditions.items()}
    assert asked == {name: name == variable for name in conditions}
    assert not one_rule(f'advisory.summary.contains("{variable}.listed")').asks_of(variable)


def test_a_policy_asks_of_images_where_a_condition_names_them() -> None:
    assert not one_rule('advisory.summary.contains("image.tag") || vex.status == ""').asks_of_images
    assert one_rule('image.tag == "1"').asks_of_images
    excepted = "name: x\nexceptions: [{name: a, when: image.tag == '1', until: 2030-01-01, reason: r}]\n"
    policy = compile_policy("a.yaml", f"{excepted}rules: []\ndefault: warn\n")
    assert policy.asks_of_images
    assert not policy.at(datetime(2031, 1, 1, tzinfo=UTC)).asks_of_images


def test_the_engine_version_is_part_of_the_input_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = input_digest("s", [], [])
    monkeypatch.setattr("scheduler_defs.engines.policy.ENGINE_VERSION", "next")
    assert input_digest("s", [], []) != before


def test_results_are_the_same_under_every_hash_seed() -> None:
    program = (
        "from scheduler_defs.engines.policy import *;"
        "print(compile_policy('d', load_default_policy()).digest, input_digest('s', {'a', 'b'}, {'p', 'q'}))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
