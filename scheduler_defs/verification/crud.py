"""Checks of every repository of the Store; one that is left out fails by itself."""

from collections.abc import Mapping
from functools import cached_property

from resources.store import Store
from scheduler_defs.verification import crud_inventory, crud_runs, crud_schedules
from scheduler_defs.verification.check import Bench, CheckFunction, Failed, Named

OF_REPOSITORY: Mapping[str, CheckFunction] = {
    "tenants": crud_schedules.check_tenants,
    "schedules": crud_schedules.check_schedules,
    "triggers": crud_schedules.check_triggers,
    "trigger_events": crud_schedules.check_trigger_events,
    "calendars": crud_schedules.check_calendars,
    "fire_audit": crud_schedules.check_fire_audit,
    "runs": crud_runs.check_runs,
    "launches": crud_runs.check_launches,
    "workers": crud_runs.check_workers,
    "graph_jobs": crud_runs.check_graph_jobs,
    "policy_jobs": crud_runs.check_policy_jobs,
    "execution_logs": crud_runs.check_execution_logs,
    "run_summaries": crud_runs.check_run_summaries,
    "impact_snapshots": crud_runs.check_impact_snapshots,
    "notifications": crud_runs.check_notifications,
    "locks": crud_runs.check_locks,
    "retention": crud_runs.check_retention,
    "images": crud_inventory.check_images,
    "advisories": crud_inventory.check_advisories,
    "imports": crud_inventory.check_imports,
    "tenant_quarantine": crud_inventory.check_tenant_quarantine,
    "policies": crud_inventory.check_policies,
    "findings": crud_inventory.check_findings,
    "vex": crud_inventory.check_vex,
    "exploits": crud_inventory.check_exploits,
    "audit": crud_inventory.check_audit,
    "audit_seals": crud_inventory.check_audit_seals,
}


def repositories() -> list[str]:
    """The repositories of the Store, by the names it gives them."""
    return [name for name, value in vars(Store).items() if isinstance(value, cached_property)]


def _unknown(name: str) -> CheckFunction:
    def fail(_: Bench) -> str:
        raise Failed(f"repository {name} has no check; give it one in scheduler_defs/verification/crud.py")

    return fail


def checks() -> list[Named]:
    """A check for each repository there is."""
    return [(f"repository: {name}", OF_REPOSITORY.get(name) or _unknown(name)) for name in repositories()]
