"""scheduler image: list and remove."""

import json

import pytest

from resources.states import JobKind, PolicyMode
from tests.ops.conftest import World


@pytest.fixture
def world(database, tenant, tmp_path):
    """Two images of acme and one of globex, each with one finding."""
    world = World(database, tmp_path)
    world.image("shop/web", {"flask": "1.0", "click": "8.0"}, labels={"tier": "prod"})
    world.image("shop/web-admin", namespace="back")
    world.image("shop/web", tenant="globex")
    world.advisories(world.advisory("A-1", "flask"))
    for one in ("acme", "globex"):
        world.run(JobKind.POLICY, one, mode=PolicyMode.FULL)
    return world


@pytest.fixture
def listed(scheduler):
    def names(*options):
        return [
            one["repository"] for one in json.loads(scheduler("image", "list", "--json", *options).stdout)
        ]

    return names


def test_images_are_listed_and_narrowed(scheduler, listed, world, environment):
    environment["COLUMNS"] = "200"
    shown = scheduler("image", "list").stdout.splitlines()
    assert shown[0].split() == ["IMAGE", "DIGEST", "NAMESPACE", "LABELS", "COMPONENTS", "CHANGED"]
    assert shown[1].split()[:6] == ["registry.example/shop/web:1", "-", "web", '{"tier":', '"prod"}', "2"]
    assert listed() == ["shop/web", "shop/web-admin"]
    for options, names in (
        (["--namespace", "back"], ["shop/web-admin"]),
        (["--repository", "*/web"], ["shop/web"]),
        (["--label", "tier=prod"], ["shop/web"]),
        (["--digest", "sha256:" + "a" * 64], []),
    ):
        assert listed(*options) == names
    first = scheduler("image", "list", "--limit", 1)
    cursor = first.stderr.split()[-1]
    assert listed("--cursor", cursor) == ["shop/web-admin"]


def test_an_image_is_removed_with_its_findings_and_comes_back(scheduler, listed, world, database, admin):
    result = scheduler("image", "remove", "shop/web", "--actor", "ann")
    assert result.stdout == "image registry.example/shop/web:1 is removed; 1 open finding closed\n"
    assert listed() == ["shop/web-admin"]
    with database.begin("acme") as store:
        assert [one.repository for one in store.findings.list_open("acme")] == ["shop/web-admin"]
        entry = store.audit.list("acme").items[0]
    assert (entry.actor, entry.action, entry.entity, entry.new) == ("ann", "remove", "image", None)
    assert entry.old["image"] == "registry.example/shop/web:1"
    with database.begin("globex") as store:
        assert len(store.findings.list_open("globex")) == 1
    held = "SELECT count(*) FROM inventory.image_components AS c WHERE tenant_id = 'acme'"
    assert admin.execute(held).fetchone() == (1,)
    world.image("shop/web", {"flask": "1.0", "click": "8.0"}, labels={"tier": "prod"})
    assert listed() == ["shop/web", "shop/web-admin"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "image: '' is not valid; expected registry/repository:tag"),
        ("nothing", "a part of them that one image with an SBOM has"),
        ("shop", "what names one image, not registry.example/shop/web:1, registry.example/shop/web-admin:1"),
    ],
)
def test_a_name_of_no_image_or_of_several_is_refused(refused, world, name, message):
    error = refused("image", "remove", name, "--tenant", "acme")
    assert message in error
    assert "graph" not in error


def test_an_image_is_removed_once(scheduler, refused, world):
    scheduler("image", "remove", "shop/web")
    scheduler("image", "remove", "shop/web-admin")
    assert "image: 'shop/web' is not valid" in refused("image", "remove", "shop/web", "--tenant", "acme")
    assert scheduler("image", "list").stderr == "no images\n"
