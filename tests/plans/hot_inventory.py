"""Hot queries of impact: by advisories to components, and by components to images, never by all images."""

from uuid import UUID

from psycopg.types.json import Jsonb

from tests.plans.explain import PAGE, Hot, first_and_deep
from tests.plans.planting_inventory import ADVISORIES

ALL = {
    "namespace": None,
    "repository_like": None,
    "name_like": None,
    "digest": None,
    "labels": Jsonb({}),
    "ingested_since": None,
}
SOME = {"images": [UUID(int=4 * n) for n in range(1, 101)]}
NUMBERS = [8 * n for n in range(1001, 1101)]
CANDIDATES = "advisories_pkey component_versions_of_package component_versions_of_binary"
BY_NAME = "images_tenant_id_registry_repository_identity_key"
IMPACT = [
    Hot(
        "advisories/list_named",
        "advisories_names advisories_pkey",
        40,
        {"names": [f"{kind}-{n}" for kind in ("A", "CVE") for n in range(1000, 1010)]},
    ),
    Hot(
        "impact/list_candidates",
        f"{CANDIDATES} advisory_ranges_pkey",
        300,
        {"advisories": [f"A-{n}" for n in range(1000, 1020)], "with_withdrawn": False},
        paged=True,
        note="advisories",
    ),
    Hot(
        "impact/list_candidates",
        f"{CANDIDATES} advisory_ranges_began advisory_ranges_ended",
        300,
        {"since_revision": ADVISORIES // 10 - 1, "with_withdrawn": False},
        paged=True,
        note="since",
    ),
    Hot(
        "impact/list_holders",
        "image_components_pkey images_pkey",
        200,
        {"components": [8 * n for n in range(1, 6)]} | ALL,
    ),
    Hot(
        "impact/list_held",
        "image_components_of_image image_components_pkey images_pkey sboms_pkey",
        2000,
        {"components": [8 * n for n in range(1, 1001)]} | SOME,
        paged=True,
    ),
    Hot("images/list_sboms", "images_pkey", 100, SOME),
    *first_and_deep(
        "images/list",
        f"{BY_NAME} sboms_pkey",
        2 * PAGE,
        ALL,
        {"after_registry": "r", "after_repository": "repo/50000", "after_identity": "tag:1"},
    ),
    Hot(
        "components/insert_of_image",
        "component_versions_tenant_id_purl_package_version_source_ve_key",
        200,
        {
            "image_id": UUID(int=4),
            "purls": [f"pkg:npm/p{n // 48}@{n % 48}" for n in NUMBERS],
            "packages": [f"p{n // 48}" for n in NUMBERS],
            "versions": [f"{n % 48}.0" for n in NUMBERS],
            "source_versions": [None] * 100,
            "distros": [None] * 100,
        },
    ),
]
