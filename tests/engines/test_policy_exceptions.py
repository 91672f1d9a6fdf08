"""Exceptions of policies: what they exempt, until when, and what that makes of the digests."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidDocument
from scheduler_defs.engines.policy import AdvisoryFact, ComponentFact, Decision, Fact, Verdict, compile_policy
from scheduler_defs.engines.severity import Severity

FACT = Fact(
    ComponentFact("pkg:pypi/flask@1.0", "pypi", None, "flask", "1.0"),
    AdvisoryFact("A-1", ("CVE-2024-1",), Severity.HIGH, 7.5, False, None, "Leak"),
    "affected",
)
PLAIN = "name: x\nrules: [{name: all, when: true, verdict: block}]\ndefault: warn\n"
FIELDS = {
    "name": "open",
    "when": "'\"CVE-2024-1\" in advisory.aliases'",
    "until": "2027-01-31",
    "reason": "No path",
}
END = datetime(2027, 2, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def exempting(**changes):
    """The plain policy with one exception."""
    return f"{PLAIN}exceptions: [{one(**changes)}]\n"


def one(**changes):
    fields = {name: text for name, text in {**FIELDS, **changes}.items() if text is not None}
    return f"{{{', '.join(f'{name}: {text}' for name, text in fields.items())}}}"


def compiled(**changes):
    return compile_policy("test.yaml", exempting(**changes))


def test_an_exception_goes_before_the_rules_until_its_last_day_is_over():
    policy = compiled()
    exempt = Decision(Verdict.IGNORE, "open", "No path (excepted until 2027-02-01T00:00:00+00:00)")
    blocked = Decision(Verdict.BLOCK, "all", None)
    assert policy.at(END - MICROSECOND).decide(FACT) == exempt
    assert policy.at(END).decide(FACT) == blocked
    other = replace(FACT, advisory=replace(FACT.advisory, aliases=()))
    assert policy.at(END - MICROSECOND).decide(other) == blocked


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2027-01-31T18:00:00+01:00", datetime(2027, 1, 31, 17, tzinfo=UTC)),
        ("2027-01-31t17:00:00z", datetime(2027, 1, 31, 17, tzinfo=UTC)),
        ("'2027-01-31'", END),
        ("2028-02-28", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_day_of_utc_or_an_instant(until, end):
    (exception,) = compiled(until=until).exceptions
    assert exception.until == end


@pytest.mark.parametrize(
    "until",
    [
        "tomorrow",
        "2027-02-29",
        "2027-01-31T18:00:00",
        "31.01.2027",
        "9999-12-31",
        "0001-01-01T00:00:00+01:00",
    ],
)
def test_any_other_end_is_refused_where_it_stands(until):
    with pytest.raises(InvalidDocument) as caught:
        compiled(until=until)
    line = exempting(until=until).splitlines()[3]
    assert caught.value.path == f"4:{line.index(until) + 1}"
    assert caught.value.reason.startswith(
        f"exceptions[0].until: {until!r} is neither a day nor an instant; expected"
    )


@pytest.mark.parametrize("missing", FIELDS)
def test_every_field_is_needed(missing):
    with pytest.raises(InvalidDocument, match=f"exceptions\\[0\\]: key '{missing}' is missing"):
        compiled(**{missing: None})


def test_a_bad_condition_and_a_name_that_is_taken_are_refused():
    with pytest.raises(InvalidDocument, match=r"exceptions\[0\].when: unknown variable 'nothing'"):
        compiled(when="nothing")
    with pytest.raises(InvalidDocument, match=r"rules\[0\].name: 'all' is the name of an earlier"):
        compiled(name="all")
    with pytest.raises(InvalidDocument, match=r"exceptions\[1\].name: 'open' is the name of an earlier"):
        compile_policy("test.yaml", f"{PLAIN}exceptions: [{one()}, {one()}]\n")
    with pytest.raises(InvalidDocument, match="unknown key 'verdict'"):
        compiled(verdict="ignore")


@pytest.mark.parametrize(
    "when",
    [
        "'int(component.version.size() == 99 ? component.name : \"1\") == 1'",
        "'component.version.size() == 99 ? dyn(1) : dyn(true)'",
    ],
    ids=["fails", "gives no boolean"],
)
def test_an_exception_that_gives_no_answer_exempts_nothing(when):
    policy = compiled(when=when)
    decided = policy.decide(FACT)
    assert (decided.rule, decided.failures) == ("open", ())
    odd = replace(FACT, component=replace(FACT.component, version="v" * 99))
    decided = policy.decide(odd)
    assert (decided.verdict, decided.rule, decided.message) == (Verdict.BLOCK, "all", None)
    (failure,) = decided.failures
    assert failure.startswith("exception 'open' could not be evaluated: ")


def test_the_digest_says_which_exceptions_are_left():
    plain, policy = compile_policy("a.yaml", PLAIN), compiled()
    assert policy.at(END - MICROSECOND) is policy
    assert policy.at(END) == plain
    assert policy.at(END).digest == plain.digest != policy.digest
    digests = {
        compiled(**change).digest for change in [{}, {"name": "b"}, {"reason": "c"}, {"until": "2027-02-01"}]
    }
    assert len(digests) == 4
    assert compiled(until="2027-02-01T01:00:00+01:00").digest == policy.digest


ENDS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))


@given(ends=st.lists(ENDS, max_size=4), at=st.lists(ENDS, min_size=1, max_size=4), hours=st.integers(-12, 12))
def test_what_is_left_at_an_instant_is_what_ends_later(ends, at, hours):
    zone = timezone(timedelta(hours=hours))
    items = [
        one(name=f"e{number}", until=f"'{end.astimezone(zone).isoformat()}'")
        for number, end in enumerate(ends)
    ]
    policy = compile_policy("test.yaml", f"{PLAIN}exceptions: [{', '.join(items)}]\n")
    for instant in at:
        assert [one.until for one in policy.at(instant).exceptions] == [end for end in ends if end > instant]
    for earlier, later in pairwise(sorted(at)):
        assert policy.at(earlier).at(later) == policy.at(later)


def test_the_documents_examples_are_a_policy_and_a_rule():
    text = Path(__file__).parents[2].joinpath("docs", "policies.md").read_text()
    example, rule = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert (
        compile_policy("docs/policies.md", f"name: x\nrules:\n{rule}default: warn\n").rules[0].name == "vex"
    )
    policy = compile_policy("docs/policies.md", example)
    assert [one.until for one in policy.exceptions] == [END]
