import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import assume, given
from hypothesis import strategies as st

from resources.states import DayMatch
from scheduler_defs.timing.wall_clock import zone
from tests.timing import differences
from tests.timing.differences import Answer
from tests.timing.expressions import MONTHS, OPEN_STEP, WEEKDAYS, Expression, expressions
from tests.timing.scan import SECOND, ZONES, changes, offset

PAGE = Path(__file__).resolve().parents[2] / "docs" / "timing.md"
DAY = timedelta(days=1)
STEPPED_RANGE = re.compile(r"(\w+)-(\w+)/")
MOMENTS = st.datetimes(datetime(1970, 2, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def test_the_page_shows_what_the_code_says() -> None:
    text = PAGE.read_text("utf-8")
    assert differences.replaced(text) == text, "python -m tests.timing.differences docs/timing.md"


def test_every_disagreement_has_its_reason_and_every_reason_a_disagreement() -> None:
    shown = [case for case, *_ in differences.disagreements()]
    assert all(case.why for case in shown)
    assert [case for case in differences.CASES if case.why] == shown


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant, most often the eve of a change of its clocks."""
    name = draw(st.sampled_from(ZONES))
    if changes(name) and draw(st.integers(0, 3)):
        return name, max(draw(st.sampled_from(changes(name))) - DAY, datetime(1970, 2, 1, tzinfo=UTC))
    return name, draw(MOMENTS).replace(microsecond=0)


def crossed(name: str, after: datetime, answers: list[Answer]) -> set[bool]:
    """Whether clocks went forward, back, or both from an instant to the last of the answers."""
    last = max(one for answer in answers if answer for one in answer)
    jumps = [
        offset(zone(name), at) - offset(zone(name), at - SECOND)
        for at in changes(name)
        if after < at < last + DAY
    ]
    return {jump > timedelta() for jump in jumps}


def wraps_in_steps(expression: Expression) -> bool:
    def number(text: str) -> int:
        if text in MONTHS:
            return MONTHS.index(text) + 1
        return WEEKDAYS.index(text) if text in WEEKDAYS else int(text)

    ends = STEPPED_RANGE.findall(expression.text.lower().replace("-l/", "-31/"))
    return any(number(low) > number(high) for low, high in ends)


def known_of_croniter(expression: Expression, forward: bool, back: bool) -> bool:
    day, weekday = expression.day, expression.weekday
    return (
        (back and not expression.wildcard)
        or (forward and expression.wildcard)
        or (day.restricted and weekday.restricted and "*" in day.text + weekday.text)
        or wraps_in_steps(expression)
    )


def known_of_cronsim(expression: Expression, forward: bool, back: bool) -> bool:
    day, weekday = expression.day, expression.weekday
    return (
        (day.restricted and weekday.restricted and (day.text[0] == "*" or weekday.text[0] == "*"))
        or bool(OPEN_STEP.search(weekday.text))
        or (expression.second is not None and (forward or back) and not expression.wildcard)
        or (forward and expression.wildcard)
    )


@given(expressions(), moments())
def test_nothing_disagrees_but_for_a_reason_that_the_page_tells(
    expression: Expression, moment: tuple[str, datetime]
) -> None:
    name, after = moment
    assume(not expression.ambiguous(DayMatch.OR))
    we, croniter, cronsim = (
        says(expression.text, zone(name), after)
        for says in (differences.ours, differences.croniters, differences.cronsims)
    )
    assume(we)
    ways = crossed(name, after, [we, croniter, cronsim])
    assert croniter == we or known_of_croniter(expression, True in ways, False in ways)
    assert cronsim in {we, None} or known_of_cronsim(expression, True in ways, False in ways)
