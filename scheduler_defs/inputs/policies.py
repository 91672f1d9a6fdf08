"""Policy documents into the inventory."""

from dataclasses import dataclass

from resources.records import PolicyRevision
from resources.store import Store
from scheduler_defs.engines.policy import compile_policy


@dataclass(frozen=True)
class Applied:
    """The current revision, whether it is a new one, and the names of its exceptions that have ended already."""

    revision: PolicyRevision
    changed: bool
    ended: list[str]


def apply_policy(store: Store, tenant_id: str, source: str, document: str, actor: str) -> Applied:
    """Writes a policy as a new revision unless it is the current one.

    Raises InvalidDocument with the position of the error, NotFound for an unknown tenant.
    """
    store.tenants.get(tenant_id)
    policy = compile_policy(source, document)
    now = store.now()
    ended = [one.name for one in policy.exceptions if one.until <= now]
    current, before = store.policies.apply(tenant_id, policy.name, document, policy.digest, actor, now)
    if current is before:
        return Applied(current, False, ended)
    store.audit.append(
        tenant_id=tenant_id,
        actor=actor,
        action="apply",
        entity="policy",
        entity_id=str(current.policy_id),
        old=None if before is None else {"revision": before.revision, "digest": before.digest},
        new={"name": current.name, "revision": current.revision, "digest": current.digest},
        now=now,
    )
    store.trigger_events.record("policy_changed", store.now(), tenant_id)
    return Applied(current, True, ended)
