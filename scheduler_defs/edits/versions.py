"""What every edit of a schedule leaves behind: the version it made, and who made it from what."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from resources.errors import NOT_SET, VersionConflict
from resources.records import Json, Schedule, Trigger
from resources.store import Store
from scheduler_defs.edits.contents import content_of, plain_of
from scheduler_defs.edits.words import describe


def keep_version(
    store: Store,
    after: Schedule,
    triggers: Sequence[Trigger],
    action: str,
    actor: str,
    now: datetime,
    old: Json | None = None,
) -> None:
    """Writes the version and the audit of an edit; ``old`` is the content before it."""
    content = content_of(after, triggers)
    store.schedules.add_version(after.tenant_id, after.id, after.version, content, actor, now)
    store.audit.append(
        tenant_id=after.tenant_id,
        actor=actor,
        action=action,
        entity="schedule",
        entity_id=str(after.id),
        old=old,
        new=None if after.deleted_at else content,
        now=now,
    )


def refuse_stale(
    store: Store,
    schedule: Schedule,
    version: int,
    changes: Mapping[str, Any],
    asked_triggers: Sequence[Trigger] | None = None,
) -> NoReturn:
    """Raises VersionConflict: what was changed since version ``version``, and both sides of what ``changes`` would.

    Of a field that is not in ``changes`` only theirs is there; triggers are told in words, yours only if they are
    asked for. Raises NotFound when there never was such a version.
    """
    read = store.schedules.get_version(schedule.tenant_id, schedule.id, version)
    yours = plain_of(changes)
    triggers = store.triggers.list_of_schedule(schedule.tenant_id, schedule.id)
    theirs = content_of(schedule, triggers)
    asked = {name: (value, theirs.get(name)) for name, value in yours.items() if value != theirs.get(name)}
    names = (read.content.keys() | theirs.keys()) - yours.keys()
    changed = {
        name: (NOT_SET, theirs.get(name)) for name in names if read.content.get(name) != theirs.get(name)
    }
    in_words = _in_words(triggers)
    if "triggers" in changed:
        changed["triggers"] = (NOT_SET, in_words)
    if asked_triggers is not None:
        changed.pop("triggers", None)
        if (yours_in_words := _in_words(asked_triggers)) != in_words:
            asked["triggers"] = (yours_in_words, in_words)
    raise VersionConflict(
        "schedule",
        schedule.name,
        version,
        schedule.version,
        changed_by=schedule.updated_by,
        changed_at=schedule.updated_at,
        differences=dict(sorted((asked | changed).items())),
    )


def _in_words(triggers: Sequence[Trigger]) -> str:
    return "; ".join(sorted(map(describe, triggers)))
