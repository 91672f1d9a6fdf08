"""What a simulation would change: how findings differ from those that are open, one row each."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from resources.image_names import names_by_id
from resources.records import Image, PolicyRevision
from resources.store import Store
from scheduler_defs.engines.purls import versioned_purl
from scheduler_defs.ops.findings import Change
from scheduler_defs.ops.tally import SHOWN, Judged

Row = dict[str, Any]


def judged_anew(changes: Mapping[UUID, Change], limit: int = SHOWN) -> list[Judged]:
    """The first differences, at most ``limit``; those in nothing but a rule's name or message are left out."""
    found: list[Judged] = []
    for image_id, change in changes.items():
        now = {one.key: f"{one.verdict} ({one.severity})" for one in change.now}
        was = {key: f"{one.verdict} ({one.severity})" for key, one in change.before.items()}
        for key in sorted(now.keys() | was.keys(), key=str):
            if was.get(key) != now.get(key):
                found.append((image_id, key, was.get(key), now.get(key)))
        if len(found) >= limit:
            return found[:limit]
    return found


def rows_of(
    store: Store,
    tenant_id: str,
    judged: Sequence[Judged],
    images: Mapping[UUID, Image],
    policies: Sequence[PolicyRevision],
) -> list[Row]:
    """Differences as people read them."""
    components = store.images.get_components(tenant_id, {key[1] for _, key, _, _ in judged})
    purls = {one.id: versioned_purl(one.purl, one.version) for one in components.values()}
    names = {one.policy_id: one.name for one in policies}
    image_names = names_by_id([*images.values()])
    return [
        {
            "image": image_names[image_id],
            "component": purls[component],
            "advisory": advisory,
            "policy": names.get(policy, str(policy)),
            "was": was,
            "now": now,
        }
        for image_id, (policy, component, advisory), was, now in judged
    ]
