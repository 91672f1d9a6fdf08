"""Inventory: policies and their revisions."""

from datetime import datetime

from resources.errors import NotFound
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

    def get_revision(self, tenant_id: str, name: str, revision: int) -> PolicyRevision:
        found = self._one(
            "policies/get_revision", PolicyRevision, tenant_id=tenant_id, name=name, revision=revision
        )
        if found is None:
            raise NotFound("policy revision", f"{name} {revision}")
        return found

    def remove(self, tenant_id: str, name: str, now: datetime) -> PolicyRevision:
        removed = self._one("policies/soft_delete", PolicyRevision, tenant_id=tenant_id, name=name, now=now)
        if removed is None:
            raise NotFound("policy", name)
        return removed

    def list(self, tenant_id: str) -> list[PolicyRevision]:
        return self._all("policies/list", PolicyRevision, tenant_id=tenant_id)
