"""What a version of a schedule says, as JSON: for schedule_versions and the audit."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from resources.records import Schedule, Trigger
from resources.selection import Selection

LIVE = {"next_fire_at", "due_delay", "next_due_at", "last_fire_at", "fire_count", "misfire_count"}
STAMPS = {"tenant_id", "created_at", "created_by", "updated_at", "updated_by", "version"}


def content_of(schedule: Schedule, triggers: Iterable[Trigger]) -> dict[str, Any]:
    """A schedule and its triggers without what firing changes; times as ISO 8601, durations in seconds."""
    content = _plain(schedule, STAMPS)
    content["triggers"] = [_plain(trigger, STAMPS | LIVE | {"schedule_id"}) for trigger in triggers]
    return content


def plain_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a schedule in the form they have in its content."""
    return {name: _json(value) for name, value in values.items()}


def _plain(record: Any, without: set[str]) -> dict[str, Any]:
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    return plain_of({k: value for k, value in values.items() if k not in without and value is not None})


def _json(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID():
            return str(value)
        case Selection():
            return value.to_json()
        case Mapping():
            return dict(value)
        case _:
            return value
