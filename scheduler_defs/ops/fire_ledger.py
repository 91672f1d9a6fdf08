"""The asset fire_ledger: the audit of the fires of all tenants, and its check."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetKey,
    MaterializeResult,
    MetadataValue,
    asset,
)
from dagster._core.definitions.metadata import RawMetadataValue

from resources.database import Database
from resources.postgres import PostgresResource
from scheduler_defs.auditing.matching import Window
from scheduler_defs.auditing.report import FireReport, finding_rows, lateness_of, numbers
from scheduler_defs.auditing.tallies import Fault
from scheduler_defs.fire_audits import audit_fires

LEAST = timedelta(hours=1)
OVERLAP = timedelta(minutes=5)
"""What the last audit may have left as pending is audited again."""
LONGEST = timedelta(days=7)
SHOWN = 100
UNTIL = "until"
CHECK = "fires_are_accounted_for"


@asset(
    group_name="verification",
    kinds={"postgres"},
    check_specs=[
        AssetCheckSpec(
            CHECK,
            asset="fire_ledger",
            description="Each planned occurrence has exactly one row, and each row an occurrence.",
        )
    ],
    description="The ledger of fires, held against what the history of schedules says should have fired.",
)
def fire_ledger(context: AssetExecutionContext, postgres: PostgresResource) -> MaterializeResult:  # type: ignore[type-arg]
    """Audits what came due since the last audit, at least the last hour and at most a week."""
    with postgres.begin_system() as store:
        now = store.now()
    window = Window(window_start(now, _last_until(context)), now, now)
    report = audit_everybody(postgres.database, window)
    if report.unreadable:
        context.log.warning(f"{report.unreadable} schedules have a history that cannot be audited")
    return MaterializeResult(metadata=metadata_of(report, window), check_results=[check_of(report)])


def audit_everybody(database: Database, window: Window) -> FireReport:
    """The audit of all tenants."""
    with database.begin_system() as store:
        tenants = [one.tenant_id for one in store.tenants.list()]
    return audit_fires(database.begin_system, tenants, window)


def window_start(now: datetime, last_until: datetime | None) -> datetime:
    """Where an audit begins."""
    start = now - LEAST
    if last_until is not None:
        start = min(start, last_until - OVERLAP)
    return max(start, now - LONGEST)


def metadata_of(report: FireReport, window: Window) -> dict[str, RawMetadataValue]:
    """Counts and lateness as numbers, which Dagster plots over time, and a table of what is wrong."""
    lateness = lateness_of(report.total.lateness)
    return {
        **numbers(report.total),
        **{f"lateness_{name}_seconds": value for name, value in lateness.items()},
        "unreadable": report.unreadable,
        "schedules": len(report.schedules),
        "since": window.after.isoformat(),
        UNTIL: window.until.isoformat(),
        "faults": MetadataValue.md(faults_of(report)),
    }


def check_of(report: FireReport) -> AssetCheckResult:
    """Fails when anything is missing or extra."""
    total = report.total.faults
    return AssetCheckResult(
        passed=report.is_whole,
        check_name=CHECK,
        asset_key=AssetKey("fire_ledger"),
        severity=AssetCheckSeverity.ERROR,
        description=report.summary(),
        metadata={
            "missing": total[Fault.MISSING],
            "extra": total[Fault.EXTRA],
            "faults": MetadataValue.md(faults_of(report, (Fault.MISSING, Fault.EXTRA))),
        },
    )


def faults_of(report: FireReport, faults: tuple[Fault, ...] = tuple(Fault)) -> str:
    """Some kinds of faults as a table in markdown; says how many more there are."""
    lines = [*_lines(report, faults)]
    if not lines:
        return "none"
    listed = sum(count for count, _ in lines[:SHOWN])
    more = sum(report.total.faults[one] for one in faults) - listed
    head = [
        "| fault | tenant | schedule | scheduled for | count | late | note |",
        "|---|---|---|---|--:|--:|---|",
    ]
    return "\n".join([*head, *(line for _, line in lines[:SHOWN]), *([f"\nand {more} more"] if more else [])])


def _lines(report: FireReport, faults: tuple[Fault, ...]) -> Iterator[tuple[int, str]]:
    for row in finding_rows(report, faults):
        late = row["late"]
        cells = [row["fault"], row["tenant"], row["schedule"], row["scheduled for"].isoformat(), row["count"]]
        cells += [f"{late.total_seconds():.1f} s" if late else "", row["note"]]
        yield row["count"], "| " + " | ".join(str(one).replace("|", "\\|") for one in cells) + " |"


def _last_until(context: AssetExecutionContext) -> datetime | None:
    """Where the last audit ended, as its materialization says."""
    event = context.instance.get_latest_materialization_event(AssetKey("fire_ledger"))
    found = event.asset_materialization.metadata.get(UNTIL) if event and event.asset_materialization else None
    return datetime.fromisoformat(str(found.value)) if found else None
