"""The asset verification_report: everything that `scheduler verify` checks, as a page in Dagster."""

from collections.abc import Iterator

from dagster import AssetExecutionContext, Failure, MaterializeResult, MetadataValue, asset
from dagster._core.definitions.metadata import RawMetadataValue

from resources.postgres import PostgresResource
from scheduler_defs.verification.report import Report
from scheduler_defs.verification.verify import verify

SHOWN = 5


@asset(
    group_name="verification",
    kinds={"postgres"},
    description="Whether the whole product works on this database: every check of `scheduler verify`.",
)
def verification_report(
    context: AssetExecutionContext, postgres: PostgresResource
) -> Iterator[MaterializeResult]:  # type: ignore[type-arg]
    """Runs every check and leaves nothing behind; fails when one fails, with the report all the same."""
    report = verify(
        postgres.database.settings,
        lambda check: context.log.info(f"{check.outcome} {check.name}: {check.detail}"),
    )
    yield MaterializeResult(metadata=metadata_of(report))
    if report.failed:
        named = "; ".join(f"{check.name}: {check.detail}" for check in report.failed[:SHOWN])
        raise Failure(f"{len(report.failed)} of {len(report.checks)} checks failed: {named}")


def metadata_of(report: Report) -> dict[str, RawMetadataValue]:
    """The report as markdown; counts and seconds as numbers, which Dagster plots over time."""
    return {
        "report": MetadataValue.md(report.to_markdown()),
        **{outcome.value: count for outcome, count in report.counts.items()},
        "seconds": round(report.seconds, 3),
        "digest": report.digest,
    }
