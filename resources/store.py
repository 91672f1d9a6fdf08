"""The unit of work: every repository over one transaction."""

from contextlib import suppress
from datetime import datetime
from functools import cached_property
from uuid import UUID

from psycopg import Connection, Error
from psycopg.rows import TupleRow

from resources.ids import new_id
from resources.protocols.audit import Audit
from resources.protocols.audit_seals import AuditSeals
from resources.protocols.calendars import Calendars
from resources.protocols.execution_logs import ExecutionLogs
from resources.protocols.fire_audit import FireAudit
from resources.protocols.impact_snapshots import ImpactSnapshots
from resources.protocols.inventory.advisories import Advisories
from resources.protocols.inventory.exploits import Exploits
from resources.protocols.inventory.findings import Findings
from resources.protocols.inventory.images import Images
from resources.protocols.inventory.imports import AdvisoryImports
from resources.protocols.inventory.policies import Policies
from resources.protocols.inventory.tenant_quarantine import TenantQuarantine
from resources.protocols.inventory.vex import Vex
from resources.protocols.launches import Launches
from resources.protocols.locks import Locks
from resources.protocols.notifications import Notifications
from resources.protocols.retention import Retention
from resources.protocols.run_summaries import RunSummaries
from resources.protocols.runs import Runs
from resources.protocols.schedules import Schedules
from resources.protocols.tenants import Tenants
from resources.protocols.trigger_events import TriggerEvents
from resources.protocols.triggers import Triggers
from resources.protocols.work_items import GraphJobs, PolicyJobs
from resources.protocols.workers import Workers
from resources.repositories.audit import AuditRepository
from resources.repositories.audit_seals import AuditSealRepository
from resources.repositories.base import scalar
from resources.repositories.calendars import CalendarRepository
from resources.repositories.execution_logs import ExecutionLogRepository
from resources.repositories.fire_audit import FireAuditRepository
from resources.repositories.impact_snapshots import ImpactSnapshotRepository
from resources.repositories.inventory.advisories import AdvisoryRepository
from resources.repositories.inventory.exploits import ExploitRepository
from resources.repositories.inventory.findings import FindingRepository
from resources.repositories.inventory.images import ImageRepository
from resources.repositories.inventory.imports import AdvisoryImportRepository
from resources.repositories.inventory.policies import PolicyRepository
from resources.repositories.inventory.tenant_quarantine import TenantQuarantineRepository
from resources.repositories.inventory.vex import VexRepository
from resources.repositories.launches import LaunchRepository
from resources.repositories.locks import LockRepository
from resources.repositories.notifications import NotificationRepository
from resources.repositories.retention import RetentionRepository
from resources.repositories.run_summaries import RunSummaryRepository
from resources.repositories.runs import RunRepository
from resources.repositories.schedules import ScheduleRepository
from resources.repositories.tenants import TenantRepository
from resources.repositories.trigger_events import TriggerEventRepository
from resources.repositories.triggers import TriggerRepository
from resources.repositories.work_items import GraphJobRepository, PolicyJobRepository
from resources.repositories.workers import WorkerRepository


class Store:
    """The repositories of one transaction; made by Database.begin and begin_system, gone with their end.

    ``correlation_id`` is in every audit entry of the transaction: its own, unless it is part of a larger request.
    """

    def __init__(self, connection: Connection[TupleRow], correlation_id: UUID | None = None) -> None:
        self.connection = connection
        self.correlation_id = correlation_id or new_id()

    def cancel(self) -> None:
        """Ends the statement that another thread waits for; with it the transaction has failed."""
        with suppress(Error):  # a server that is gone ends it as well
            self.connection.cancel_safe()

    def now(self) -> datetime:
        """The product's clock: this database's, read anew at each call."""
        now: datetime = scalar(self.connection, "session/now")
        return now

    @cached_property
    def tenants(self) -> Tenants:
        """Table tenants."""
        return TenantRepository(self.connection)

    @cached_property
    def schedules(self) -> Schedules:
        """Tables schedules and schedule_versions."""
        return ScheduleRepository(self.connection)

    @cached_property
    def triggers(self) -> Triggers:
        """Table triggers."""
        return TriggerRepository(self.connection)

    @cached_property
    def trigger_events(self) -> TriggerEvents:
        """Table trigger_events."""
        return TriggerEventRepository(self.connection)

    @cached_property
    def calendars(self) -> Calendars:
        """Tables calendars and calendar_versions."""
        return CalendarRepository(self.connection)

    @cached_property
    def runs(self) -> Runs:
        """Table runs."""
        return RunRepository(self.connection)

    @cached_property
    def launches(self) -> Launches:
        """Table launches."""
        return LaunchRepository(self.connection)

    @cached_property
    def workers(self) -> Workers:
        """Table workers."""
        return WorkerRepository(self.connection)

    @cached_property
    def graph_jobs(self) -> GraphJobs:
        """Table graph_jobs."""
        return GraphJobRepository(self.connection)

    @cached_property
    def policy_jobs(self) -> PolicyJobs:
        """Table policy_jobs."""
        return PolicyJobRepository(self.connection)

    @cached_property
    def impact_snapshots(self) -> ImpactSnapshots:
        """Tables impact_snapshots and impact_snapshot_images."""
        return ImpactSnapshotRepository(self.connection)

    @cached_property
    def execution_logs(self) -> ExecutionLogs:
        """Table execution_logs."""
        return ExecutionLogRepository(self.connection)

    @cached_property
    def run_summaries(self) -> RunSummaries:
        """Table run_summaries."""
        return RunSummaryRepository(self.connection)

    @cached_property
    def notifications(self) -> Notifications:
        """Table notifications."""
        return NotificationRepository(self.connection)

    @cached_property
    def locks(self) -> Locks:
        """Tables locks and lock_waiters."""
        return LockRepository(self.connection)

    @cached_property
    def retention(self) -> Retention:
        """What is deleted when it is past retention, over several tables."""
        return RetentionRepository(self.connection)

    @cached_property
    def audit(self) -> Audit:
        """Table audit."""
        return AuditRepository(self.connection, self.correlation_id)

    @cached_property
    def audit_seals(self) -> AuditSeals:
        """Tables audit_seals and audit_unsealed."""
        return AuditSealRepository(self.connection)

    @cached_property
    def fire_audit(self) -> FireAudit:
        """The history of schedules and the ledger, for the audit of fires."""
        return FireAuditRepository(self.connection)

    @cached_property
    def images(self) -> Images:
        """Inventory: images, SBOMs, components, graphs."""
        return ImageRepository(self.connection)

    @cached_property
    def advisories(self) -> Advisories:
        """Inventory: advisories, their ranges and feed revisions."""
        return AdvisoryRepository(self.connection)

    @cached_property
    def imports(self) -> AdvisoryImports:
        """Inventory: imports of advisories, EPSS and KEV, what they staged and what they left out."""
        return AdvisoryImportRepository(self.connection)

    @cached_property
    def tenant_quarantine(self) -> TenantQuarantine:
        """Inventory: what imports of SBOMs and VEX left out."""
        return TenantQuarantineRepository(self.connection)

    @cached_property
    def policies(self) -> Policies:
        """Inventory: policies and their revisions."""
        return PolicyRepository(self.connection)

    @cached_property
    def findings(self) -> Findings:
        """Inventory: findings."""
        return FindingRepository(self.connection)

    @cached_property
    def vex(self) -> Vex:
        """Inventory: VEX statements."""
        return VexRepository(self.connection)

    @cached_property
    def exploits(self) -> Exploits:
        """Inventory: EPSS and KEV."""
        return ExploitRepository(self.connection)
