"""Inventory: policies and their revisions."""

from datetime import datetime

from resources.ids import new_id
from resources.protocols.inventory.policies import Policies
from resources.records import PolicyRevision
from resources.repositories.base import Repository


class PolicyRepository(Repository, Policies):
    """Policies on PostgreSQL."""

    def apply(
        self, tenant_id: str, name: str, document: str, digest: str, actor: str, now: datetime
    ) -> tuple[PolicyRevision, PolicyRevision | None]:
        before = self._one("policies/get", PolicyRevision, tenant_id=tenant_id, name=name)
        if before is not None and before.digest == digest:
            return before, before
        ((policy_id, revision),) = self._rows(
            "policies/upsert", tenant_id=tenant_id, id=new_id(), name=name, now=now
        )
        self._execute(
            "policies/insert_revision",
            tenant_id=tenant_id,
            policy_id=policy_id,
            revision=revision,
            document=document,
            digest=digest,
            actor=actor,
            now=now,
        )
        return PolicyRevision(policy_id, name, revision, document, digest), before

    def list(self, tenant_id: str) -> list[PolicyRevision]:
        return self._all("policies/list", PolicyRevision, tenant_id=tenant_id)
