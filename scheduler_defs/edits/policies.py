"""Edits of policies; what they say comes from documents."""

from resources.records import PolicyRevision
from resources.store import Store


def remove_policy(store: Store, tenant_id: str, name: str, actor: str) -> tuple[PolicyRevision, int]:
    """Takes a policy out and closes its open findings; returns its last revision, and how many it closed.

    Waits for the tenant's policy run that is writing findings; later ones leave the policy out. Its revisions stay,
    and applying a document of its name brings it back. Raises NotFound for an unknown tenant or policy.
    """
    store.tenants.get(tenant_id)
    store.policy_jobs.lock(tenant_id)
    now = store.now()
    removed = store.policies.remove(tenant_id, name, now)
    closed = store.findings.close_of_policy(tenant_id, removed.policy_id, now)
    store.audit.append(
        tenant_id=tenant_id,
        actor=actor,
        action="remove",
        entity="policy",
        entity_id=str(removed.policy_id),
        old={"name": removed.name, "revision": removed.revision, "digest": removed.digest},
        now=now,
    )
    store.trigger_events.record("policy_changed", now, tenant_id)
    return removed, closed
