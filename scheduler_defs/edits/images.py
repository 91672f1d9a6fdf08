"""Edits of images; what they hold comes from SBOMs."""

from resources.errors import NotFound
from resources.records import Image
from resources.store import Store


def remove_image(store: Store, image: Image, actor: str) -> int:
    """Takes from an image its SBOM and components, and closes its open findings; returns how many.

    Waits for the tenant's policy run that is writing findings; later ones leave the image out. Runs, snapshots, SBOMs
    and graphs stay, and ingesting an SBOM brings the image back. Raises NotFound for one that holds none any more.
    """
    store.policy_jobs.lock(image.tenant_id)
    held = store.images.find(image.tenant_id, image.registry, image.repository, image.digest, image.tag)
    if held is None or held.sbom_id is None:
        raise NotFound("image", image.name)
    now = store.now()
    store.images.unset_sbom(held, now)
    store.images.clear_components(held)
    closed = store.findings.close_of(held, now)
    store.audit.append(
        tenant_id=held.tenant_id,
        actor=actor,
        action="remove",
        entity="image",
        entity_id=str(held.id),
        old={
            "image": held.name,
            "namespace": held.namespace,
            "labels": dict(held.labels),
            "sbom": str(held.sbom_id),
        },
        now=now,
    )
    return closed
