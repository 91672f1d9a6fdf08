"""Cron expressions over the whole grammar, each drawn together with its meaning: no parser is needed to judge."""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from hypothesis import strategies as st

from resources.states import DayMatch

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
OPEN_STEP = re.compile(r"(?:^|,)\w+/")
Term = tuple[str, frozenset[int]]


@dataclass(frozen=True)
class Field:
    """A field's text and what it admits."""

    text: str
    values: frozenset[int]


@dataclass(frozen=True)
class DayField:
    """A day field's text and the dates it admits; special with `#`, `L5` or `W`."""

    text: str
    matches: Callable[[date], bool]
    special: bool = False

    @property
    def restricted(self) -> bool:
        return not {"*", "?"} & set(self.text.split(","))


@dataclass(frozen=True)
class Expression:
    """A cron expression and its meaning."""

    second: Field | None
    minute: Field
    hour: Field
    day: DayField
    month: Field
    weekday: DayField

    @property
    def text(self) -> str:
        fields = (self.second, self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(field.text for field in fields if field)

    @property
    def wildcard(self) -> bool:
        return "*" in self.minute.text + self.hour.text

    def ambiguous(self, day_match: DayMatch) -> bool:
        special = self.day.special or self.weekday.special
        return special and day_match is DayMatch.OR and self.day.restricted and self.weekday.restricted

    def matches_date(self, on: date, day_match: DayMatch) -> bool:
        if on.month not in self.month.values:
            return False
        if day_match is DayMatch.OR and self.day.restricted and self.weekday.restricted:
            return self.day.matches(on) or self.weekday.matches(on)
        return self.day.matches(on) and self.weekday.matches(on)

    def matches(self, local: datetime, day_match: DayMatch) -> bool:
        return (
            local.minute in self.minute.values
            and local.hour in self.hour.values
            and local.second in (self.second.values if self.second else {0})
            and self.matches_date(local.date(), day_match)
        )


def terms(low: int, high: int, names: list[str] = (), *, portable: bool = False) -> st.SearchStrategy[Term]:
    """One value, range or step of a field; a portable one does not wrap."""
    size = high - low + 1

    def written(value: int, form: int) -> str:
        name = names[value - low] if names else f"{value:02}"
        return [str(value), name, name.upper()][form]

    values = st.integers(low, high)
    forms = st.integers(0, 2)
    single = st.builds(lambda value, form: (written(value, form), frozenset({value})), values, forms)

    def span(start: int, length: int, step: int | None, left: int, right: int) -> Term:
        chain = [low + (start - low + n) % size for n in range(length + 1)]
        text = f"{written(chain[0], left)}-{written(chain[-1], right)}"
        return (f"{text}/{step}" if step else text, frozenset(chain[:: step or 1]))

    steps = st.integers(1, size + 2)
    spans = st.builds(span, values, st.integers(1, size - 1), st.one_of(st.none(), steps), forms, forms)
    if portable:
        spans = spans.filter(lambda term: min(term[1]) == _first(term[0], low, names))
    tails = st.builds(
        lambda value, step: (f"{value}/{step}", frozenset(range(value, high + 1, step))), values, steps
    )
    jumps = st.builds(lambda step: (f"*/{step}", frozenset(range(low, high + 1, step))), steps)
    return st.one_of(single, spans, tails, jumps)


def _first(text: str, low: int, names: list[str]) -> int:
    start = text.partition("-")[0].lower()
    return names.index(start) + low if start in names else int(start)


def lists(term: st.SearchStrategy[Term]) -> st.SearchStrategy[Field]:
    return st.lists(term, min_size=1, max_size=3).map(
        lambda drawn: Field(
            ",".join(text for text, _ in drawn), frozenset().union(*(one for _, one in drawn))
        )
    )


def fields(low: int, high: int, names: list[str] = (), *, portable: bool = False) -> st.SearchStrategy[Field]:
    every = st.just(Field("*", frozenset(range(low, high + 1))))
    return st.one_of(every, lists(terms(low, high, names, portable=portable)))


EVERY_DATE = st.sampled_from(["*", "?"]).map(lambda text: DayField(text, lambda _: True))


def last_day(on: date) -> int:
    return monthrange(on.year, on.month)[1]


def nearest(on: date, day: int) -> bool:
    """Spelled out from the manual: Saturday goes back to Friday, Sunday on to Monday, within the month."""
    day = min(day, last_day(on))
    weekday = on.replace(day=day).isoweekday()
    if weekday == 6:
        day += 2 if day == 1 else -1
    elif weekday == 7:
        day += -2 if day == last_day(on) else 1
    return on.day == day


def _of_month(drawn: Field, last: bool) -> DayField:
    text = drawn.text + (",L" if last else "")
    return DayField(text, lambda on: on.day in drawn.values or (last and on.day == last_day(on)))


def month_days(portable: bool) -> st.SearchStrategy[DayField]:
    plain = st.builds(_of_month, lists(terms(1, 31, portable=portable)), st.booleans())
    last = st.sampled_from(["L", "l"]).map(lambda text: DayField(text, lambda on: on.day == last_day(on)))
    if portable:
        # cronsim reads a field that begins with `*/` as one that does not restrict the days.
        return st.one_of(st.just(DayField("*", lambda _: True)), last, plain.filter(_starts_plainly))
    to_last = st.integers(1, 30).map(lambda day: DayField(f"{day}-L", lambda on: on.day >= day))
    by_w = st.builds(
        lambda day, text: DayField(text.format(day), lambda on: nearest(on, day), special=True),
        st.integers(1, 31),
        st.sampled_from(["{}W", "W{}", "{}w"]),
    )
    return st.one_of(EVERY_DATE, EVERY_DATE, plain, last, to_last, by_w)


def _starts_plainly(field: DayField) -> bool:
    return not field.text.startswith("*")


def _nth(weekday: int, nth: int, text: str) -> tuple[str, Callable[[date], bool]]:
    return text.format(
        weekday, nth
    ), lambda on: on.isoweekday() % 7 == weekday % 7 and (on.day + 6) // 7 == nth


def _last(weekday: int, text: str) -> tuple[str, Callable[[date], bool]]:
    return text.format(weekday), lambda on: on.isoweekday() % 7 == weekday % 7 and on.day + 7 > last_day(on)


def _fridays_to_mondays(nth: int) -> DayField:
    return _any_of(
        [(f"fri-mon#{nth}", lambda on: on.isoweekday() in {5, 6, 7, 1} and (on.day + 6) // 7 == nth)]
    )


def _any_of(drawn: list[tuple[str, Callable[[date], bool]]]) -> DayField:
    text = ",".join(text for text, _ in drawn)
    return DayField(text, lambda on: any(matches(on) for _, matches in drawn), special=True)


TO_SUNDAY = st.builds(
    lambda day, step: (f"{day}-7/{step}", frozenset(one % 7 for one in range(day, 8, step))),
    st.integers(0, 6),
    st.integers(1, 8),
)
FROM_SUNDAY = st.builds(
    lambda day, step: (f"7-{day}/{step}", frozenset(range(0, day + 1, step))),
    st.integers(1, 6),
    st.integers(1, 8),
)


def weekdays(portable: bool) -> st.SearchStrategy[DayField]:
    sunday = st.sampled_from([("7", frozenset({0})), ("0-7", frozenset(range(7)))])
    week = terms(0, 6, WEEKDAYS, portable=portable)
    if portable:
        # To cronsim an open step, `1/2`, goes on to 7, which is Sunday.
        week = week.filter(lambda term: not OPEN_STEP.search(term[0]))
    plain = lists(week if portable else st.one_of(week, week, week, sunday, TO_SUNDAY, FROM_SUNDAY)).map(
        lambda drawn: DayField(drawn.text, lambda on: on.isoweekday() % 7 in drawn.values)
    )
    nth = st.builds(_nth, st.integers(0, 7), st.integers(1, 5), st.just("{}#{}"))
    last = st.builds(_last, st.integers(0, 7), st.just("L{}"))
    special = st.lists(st.one_of(nth, last), min_size=1, max_size=3).map(_any_of)
    if portable:
        return st.one_of(st.just(DayField("*", lambda _: True)), plain.filter(_starts_plainly), special)
    named = st.integers(1, 5).map(_fridays_to_mondays)
    return st.one_of(EVERY_DATE, EVERY_DATE, plain, special, named)


# The hours in which clocks change come up more often than the others.
NIGHTS = st.sampled_from(["0", "1", "2", "3", "23", "0-3", "1,2", "22-2"]).map(
    lambda text: Field(
        text,
        {"0-3": frozenset({0, 1, 2, 3}), "1,2": frozenset({1, 2}), "22-2": frozenset({22, 23, 0, 1, 2})}.get(
            text
        )
        or frozenset({int(text)}),
    )
)


def expressions(*, seconds: bool | None = None, portable: bool = False) -> st.SearchStrategy[Expression]:
    """Five or six fields, either when `seconds` is None; portable ones mean the same to cronsim."""
    second = st.one_of(st.just(Field("0", frozenset({0}))), fields(0, 59, portable=portable))
    nights = NIGHTS.filter(lambda field: field.text != "22-2") if portable else NIGHTS
    return st.builds(
        Expression,
        {True: second, False: st.none(), None: st.one_of(st.none(), second)}[seconds],
        fields(0, 59, portable=portable),
        st.one_of(fields(0, 23, portable=portable), nights),
        month_days(portable),
        st.one_of(st.just(Field("*", frozenset(range(1, 13)))), fields(1, 12, MONTHS, portable=portable)),
        weekdays(portable),
    )
