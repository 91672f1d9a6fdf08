"""Audits fires on the database: schedule by schedule, each in a transaction of its own, page by page."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from resources.errors import InvalidInput
from resources.fire_records import AuditedSchedule, LedgerRow
from resources.pages import Page
from resources.states import RunState
from resources.store import Store
from scheduler_defs.auditing.dueness import Calendars, Version
from scheduler_defs.auditing.history import Content, Span, spans_of
from scheduler_defs.auditing.matching import TriggerMatch, Window
from scheduler_defs.auditing.report import FireReport, ScheduleFires
from scheduler_defs.auditing.rows import Policies, Row, policies_of
from scheduler_defs.auditing.tallies import Tally

Begin = Callable[[], AbstractContextManager[Store]]
Item = TypeVar("Item")
_TICK = timedelta(microseconds=1)


def audit_fires(begin: Begin, tenants: Iterable[str], window: Window, name: str | None = None) -> FireReport:
    """Audits every schedule of some tenants, or those of a name; ``begin`` opens a transaction that may read them.

    What a tenant's pruned ledger no longer has is left out.
    """
    report = FireReport()
    for tenant_id in tenants:
        for schedule in _schedules(begin, tenant_id, name):
            with begin() as store:
                report.add(audit_schedule(store, schedule, window))
    return report


def audit_schedule(store: Store, schedule: AuditedSchedule, window: Window) -> ScheduleFires:
    """Audits one schedule."""
    whole_after = schedule.ledger_since and schedule.ledger_since - _TICK
    if whole_after and whole_after > window.after:
        window = replace(window, after=min(whole_after, window.until))
    tally, unreadable = Tally(), None
    try:
        _match(store, schedule, window, tally, whole_after)
    except InvalidInput as error:
        tally, unreadable = Tally(), str(error)
    return ScheduleFires(schedule.tenant_id, schedule.id, schedule.name, tally, window.after, unreadable)


def _match(
    store: Store, schedule: AuditedSchedule, window: Window, tally: Tally, whole_after: datetime | None
) -> None:
    spans, policies = _history(store, schedule)
    calendars = _calendars(store, schedule, spans)
    matches = {key: TriggerMatch(key, found, window, calendars, tally) for key, found in spans.items()}
    since = min([window.after, *(match.since for match in matches.values())])
    since = max(since, whole_after) if whole_after else since
    limited = [key for key, found in spans.items() if any(span.terms.max_fires for span in found)]
    fired = store.fire_audit.count_fires(schedule.tenant_id, limited, since) if limited else {}
    waiting = [key for key, match in matches.items() if match.waits]
    events = _events(store, schedule, waiting, since, window.until) if waiting else {}
    for key, match in matches.items():
        match.begin(since, fired.get(key, 0), events.get(key, ()))
    earliest = store.fire_audit.earliest_range(schedule.tenant_id, schedule.id, since) or since + _TICK
    for row in _pages(
        lambda cursor: store.fire_audit.list_rows(
            schedule.tenant_id, schedule.id, earliest, window.until, cursor=cursor
        )
    ):
        if row.trigger_id not in matches:
            stray = matches[row.trigger_id] = TriggerMatch(row.trigger_id, [], window, calendars, tally)
            stray.begin(since, 0)
        matches[row.trigger_id].take(_row(row, policies))
    for match in matches.values():
        match.end()


def _schedules(begin: Begin, tenant_id: str, name: str | None) -> Iterator[AuditedSchedule]:
    def page(cursor: str | None) -> Page[AuditedSchedule]:
        with begin() as store:
            return store.fire_audit.list_schedules(tenant_id, name, cursor=cursor)

    return _pages(page)


def _history(store: Store, schedule: AuditedSchedule) -> tuple[dict[UUID, list[Span]], dict[int, Policies]]:
    """The periods of a schedule's triggers, and its policies by version."""
    policies: dict[int, Policies] = {}

    def versions() -> Iterator[tuple[datetime, Content]]:
        for one in _pages(
            lambda cursor: store.fire_audit.list_versions(schedule.tenant_id, schedule.id, cursor=cursor)
        ):
            policies[one.version] = policies_of(one.content)
            yield one.valid_from, one.content

    return spans_of(versions()), policies


def _events(
    store: Store, schedule: AuditedSchedule, triggers: Iterable[UUID], since: datetime, until: datetime
) -> dict[UUID, list[tuple[datetime, datetime | None]]]:
    found: dict[UUID, list[tuple[datetime, datetime | None]]] = {}
    for one in _pages(
        lambda cursor: store.fire_audit.list_events(schedule.tenant_id, triggers, since, until, cursor=cursor)
    ):
        found.setdefault(one.trigger_id, []).append((one.at, one.handled_at))
    return found


def _calendars(store: Store, schedule: AuditedSchedule, spans: dict[UUID, list[Span]]) -> Calendars:
    names = {name for found in spans.values() for span in found for name in span.terms.calendars}
    said: dict[str, list[Version]] = {}
    if names:
        for one in store.fire_audit.list_calendar_versions(schedule.tenant_id, sorted(names)):
            said.setdefault(one.name, []).append(Version(one.valid_from, one.content, one.edit_id))
    return Calendars(said)


def _row(row: LedgerRow, policies: Mapping[int, Policies]) -> Row:
    first, last = row.skipped_first or row.scheduled_for, row.skipped_last or row.scheduled_for
    reason = row.reason or "" if row.state == RunState.SKIPPED else None
    said = policies.get(row.schedule_version or 0, Policies())
    return Row(row.id, first, last, row.created_at, row.skipped_count or 1, reason, said)


def _pages(read: Callable[[str | None], Page[Item]]) -> Iterator[Item]:
    cursor: str | None = None
    while True:
        page = read(cursor)
        yield from page.items
        if page.next_cursor is None:
            return
        cursor = page.next_cursor
