"""What people read of a launch in the Dagster UI."""

from collections.abc import Mapping, Sequence
from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema
from dagster._core.definitions.metadata import RawMetadataValue

from resources.records import Run
from resources.states import RunState
from scheduler_defs.ops.attempt import Outcome

TAG = "scheduler/"
LAUNCH_TAG = f"{TAG}launch"
"""Of a Dagster run: the launch that it carries."""


def tags_of(runs: Sequence[Run]) -> dict[str, str]:
    """Tags that link a Dagster run to tenant, schedule and run; a packed launch names counts instead of ids."""
    return describe(
        tenants=sorted({run.tenant_id for run in runs}),
        runs=[str(run.id) for run in runs],
        schedules=sorted({run.schedule_name for run in runs if run.schedule_name}),
        trigger_kinds=sorted({run.trigger_kind for run in runs}),
    )


def describe(
    tenants: Sequence[str], runs: Sequence[str], schedules: Sequence[str], trigger_kinds: Sequence[str]
) -> dict[str, str]:
    """The tags of a launch with these distinct values."""
    tags = {"tenant": tenants, "run": runs, "schedule": schedules, "trigger": trigger_kinds}
    described = {
        f"{TAG}{name}": str(values[0]) if len(values) == 1 else f"{len(values)} {name}s"
        for name, values in tags.items()
        if values
    }
    return described | {f"{TAG}runs": str(len(runs))}


def launch_metadata(outcomes: Sequence[Outcome]) -> dict[str, RawMetadataValue]:
    """Totals, a table of the runs, and each single run's own counts, changes and table."""
    metadata: dict[str, RawMetadataValue] = {
        "runs": len(outcomes),
        "failed": sum(outcome.state is RunState.FAILED for outcome in outcomes),
        "ledger": table([_ledger_row(outcome) for outcome in outcomes]),
    }
    if len(outcomes) == 1:
        metadata |= _run_metadata(outcomes[0])
    return metadata


def _run_metadata(outcome: Outcome) -> dict[str, RawMetadataValue]:
    metadata: dict[str, RawMetadataValue] = {}
    for name, value in outcome.result.stats.items():
        metadata[name] = MetadataValue.json(value) if isinstance(value, dict | list) else value
    for name, value in outcome.result.deltas.items():
        metadata[f"delta_{name}"] = value
    if outcome.result.table:
        metadata["result"] = table(outcome.result.table)
    if outcome.error:
        metadata["error"] = outcome.error
    return metadata


def _ledger_row(outcome: Outcome) -> dict[str, str | int | float | None]:
    run = outcome.run
    return {
        "tenant": run.tenant_id,
        "schedule": run.schedule_name or "",
        "run": str(run.id),
        "trigger": str(run.trigger_kind),
        "scheduled_for": run.scheduled_for.isoformat(timespec="seconds"),
        "attempt": run.attempt,
        "state": str(outcome.state or "taken over"),
        "result": summary_of(outcome.result.stats),
    }


def summary_of(stats: Mapping[str, Any]) -> str:
    """A run's counts in one line."""
    wanted = ("nodes", "edges", "affected_images", "advisories", "findings", "block", "warn", "images")
    return ", ".join(f"{name} {stats[name]}" for name in wanted if name in stats)


def table(rows: Sequence[Mapping[str, str | int | float | None]]) -> RawMetadataValue:
    """Rows as a table of the Dagster UI, under the keys of the first."""
    records = [TableRecord({key: _cell(value) for key, value in row.items()}) for row in rows]
    first = rows[0] if rows else {}
    columns = [TableColumn(name, _type(value)) for name, value in first.items()]
    return MetadataValue.table(records, TableSchema(columns))


def _cell(value: str | int | float | None) -> str | int | float:
    return "" if value is None else value


def _type(value: object) -> str:
    return "int" if isinstance(value, int) else "float" if isinstance(value, float) else "string"
