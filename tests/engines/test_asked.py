"""What a condition asks of a fact is found in its text, and facts alike in that are decided alike."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_defs.engines.asked import projection
from scheduler_defs.engines.exploits import ExploitFact
from scheduler_defs.engines.policy import (
    AdvisoryFact,
    ComponentFact,
    Fact,
    ImageFact,
    VexFact,
    compile_policy,
    load_default_policy,
)
from scheduler_defs.engines.severity import Severity
from tests.engines.test_policy import one_rule


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        ("true", set()),
        ("epss.score > 0.5 && vex.status == ''", {"exploits", "vex.status"}),
        ("kev.listed", {"exploits"}),
        ('match == "affected"', {"match"}),
        ("advisory.severity == component.name", {"advisory.severity", "component.name"}),
        ("advisory . score > 1.0", {"advisory.score"}),
        ('component["name"] == "a" && component.type == "npm"', {"component"}),
        ('component.name == "advisory.id of image.tag"', {"component.name"}),
        ("advisory.aliases.exists(one, one == image.tag)", {"advisory.aliases", "image.tag"}),
        ('"tier" in image.labels && image.labels.tier == "a"', {"image.labels"}),
        ("size(vex.note) > 0 || [advisory][0].withdrawn", {"vex.note", "advisory"}),
    ],
)
def test_what_a_condition_asks_is_in_its_text(when, asked):
    assert one_rule(when).asks == asked | (set() if "advisory" in asked else {"advisory.withdrawn"})


def test_all_rules_and_exceptions_of_a_policy_ask():
    text = """
name: several
exceptions: [{name: e, when: 'component.version == "1"', until: 2027-01-31, reason: known}]
rules: [{name: a, when: advisory.score > 9.0, verdict: ignore}, {name: b, when: match == "unknown", verdict: warn}]
default: warn
"""
    assert compile_policy("p", text).asks == {
        "component.version",
        "advisory.score",
        "advisory.withdrawn",
        "match",
    }


TEXTS = st.sampled_from(["", "a", "b"])
FACTS = st.builds(
    Fact,
    st.builds(ComponentFact, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
    st.builds(
        AdvisoryFact,
        TEXTS,
        st.lists(TEXTS, max_size=2).map(tuple),
        st.sampled_from(Severity),
        st.sampled_from([0.0, 7.5]),
        st.booleans(),
        st.sampled_from([None, datetime(2024, 1, 1, tzinfo=UTC)]),
        TEXTS,
        st.lists(TEXTS, max_size=1).map(tuple),
    ),
    st.sampled_from(["affected", "unknown"]),
    st.builds(VexFact, st.sampled_from(["", "fixed", "affected"]), TEXTS, TEXTS),
    st.builds(ImageFact, TEXTS, TEXTS, labels=st.sampled_from([(), (("a", "b"),)])),
    st.builds(ExploitFact, percentile=st.sampled_from([0.0, 0.9]), ransomware=st.booleans()),
)
POLICIES = [compile_policy("default", load_default_policy())] + [
    one_rule(when)
    for when in (
        'component["name"] == "a"',
        '"a" in image.labels && image.labels.a == advisory.summary',
        "advisory.aliases.exists(one, one == component.name)",
        "component.name in advisory.upstream",
        "advisory.published == null || advisory.score > 5.0",
        'int(component.version == "b" ? "x" : "1") == 1',
        'vex.note == "b" && match == "unknown"',
        "epss.percentile > 0.5 || kev.ransomware",
    )
]


@settings(max_examples=60, deadline=None)
@given(st.lists(FACTS, min_size=2, max_size=30))
def test_facts_alike_in_what_is_asked_are_decided_alike(facts):
    for policy in POLICIES:
        seen, decided = projection(policy.asks), {}
        for fact in facts:
            decision = policy.decide(fact)
            assert decided.setdefault(seen(fact), decision) == decision


def test_a_projection_leaves_out_what_is_not_asked():
    seen = projection(one_rule("advisory.severity == component.name").asks)
    fact = Fact(
        ComponentFact("p", "npm", None, "a", "1"),
        AdvisoryFact("A", (), Severity.LOW, 0.0, False, None, ""),
        "affected",
    )
    assert seen(replace(fact, match="unknown", component=replace(fact.component, version="2"))) == seen(fact)
    assert seen(replace(fact, component=replace(fact.component, name="b"))) != seen(fact)
    assert projection(())(fact) == projection(())(replace(fact, match="unknown"))
