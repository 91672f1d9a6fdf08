"""What the history of the schedules says should have happened, held against the ledger, occurrence by occurrence."""

from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from psycopg.types.json import Jsonb

from resources.states import DayMatch, DstGap, DstOverlap, TriggerKind
from scheduler_defs.auditing.evaluator import AuditedRule, occurrences

TICK = timedelta(microseconds=1)
LATE_ONCE = timedelta(seconds=60)


@dataclass
class Accounts:
    """How many occurrences there were, and which of them no row or more than one accounts for."""

    expected: int = 0
    missing: list[tuple] = field(default_factory=list)
    extra: list[tuple] = field(default_factory=list)


def audit(admin, now: datetime) -> Accounts:
    """Compares every trigger's rows with its rules as they were, up to its next occurrence or now."""
    accounts = Accounts()
    for tenant, schedule in admin.execute("SELECT tenant_id, id FROM scheduler.schedules").fetchall():
        history = admin.execute(
            "SELECT valid_from, content FROM scheduler.schedule_versions"
            " WHERE tenant_id = %s AND schedule_id = %s ORDER BY version",
            [tenant, schedule],
        ).fetchall()
        triggers = admin.execute(
            "SELECT id, next_fire_at FROM scheduler.triggers WHERE tenant_id = %s AND schedule_id = %s",
            [tenant, schedule],
        ).fetchall()
        for trigger, next_fire_at in triggers:
            rows = admin.execute(
                "SELECT scheduled_for, skipped_count, skipped_first, skipped_last FROM scheduler.runs"
                " WHERE tenant_id = %s AND trigger_id = %s ORDER BY scheduled_for",
                [tenant, trigger],
            ).fetchall()
            fired = [at for at, count, _, _ in rows if count is None]
            expected = _expected(history, str(trigger), next_fire_at or now, fired)
            _compare(accounts, (tenant, trigger), expected, rows, next_fire_at)
    return accounts


def _expected(history: list[tuple], trigger: str, until: datetime, fired: list[datetime]) -> list[datetime]:
    """The occurrences that each version of the history names while it holds."""
    found: set[datetime] = set()
    ends = [valid_from for valid_from, _ in history[1:]] + [datetime.max.replace(tzinfo=UTC)]
    known = False
    for (since, content), end in zip(history, ends, strict=True):
        said = next((one for one in content["triggers"] if one["id"] == trigger), None)
        if said and content["enabled"] and said["enabled"] and not content.get("deleted_at"):
            rule = _rule(said)
            named = occurrences(rule, _from(rule, since, known), min(end, until))
            found.update(at for at in named if _within(at, content) and _unspent(at, said, fired))
        known = known or said is not None
    return sorted(found)


def _within(at: datetime, content: dict) -> bool:
    first, last = content.get("starts_at"), content.get("ends_at")
    return not (
        (first and at < datetime.fromisoformat(first)) or (last and at > datetime.fromisoformat(last))
    )


def _unspent(at: datetime, said: dict, fired: list[datetime]) -> bool:
    """Whether a trigger had fires left for an occurrence."""
    return "max_fires" not in said or bisect_left(fired, at) < said["max_fires"]


WORDS = {
    "cron": str,
    "timezone": str,
    "dst_gap": DstGap,
    "dst_overlap": DstOverlap,
    "day_match": DayMatch,
    "every": lambda seconds: timedelta(seconds=seconds),
    "anchor": datetime.fromisoformat,
    "at": datetime.fromisoformat,
}


def _rule(said: dict) -> AuditedRule:
    fields = {name: read(said[name]) for name, read in WORDS.items() if name in said}
    return AuditedRule(TriggerKind(said["kind"]), **fields)


def _from(rule: AuditedRule, since: datetime, known: bool) -> datetime:
    """A version holds after its instant; a new once rule a minute before, one for exactly that instant then."""
    if rule.kind is TriggerKind.ONCE and not known:
        return since - LATE_ONCE - TICK
    return since - TICK if since in (rule.anchor, rule.at) else since


def _compare(accounts, whose, expected, rows, next_fire_at) -> None:
    if next_fire_at is not None:
        if expected[-1:] != [next_fire_at]:
            accounts.extra.append((*whose, "planned", next_fire_at))
        expected = expected[:-1]
    accounted: Counter[datetime] = Counter()
    for at, count, first, last in rows:
        covered = expected[bisect_left(expected, first or at) : bisect_right(expected, last or at)]
        accounted.update(covered)
        if len(covered) != (count or 1):
            accounts.extra.append((*whose, at, first, last, count, len(covered)))
    accounts.expected += len(expected)
    accounts.missing += [(*whose, at) for at in expected if not accounted[at]]
    accounts.extra += [(*whose, at, many) for at, many in accounted.items() if many > 1]


def explain(admin, found: list[tuple]) -> str:
    """What the history says of the triggers of findings, and their rows around."""
    lines = []
    for tenant, trigger, *about in found[:3]:
        lines.append(f"{tenant} {trigger}: {about}")
        versions = admin.execute(
            "SELECT version, valid_from, content FROM scheduler.schedule_versions AS v"
            " WHERE tenant_id = %s AND jsonb_path_exists(content, '$.triggers[*] ? (@.id == $id)', %s)"
            " ORDER BY version",
            [tenant, Jsonb({"id": str(trigger)})],
        )
        for version, since, content in versions:
            said = next(one for one in content.pop("triggers") if one["id"] == str(trigger))
            bounds = {name: content.get(name) for name in ("enabled", "starts_at", "ends_at", "deleted_at")}
            lines.append(f"  version {version} since {since}: {bounds} {said}")
        rows = admin.execute(
            "SELECT scheduled_for, state, reason, skipped_count, skipped_last, created_at FROM scheduler.runs"
            " WHERE tenant_id = %s AND trigger_id = %s ORDER BY abs(extract(epoch FROM scheduled_for - %s)) LIMIT 8",
            [tenant, trigger, about[-1] if about[0] == "planned" else about[0]],
        )
        lines += [f"  row {' '.join(map(str, row))}" for row in sorted(rows)]
    return "\n".join(lines)
