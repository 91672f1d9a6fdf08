"""Plans of a first policy run, which fills tables that the planner knows nothing of yet."""

from uuid import UUID, uuid4

import pytest

from tests.plans.explain import Hot, explain

IMAGES, EACH = 400, 25


@pytest.fixture
def images(admin) -> list[UUID]:
    """Images with open findings that were not analyzed since the table was empty."""
    images = [uuid4() for _ in range(IMAGES)]
    admin.execute("ALTER TABLE inventory.findings DISABLE TRIGGER USER")
    admin.execute("ALTER TABLE inventory.findings SET (autovacuum_enabled = false)")
    admin.execute("ANALYZE inventory.findings")
    admin.execute(
        """
        INSERT INTO inventory.findings (
            tenant_id, image_id, policy_id, component_id, advisory_id, policy_revision, match, severity, verdict,
            first_run_id, last_run_id, first_seen_at, last_seen_at)
        SELECT 'acme', image, gen_random_uuid(), number, 'A-1', 1, 'affected', 'high', 'block',
            gen_random_uuid(), gen_random_uuid(), now(), now()
        FROM unnest(%s::uuid[]) AS image, generate_series(1, %s) AS number
        """,
        [images, EACH],
    )
    return images


@pytest.mark.parametrize("query", ["findings/list_lines_of_images", "findings/count_open_of_images"])
def test_the_open_findings_of_images_are_read_by_their_key(database, images, query):
    asked = images[:50]
    plan = explain(database, Hot(query, "findings_pkey", 0, {"images": asked, "tenant_id": "acme"}, "acme"))
    assert (plan.indexes, plan.scanned, plan.read) == ({"findings_pkey"}, set(), len(asked) * EACH)


@pytest.mark.parametrize("generic", [False, True])
def test_whether_an_image_has_findings_is_read_by_its_key(database, images, generic):
    new = [uuid4() for _ in range(50)]
    parameters = {
        "tenant_id": "acme",
        "run_id": uuid4(),
        "images": [*images[:50], *new],
        "of_images": [],
        "of_decided": [],
        "decided": "[]",
    }
    plan = explain(database, Hot("findings/upsert_many", "findings_pkey", 0, parameters, "acme"), generic)
    assert (plan.indexes, plan.scanned) == ({"findings_pkey"}, set())
    assert plan.read <= 50
