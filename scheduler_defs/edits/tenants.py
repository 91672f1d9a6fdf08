"""Creates tenants."""

import re

from resources.errors import InvalidInput
from resources.records import Tenant
from resources.store import Store
from scheduler_defs.engines.policy import load_default_policy
from scheduler_defs.inputs.policies import apply_policy

TENANT_ID = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


def create_tenant(
    store: Store, tenant_id: str, actor: str, display_name: str = "", max_concurrent_runs: int | None = None
) -> Tenant:
    """Adds a tenant with the default policy; the store is the system's.

    Raises InvalidInput for the id or the limit, AlreadyExists.
    """
    if not TENANT_ID.fullmatch(tenant_id):
        expected = (
            "1 to 63 lower-case letters, digits, '.', '_' or '-', beginning and ending with a letter or digit"
        )
        raise InvalidInput("tenant", tenant_id, expected)
    if max_concurrent_runs is not None and max_concurrent_runs < 1:
        raise InvalidInput("max_concurrent_runs", max_concurrent_runs, "1 or more")
    now = store.now()
    tenant = store.tenants.create(tenant_id, display_name or tenant_id, actor, now, max_concurrent_runs)
    store.audit.append(
        tenant_id=tenant_id,
        actor=actor,
        action="create",
        entity="tenant",
        entity_id=tenant_id,
        new={"display_name": tenant.display_name, "max_concurrent_runs": max_concurrent_runs},
        now=now,
    )
    apply_policy(store, tenant_id, "default policy", load_default_policy(), actor)
    return tenant
