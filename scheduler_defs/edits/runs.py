"""Asks for runs by hand, and for their end."""

from uuid import UUID

from resources.errors import IllegalTransition
from resources.ids import new_id
from resources.records import NewRun, Run
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState, TriggerKind
from resources.store import Store
from scheduler_defs.edits.wanted_runs import check_priority, check_selection, mode_of


def request_run(
    store: Store,
    tenant_id: str,
    kind: JobKind,
    actor: str,
    *,
    selection: Selection | None = None,
    mode: PolicyMode | None = None,
    priority: int = 0,
) -> UUID:
    """Writes a pending run without a schedule; returns its id. fire_due launches it.

    Raises NotFound for an unknown tenant, InvalidInput for mode, priority or selection.
    """
    store.tenants.get(tenant_id)
    chosen = selection or Selection()
    check_priority(priority)
    check_selection(store, kind, mode, chosen, scheduled=False)
    now = store.now()
    run = NewRun(
        tenant_id=tenant_id,
        id=new_id(),
        kind=kind,
        mode=mode_of(kind, mode),
        trigger_kind=TriggerKind.MANUAL,
        scheduled_for=now,
        requested_by=actor,
        selection=chosen.to_json(),
        priority=priority,
    )
    store.runs.create_many([run], now)
    store.audit.append(
        tenant_id=tenant_id,
        actor=actor,
        action="start",
        entity="run",
        entity_id=str(run.id),
        new={"kind": kind, "mode": run.mode, "selection": run.selection, "priority": priority},
        now=now,
    )
    return run.id


def retry_run(store: Store, run: Run, actor: str) -> UUID:
    """Asks for what a failed or cancelled run was to do once more, as a run of its own that names it; returns its id.

    Raises IllegalTransition for a run in another state.
    """
    if run.state not in {RunState.FAILED, RunState.CANCELLED}:
        why = "only a failed or cancelled run can be retried"
        raise IllegalTransition("run", run.id, run.state, "retried", why)
    return _again(store, run, actor, "retry")


def repeat_run(store: Store, run: Run, actor: str) -> UUID:
    """Asks for what a run did once more, as a manual run of the same schedule or of none; returns its id."""
    return _again(store, run, actor, "repeat")


def _again(store: Store, run: Run, actor: str, action: str) -> UUID:
    now = store.now()
    again = NewRun(
        tenant_id=run.tenant_id,
        id=new_id(),
        kind=run.kind,
        mode=run.mode,
        trigger_kind=TriggerKind.RETRY if action == "retry" else TriggerKind.MANUAL,
        scheduled_for=now,
        requested_by=actor,
        selection=dict(run.selection),
        priority=run.priority,
        schedule_id=run.schedule_id,
        schedule_version=run.schedule_version,
        retry_of=run.id if action == "retry" else None,
    )
    store.runs.create_many([again], now)
    store.audit.append(
        tenant_id=run.tenant_id,
        actor=actor,
        action=action,
        entity="run",
        entity_id=str(run.id),
        old={"state": run.state},
        new={"run": str(again.id)},
        now=now,
    )
    return again.id


def cancel_run(store: Store, run: Run, actor: str, reason: str = "") -> RunState:
    """Cancels a run that waits, asks a running one to stop; returns the state after. Raises IllegalTransition."""
    now = store.now()
    try:
        state = store.runs.cancel(run, reason or f"cancelled by {actor}", now)
    except IllegalTransition as error:
        why = "it has ended, so there is nothing to cancel"
        raise IllegalTransition("run", run.id, error.source, error.target, why) from None
    store.audit.append(
        tenant_id=run.tenant_id,
        actor=actor,
        action="cancel",
        entity="run",
        entity_id=str(run.id),
        old={"state": run.state},
        new={"state": state, "reason": reason},
        now=now,
    )
    return state
