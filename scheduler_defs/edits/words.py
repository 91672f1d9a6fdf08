"""When triggers fire, in words."""

from collections.abc import Iterator

from resources.records import Trigger
from resources.states import DayMatch
from resources.texts import duration, moment


def describe(trigger: Trigger) -> str:
    """When a trigger fires, in words."""
    return ", ".join([_rhythm(trigger), *_terms(trigger)])


def _rhythm(trigger: Trigger) -> str:
    if trigger.cron is not None:
        days = " with both days" if trigger.day_match is DayMatch.AND else ""
        return f"cron {trigger.cron} in {trigger.timezone}{days}"
    if trigger.every is not None:
        return f"every {duration(trigger.every)}"
    return f"once at {moment(trigger.at)}" if trigger.at is not None else f"on {trigger.event}"


def _terms(trigger: Trigger) -> Iterator[str]:
    if trigger.dst_gap:
        yield f"dst gap {trigger.dst_gap}"
    if trigger.dst_overlap:
        yield f"dst overlap {trigger.dst_overlap}"
    if trigger.jitter:
        yield f"jitter {duration(trigger.jitter)}"
    if trigger.calendars:
        yield f"calendars {' '.join(trigger.calendars)}"
    if trigger.max_fires is not None:
        yield f"at most {trigger.max_fires} fires"
