"""Cases that users of other schedulers reported, replayed here: a rule or a ledger, and a clock that is a parameter."""

from datetime import datetime, timedelta

from scheduler_defs.timing.rules import CronRule, fires, next_fire
from tests.edits.conftest import edit, read
from tests.sensors.conftest import finish, ledger, make, start, tick

__all__ = ["edit", "finish", "ledger", "make", "read", "start", "tick"]

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def check_fires(rule: CronRule, since: str, *wanted: str) -> None:
    """The next fires are these, and a search that begins anywhere between two of them finds the later one."""
    before, instants = at(since), [at(text) for text in wanted]
    assert fires(rule, before, before + timedelta(days=4000), len(wanted)) == instants
    for instant in instants:
        for inside in (before, before + (instant - before) / 2, instant - SECOND):
            assert next_fire(rule, inside) == instant
        before = instant


def told(runs) -> list[tuple]:
    """Rows as (state, planned instant), a skipped one as (reason, first, last, how many)."""
    return [
        (run.reason, run.skipped_first, run.skipped_last, run.skipped_count)
        if run.state == "skipped"
        else (run.state.value, run.scheduled_for)
        for run in runs
    ]
