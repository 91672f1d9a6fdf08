"""The unit of work: every repository over one transaction."""

from datetime import datetime
from functools import cached_property

from psycopg import Connection
from psycopg.rows import TupleRow

from resources.repositories.audit import AuditRepository
from resources.repositories.base import scalar
from resources.repositories.execution_logs import ExecutionLogRepository
from resources.repositories.impact_snapshots import ImpactSnapshotRepository
from resources.repositories.inventory.advisories import AdvisoryRepository
from resources.repositories.inventory.findings import FindingRepository
from resources.repositories.inventory.images import ImageRepository
from resources.repositories.inventory.policies import PolicyRepository
from resources.repositories.launches import LaunchRepository
from resources.repositories.run_summaries import RunSummaryRepository
from resources.repositories.runs import RunRepository
from resources.repositories.schedules import ScheduleRepository
from resources.repositories.tenants import TenantRepository
from resources.repositories.triggers import TriggerRepository
from resources.repositories.work_items import GraphJobRepository, PolicyJobRepository
from resources.repositories.workers import WorkerRepository


class Store:
    """The repositories of one transaction; made by Database.begin and begin_system, gone with their end."""

    def __init__(self, connection: Connection[TupleRow]) -> None:
        self.connection = connection

    def now(self) -> datetime:
        """The product's clock: this database's, read anew at each call."""
        now: datetime = scalar(self.connection, "session/now")
        return now

    @cached_property
    def tenants(self) -> TenantRepository:
        """Table tenants."""
        return TenantRepository(self.connection)

    @cached_property
    def schedules(self) -> ScheduleRepository:
        """Tables schedules and schedule_versions."""
        return ScheduleRepository(self.connection)

    @cached_property
    def triggers(self) -> TriggerRepository:
        """Table triggers."""
        return TriggerRepository(self.connection)

    @cached_property
    def runs(self) -> RunRepository:
        """Table runs."""
        return RunRepository(self.connection)

    @cached_property
    def launches(self) -> LaunchRepository:
        """Table launches."""
        return LaunchRepository(self.connection)

    @cached_property
    def workers(self) -> WorkerRepository:
        """Table workers."""
        return WorkerRepository(self.connection)

    @cached_property
    def graph_jobs(self) -> GraphJobRepository:
        """Table graph_jobs."""
        return GraphJobRepository(self.connection)

    @cached_property
    def policy_jobs(self) -> PolicyJobRepository:
        """Table policy_jobs."""
        return PolicyJobRepository(self.connection)

    @cached_property
    def impact_snapshots(self) -> ImpactSnapshotRepository:
        """Tables impact_snapshots and impact_snapshot_images."""
        return ImpactSnapshotRepository(self.connection)

    @cached_property
    def execution_logs(self) -> ExecutionLogRepository:
        """Table execution_logs."""
        return ExecutionLogRepository(self.connection)

    @cached_property
    def run_summaries(self) -> RunSummaryRepository:
        """Table run_summaries."""
        return RunSummaryRepository(self.connection)

    @cached_property
    def audit(self) -> AuditRepository:
        """Table audit."""
        return AuditRepository(self.connection)

    @cached_property
    def images(self) -> ImageRepository:
        """Inventory: images, SBOMs, components, graphs."""
        return ImageRepository(self.connection)

    @cached_property
    def advisories(self) -> AdvisoryRepository:
        """Inventory: advisories, their ranges and feed revisions."""
        return AdvisoryRepository(self.connection)

    @cached_property
    def policies(self) -> PolicyRepository:
        """Inventory: policies and their revisions."""
        return PolicyRepository(self.connection)

    @cached_property
    def findings(self) -> FindingRepository:
        """Inventory: findings."""
        return FindingRepository(self.connection)
