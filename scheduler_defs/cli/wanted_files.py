"""A schedule's times as a file says them: the form that `schedule show --json` prints."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from resources.errors import InvalidInput
from resources.states import DayMatch, DstGap, DstOverlap
from scheduler_defs.timing.rules import CronRule, EventRule, IntervalRule, OnceRule, Rule, utc

TERMS = ("jitter", "calendars", "max_fires")


def read_wanted(document: Any) -> dict[str, Any]:
    """The rules, terms and bounds a document asks for; raises InvalidInput naming the field."""
    if not isinstance(document, Mapping) or not isinstance(document.get("triggers"), list):
        raise InvalidInput("file", type(document).__name__, "an object with a list of triggers")
    triggers = [_Fields(f"triggers[{place}].", one) for place, one in enumerate(document["triggers"])]
    if not triggers:
        raise InvalidInput("triggers", "none", "at least one")
    terms = [_terms(one) for one in triggers]
    for place, one in enumerate(terms):
        if one != terms[0]:
            raise InvalidInput(f"triggers[{place}]", one, "the same jitter, calendars and max_fires for all")
    whole = _Fields("", document)
    bounds = whole.read("starts_at", _instant), whole.read("ends_at", _instant)
    return {"rules": [_rule(one) for one in triggers], "terms": terms[0], "bounds": bounds}


class _Fields:
    """The fields of an object in the document."""

    def __init__(self, path: str, values: Any) -> None:
        if not isinstance(values, Mapping):
            raise InvalidInput(path.rstrip("."), values, "an object")
        self.path, self.values = path, values

    def read(self, name: str, parse: Callable[[Any], Any], default: Any = None) -> Any:
        """A field, or the default where it is missing or null."""
        value = self.values.get(name)
        if value is None:
            return default
        try:
            return parse(value)
        except (InvalidInput, TypeError, ValueError, OverflowError):
            raise InvalidInput(f"{self.path}{name}", value, _EXPECTED.get(parse, "a text")) from None


def _rule(fields: _Fields) -> Rule:
    if cron := fields.read("cron", _text):
        return CronRule(
            cron,
            fields.read("timezone", _text, "UTC"),
            fields.read("dst_gap", DstGap),
            fields.read("dst_overlap", DstOverlap),
            fields.read("day_match", DayMatch, DayMatch.OR),
        )
    if every := fields.read("every", _seconds):
        anchor = fields.read("anchor", _instant)
        if anchor is None:
            raise InvalidInput(f"{fields.path}anchor", None, _EXPECTED[_instant])
        return IntervalRule(every, anchor)
    if at := fields.read("at", _instant):
        return OnceRule(at)
    if event := fields.read("event", _text):
        return EventRule(event)
    raise InvalidInput(fields.path.rstrip("."), dict(fields.values), "cron, every with anchor, at, or event")


def _terms(fields: _Fields) -> dict[str, Any]:
    return {
        "jitter": fields.read("jitter", _seconds, timedelta()),
        "calendars": fields.read("calendars", _texts, []),
        "max_fires": fields.read("max_fires", int),
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in value]


def _instant(value: Any) -> datetime:
    return utc("time", datetime.fromisoformat(value))


def _seconds(value: Any) -> timedelta:
    return timedelta(seconds=value)


_EXPECTED: Mapping[Any, str] = {
    _instant: "a time with its UTC offset, such as 2026-03-01T09:00:00+00:00",
    _seconds: "a number of seconds",
    _texts: "a list of texts",
    int: "a whole number",
    DstGap: " or ".join(DstGap),
    DstOverlap: " or ".join(DstOverlap),
    DayMatch: " or ".join(DayMatch),
}
