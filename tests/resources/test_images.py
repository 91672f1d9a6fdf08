"""Inventory: images and their selection, SBOMs, components, graphs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from resources.errors import InvalidInput, NotFound
from resources.ids import new_id
from resources.inventory_records import ComponentRow, GraphRow, KnownComponent, KnownSbom
from resources.records import Completion
from resources.selection import Selection

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def upsert(store, now, repository="shop", **changes):
    wanted = {"tenant_id": "acme", "registry": "registry.test", "digest": DIGEST, "tag": "1.0"}
    wanted |= {"namespace": "web", "labels": {"tier": "prod"}} | changes
    return store.images.upsert(repository=repository, now=now, **wanted)


def selected(database, **fields):
    with database.begin("acme") as store:
        return [image.repository for image in store.images.select("acme", Selection(**fields))]


def purls_of(admin, image):
    return {
        row[0]
        for row in admin.execute(
            """
            SELECT c.purl FROM inventory.image_components AS i
            JOIN inventory.component_versions AS c ON c.tenant_id = i.tenant_id AND c.id = i.component_id
            WHERE i.image_id = %s
            """,
            [image.id],
        )
    }


def test_an_image_is_brought_up_to_date_and_keeps_its_id(database, plant):
    with database.begin("acme") as store:
        first = upsert(store, plant.now)
        assert (first.name, first.namespace, first.labels, first.sbom_id) == (
            *("registry.test/shop:1.0", "web", {"tier": "prod"}, None),
        )
        second = upsert(store, plant.now, tag="2.0", namespace="shop", labels={})
        assert second == replace(first, tag="2.0", namespace="shop", labels={})
        assert upsert(store, plant.now, tag=None).tag == "2.0"


def test_images_differ_by_registry_repository_digest_and_tenant(database, plant):
    with database.begin("acme") as store:
        images = [
            upsert(store, plant.now, **changes)
            for changes in ({}, {"registry": ""}, {"repository": "api"}, {"digest": OTHER}, {"digest": None})
        ]
        assert upsert(store, plant.now, digest=None).id == images[-1].id
    with database.begin("globex") as store:
        images.append(upsert(store, plant.now, tenant_id="globex"))
    assert len({image.id for image in images}) == 6


def test_a_tag_is_the_identity_of_an_image_without_a_digest_only(database, plant):
    with database.begin("acme") as store:
        one, two = (upsert(store, plant.now, digest=None, tag=tag) for tag in ("1.0", "2.0"))
        nameless = upsert(store, plant.now, digest=None, tag=None)
        assert len({one.id, two.id, nameless.id}) == 3
        assert upsert(store, plant.now, digest=None, tag="1.0") == one
        assert upsert(store, plant.now, digest=None, tag=None) == nameless
        fixed = upsert(store, plant.now, tag="1.0")
        assert upsert(store, plant.now, tag="2.0") == replace(fixed, tag="2.0")
        assert upsert(store, plant.now, digest=OTHER, tag="2.0").id not in {fixed.id, one.id, two.id}


def test_an_image_without_an_sbom_is_not_selected(database, plant):
    with database.begin("acme") as store:
        upsert(store, plant.now)
    assert selected(database) == []


def test_selections(database, plant):
    plant.image("team/shop", namespace="web", digest=DIGEST, labels={"tier": "prod", "team": "a"})
    plant.image("team/api", namespace="web", digest=OTHER, labels={"tier": "test"})
    plant.image("other/api", namespace="batch", labels={"tier": "prod"})
    plant.image("team/shop", tenant_id="globex")
    everything = {"team/shop", "team/api", "other/api"}
    for fields, expected in [
        ({}, everything),
        ({"namespace": "web"}, {"team/shop", "team/api"}),
        ({"namespace": "we"}, set()),
        ({"repository": "team/api"}, {"team/api"}),
        ({"repository": "team/*"}, {"team/shop", "team/api"}),
        ({"repository": "*api"}, {"team/api", "other/api"}),
        ({"repository": "team/???"}, {"team/api"}),
        ({"repository": "*"}, everything),
        ({"repository": "%"}, set()),
        ({"repository": "team_shop"}, set()),
        ({"repository": "registry.test/team/shop"}, {"team/shop"}),
        ({"repository": "registry.*/team/*"}, {"team/shop", "team/api"}),
        ({"repository": "registry.test"}, set()),
        ({"repository": "*/team/shop"}, set()),
        ({"digest": OTHER}, {"team/api"}),
        ({"labels": {"tier": "prod"}}, {"team/shop", "other/api"}),
        ({"labels": {"tier": "prod", "team": "a"}}, {"team/shop"}),
        ({"labels": {"team": "b"}}, set()),
        ({"namespace": "web", "labels": {"tier": "prod"}}, {"team/shop"}),
    ]:
        found = selected(database, **fields)
        assert (set(found), len(found)) == (expected, len(expected)), fields


@pytest.mark.parametrize("character", ["%", "_", "\\"])
def test_characters_of_like_stand_for_themselves(database, plant, character):
    plant.image(f"a{character}b")
    plant.image("axb")
    assert selected(database, repository=f"a{character}b") == [f"a{character}b"]
    assert selected(database, repository=f"a{character}*") == [f"a{character}b"]


def test_an_sbom_is_kept_as_given_and_found_by_its_digest(database, plant):
    image, other = plant.image("a"), plant.image("b")
    content, digest = bytes(range(256)), "c" * 64
    with database.begin("acme") as store:
        sbom = store.images.add_sbom(
            image,
            digest=digest,
            spec_version="1.6",
            serial_number="urn:uuid:1",
            component_count=3,
            dependency_count=2,
            content=content,
            actor="ann",
            now=plant.now,
        )
        assert store.images.get_sbom("acme", sbom) == (content, digest)
        assert store.images.find_sbom(image, digest) == sbom
        for serial, later in (("urn:uuid:2", b"later"), ("urn:uuid:2", b"its next version")):
            store.images.renew_sbom(image, sbom, serial, later)
            assert store.images.find_sbom_by_serial("acme", serial).content == later
        assert store.images.find_sbom_by_serial("acme", "urn:uuid:1") is None
        assert store.images.get_sbom("acme", sbom) == (later, digest)
        assert store.images.find_sbom(other, digest) is None
        assert store.images.find_sbom(image, "d" * 64) is None
        with pytest.raises(NotFound, match="SBOM"):
            store.images.get_sbom("acme", new_id())
        with pytest.raises(NotFound):
            store.images.get_sbom("globex", sbom)


def test_an_sbom_is_found_by_its_serial_number_the_one_ingested_last(database, plant):
    images = [plant.image(name, digest=f"sha256:{number:064x}") for number, name in enumerate("ab")]
    with database.begin("acme") as store:
        for day, image in enumerate(images):
            store.images.add_sbom(
                image,
                digest=f"{day}" * 64,
                spec_version="1.6",
                serial_number="urn:uuid:AB",
                component_count=1,
                dependency_count=0,
                content=bytes([day]),
                actor="ann",
                now=plant.now + timedelta(days=day),
            )
        found = store.images.find_sbom_by_serial("acme", "URN:uuid:aB")
        assert found == KnownSbom("registry.test", "b", "1.0", f"sha256:{1:064x}", bytes([1]))
        assert store.images.find_sbom_by_serial("acme", "urn:uuid:abc") is None
        assert store.images.find_sbom_by_serial("globex", "urn:uuid:ab") is None


def test_an_image_takes_no_sbom_that_does_not_exist(database, plant):
    with pytest.raises(psycopg.errors.ForeignKeyViolation), database.begin("acme") as store:
        store.images.set_sbom(plant.image(), new_id(), plant.now)


def test_an_image_whose_sbom_is_taken_is_no_image_any_more(database, plant):
    gone, stays = plant.image("a", ["lodash@4.0"]), plant.image("b", ["lodash@4.0"])
    later = plant.now + timedelta(hours=1)
    with database.begin("acme") as store:
        store.images.unset_sbom(gone, later)
        assert store.images.select("acme", Selection()) == [stays]
        assert store.images.list_sboms("acme", [gone.id, stays.id]) == {stays.id: stays.sbom_id}
        assert store.images.find("acme", "registry.test", "a", None, "1.0") == replace(gone, sbom_id=None)
        with pytest.raises(NotFound, match=r"image 'registry\.test/a:1\.0' does not exist"):
            store.images.unset_sbom(gone, later)
    with pytest.raises(NotFound), database.begin("globex") as store:
        store.images.unset_sbom(stays, later)


def test_images_are_listed_by_name_in_pages(database, plant):
    for name, tag in (("b", "1"), ("a", "2"), ("a", "1"), ("a-b", "1")):
        plant.image(name, ["lodash@4.0", "react@18.0"], tag=tag)
    plant.image("B", tag=None, registry="", namespace="shop", labels={"tier": "prod"})
    with database.begin("acme") as store:
        upsert(store, plant.now, repository="without SBOM")
        whole = store.images.list("acme", Selection()).items
        names = [f"registry.test/{name}" for name in ("a:1", "a:2", "a-b:1", "b:1")]
        assert {one.name for one in whole} == {"B", *names}
        assert whole == sorted(whole, key=lambda one: (one.registry, one.repository, one.identity))
        paged, cursor = [], None
        while len(paged) < len(whole):
            page = store.images.list("acme", Selection(), cursor=cursor, limit=2)
            paged, cursor = paged + page.items, page.next_cursor
        assert (paged, cursor) == (whole, None)
        (one,) = store.images.list("acme", Selection(namespace="shop", labels={"tier": "prod"})).items
        assert (one.name, one.components, one.changed_at) == ("B", 1, plant.now)
        assert [one.name for one in store.images.list("acme", Selection(repository="a?b")).items] == names[
            2:3
        ]
    with database.begin("globex") as store:
        assert store.images.list("acme", Selection()).items == []


def test_components_are_kept_once_and_an_image_holds_what_its_sbom_says(database, plant, admin):
    first = plant.image("a", ["left-pad@1.0", "lodash@4.0"])
    second = plant.image("b", ["lodash@4.0", "react@18.0"])
    assert purls_of(admin, first) == {"pkg:npm/left-pad@1.0", "pkg:npm/lodash@4.0"}
    assert purls_of(admin, second) == {"pkg:npm/lodash@4.0", "pkg:npm/react@18.0"}
    plant.image("a", ["react@18.0"])
    assert purls_of(admin, first) == {"pkg:npm/react@18.0"}
    assert purls_of(admin, second) == {"pkg:npm/lodash@4.0", "pkg:npm/react@18.0"}
    rows = admin.execute("SELECT purl, id FROM inventory.component_versions").fetchall()
    assert {purl for purl, _ in rows} == {"pkg:npm/left-pad@1.0", "pkg:npm/lodash@4.0", "pkg:npm/react@18.0"}
    assert len(rows) == 3


@pytest.mark.parametrize(
    "change",
    [{"package": "glibc-new"}, {"version": None}, {"source_version": "2.37"}, {"distro": "debian:11"}],
    ids=lambda change: next(iter(change)),
)
def test_components_of_one_purl_stay_apart_in_all_that_decides_a_match(database, plant, admin, change):
    row = ComponentRow("pkg:deb/debian/libc6", "deb", "glibc", "libc6", "2.36-9", "2.36", "debian:12")
    rows = [row, replace(row, **change)]
    images = [plant.image(name) for name in "ab"]
    with database.begin("acme") as store:
        for image, component in zip(images, rows, strict=True):
            store.images.add_components(image, [component])
            store.images.add_components(image, [component])
    held = admin.execute("""
        SELECT i.image_id, c.package, c.version, c.source_version, c.distro FROM inventory.image_components AS i
        JOIN inventory.component_versions AS c ON c.id = i.component_id ORDER BY i.image_id
    """).fetchall()
    assert held == [
        (image.id, one.package, one.version, one.source_version, one.distro)
        for image, one in zip(images, rows, strict=True)
    ]
    assert len(purls_of(admin, images[0])) == 1


def test_components_are_read_by_id(database, plant):
    row = ComponentRow("pkg:deb/debian/libc6@2.36", "deb", "glibc", "libc6", "2.36-9", "2.36", "debian:12")
    image = plant.image()
    with database.begin("acme") as store:
        store.images.add_components(image, [row, row])
        found = store.connection.execute("SELECT id FROM inventory.component_versions").fetchall()
        ids = [one for (one,) in found]
        assert store.images.get_components("acme", [*ids, -1]) == {
            ids[0]: KnownComponent(ids[0], row.purl, "deb", "glibc", "libc6", "2.36-9", "2.36")
        }
        assert store.images.get_components("acme", []) == {}


def test_a_graph_is_kept_once_a_digest(database, tenant, admin):
    graph = GraphRow("a" * 64, "pkg:npm/shop@1", 3, 2, 1, b"first")
    with database.begin(tenant) as store:
        now = store.now()
        store.images.add_graph(tenant, graph, now)
        store.images.add_graph(tenant, replace(graph, content=b"second"), now + timedelta(1))
    found = admin.execute(
        "SELECT digest, root, node_count, edge_count, max_depth, content FROM inventory.graphs"
    )
    assert found.fetchall() == [("a" * 64, "pkg:npm/shop@1", 3, 2, 1, b"first")]


@pytest.fixture
def shops(database, plant):
    """Four images, their ids, and the ids of the components by name."""
    images = [
        plant.image("a", ["left-pad@1.0", "lodash@4.0"]),
        *(plant.image(name, ["lodash@4.0"]) for name in ("b", "c")),
        plant.image("d", ["react@18.0"]),
    ]
    with database.begin("acme") as store:
        rows = store.connection.execute("SELECT name, id FROM inventory.component_versions").fetchall()
    return images, dict(rows)


def test_holders_are_the_selected_images_that_hold_a_component_with_those_they_hold(database, shops):
    (both, one, other, _), ids = shops
    wanted = [ids["lodash"], ids["left-pad"]]
    with database.begin("acme") as store:
        found = store.images.list_holders("acme", wanted, Selection())
        assert store.images.list_holders("acme", [], Selection()) == []
        assert store.images.list_holders("acme", wanted, Selection(repository="x*")) == []
        (narrowed,) = store.images.list_holders("acme", wanted, Selection(repository="b"))
        selected = {image.id: image for image in store.images.select("acme", Selection())}
    assert [(image.id, list(image.components)) for image in found] == sorted(
        [(both.id, sorted(wanted)), (one.id, [ids["lodash"]]), (other.id, [ids["lodash"]])]
    )
    assert (narrowed.id, narrowed.repository, narrowed.components) == (one.id, "b", [ids["lodash"]])
    for image in found:
        said = selected[image.id]
        assert (image.registry, image.repository, image.digest, image.tag, image.name) == (
            *(said.registry, said.repository, said.digest, said.tag, said.name),
        )


def test_what_images_hold_is_read_with_the_sbom_that_says_so(database, shops):
    (both, one, _, without), ids = shops
    wanted = [ids["lodash"], ids["left-pad"]]
    with database.begin("acme") as store:
        found = store.images.list_held("acme", wanted, [both.id, without.id])
        sboms = store.images.list_sboms("acme", [both.id, one.id, new_id()])
        digests = dict(store.connection.execute("SELECT id, digest FROM inventory.sboms").fetchall())
        assert store.images.list_held("acme", wanted, []) == {}
    assert {image_id: list(held.components) for image_id, held in found.items()} == {
        both.id: sorted(wanted),
        without.id: [],
    }
    assert sboms.keys() == {both.id, one.id}
    assert (found[both.id].image_id, found[both.id].sbom_id) == (both.id, sboms[both.id])
    assert found[both.id].sbom_digest == digests[sboms[both.id]]


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(namespace="default"),
        Selection(namespace="elsewhere"),
        Selection(repository="?"),
        Selection(repository="registry.test/*"),
        Selection(labels={"tier": "prod"}),
        Selection(ingested_since=datetime(2026, 3, 14, 12, tzinfo=UTC)),
        Selection(ingested_since=datetime(2999, 1, 1, tzinfo=UTC)),
    ],
)
def test_images_are_counted_as_they_are_selected(database, shops, selection):
    with database.begin("acme") as store:
        assert store.images.count("acme", selection) == len(store.images.select("acme", selection))


def test_images_that_got_another_sbom_or_place_since_are_selected(database, plant):
    later, same = plant.now + timedelta(hours=1), {"digest": None, "labels": {}}
    names = ("as it was", "again", "moved", "tagged", "labelled")
    images = {name: plant.image(name, ["lodash@4.0"]) for name in names}
    plain, scanned = images["as it was"], images["again"]
    with database.begin("acme") as store:
        upsert(store, later, "as it was", **same)
        store.images.set_sbom(plain, plain.sbom_id, later)
        store.images.unset_sbom(scanned, plant.now)
        store.images.set_sbom(scanned, scanned.sbom_id, later)
        upsert(store, later, "moved", **same | {"namespace": "shop"})
        upsert(store, later, "labelled", **same | {"labels": {"tier": "prod"}})
        upsert(store, later, "tagged", **same | {"tag": "2.0"})
        ids = [row[0] for row in store.connection.execute("SELECT id FROM inventory.component_versions")]
        for since, wanted in (
            (plant.now, {*names}),
            (later, {"again", "moved", "labelled"}),
            (later + timedelta(1), set()),
        ):
            selection = Selection(ingested_since=since)
            assert {one.repository for one in store.images.select("acme", selection)} == wanted
            assert {one.repository for one in store.images.list_holders("acme", ids, selection)} == wanted


def test_an_image_is_found_by_what_an_upsert_goes_by_and_by_its_tenant_only(database, plant):
    with database.begin("acme") as store:
        by_digest, by_tag = upsert(store, plant.now), upsert(store, plant.now, digest=None)
        place = ("acme", "registry.test", "shop")
        assert store.images.find(*place, DIGEST, "9.9") == by_digest
        assert store.images.find(*place, None, "1.0") == by_tag
        assert store.images.find(*place, None, "2.0") is None
        assert store.images.find(*place, OTHER, "1.0") is None
    with database.begin("globex") as store:
        assert store.images.find(*place, DIGEST, None) is None


def test_an_image_is_found_by_its_name_before_parts_of_names(database, plant):
    web = plant.image("shop/web", tag="1", digest=DIGEST)
    admin = plant.image("shop/web-admin", tag="1.2", digest=OTHER)
    bare = plant.image("web", tag=None, registry="")
    with database.begin_system() as store:
        upsert(store, plant.now, repository="shop/web-without-sbom")
    everything = [bare, web, admin]
    for text, expected in [
        ("registry.test/shop/web:1", [web]),
        (f"registry.test/shop/web:1@{DIGEST}", [web]),
        (f"registry.test/shop/web@{DIGEST}", [web]),
        ("registry.test/shop/web", [web]),
        ("shop/web:1", [web]),
        ("shop/web", [web]),
        (f"shop/web@{DIGEST}", [web]),
        ("shop/web-", [admin]),
        ("web:1", [web]),
        (f"@{OTHER}", [admin]),
        (f"web-admin@{OTHER}", [admin]),
        ("sha256:" + "b" * 12, [admin]),
        ("web", [bare]),
        ("we", everything),
        ("registry.test", [web, admin]),
        ("%", []),
        ("without-sbom", []),
        ("none", []),
    ]:
        with database.begin("acme") as store:
            assert store.images.find_named("acme", text, 10) == expected, text
            assert store.images.find_named("acme", text, 1) == expected[:1]
    with database.begin("globex") as store:
        assert store.images.find_named("acme", "web", 10) == []
        assert store.images.find_named("globex", "web", 10) == []


def test_one_tag_that_moved_names_both_its_images(database, plant):
    before, after = (plant.image("shop", tag="1", digest=digest) for digest in (DIGEST, OTHER))
    with database.begin("acme") as store:
        assert store.images.find_named("acme", "registry.test/shop:1", 10) == [before, after]
        assert store.images.find_named("acme", f"registry.test/shop:1@{OTHER}", 10) == [after]


def test_no_image_is_called_what_postgresql_cannot_hold(database, tenant):
    with pytest.raises(InvalidInput, match="image: "), database.begin(tenant) as store:
        store.images.find_named(tenant, "a\0b", 10)


def built(store, plant, run, image, digest):
    """Carries out the one item of a run, which builds a graph of the image's present SBOM."""
    worker = plant.worker()
    store.graph_jobs.create_many(run, [image], plant.now)
    (item,) = store.graph_jobs.claim(run, worker, plant.now, limit=1)
    store.images.add_graph("acme", GraphRow(digest, "pkg:npm/shop@1", 3, 2, 1, digest.encode()), plant.now)
    store.graph_jobs.complete_many([Completion(item, digest, {})], worker, plant.now)


def test_the_graph_of_an_image_is_the_last_one_built_of_its_present_sbom(database, plant):
    first, bystander = plant.image("shop", ["lodash@4.0"]), plant.image("other")
    runs = [plant.running() for _ in range(6)]
    with database.begin("acme") as store:
        assert store.images.find_graph(first) is None
        store.graph_jobs.create_many(runs[0], [first], plant.now)
        assert store.images.find_graph(first) is None
    with database.begin("acme") as store:
        built(store, plant, runs[1], first, "a" * 64)
        assert store.images.find_graph(first) == "a" * 64
        built(store, plant, runs[2], first, "b" * 64)
        assert store.images.find_graph(first) == "b" * 64
        store.graph_jobs.create_many(runs[5], [first], plant.now)
        assert store.images.find_graph(first) == "b" * 64
    second = plant.image("shop", ["lodash@5.0"])
    assert (second.id, second.sbom_id) != (first.id, first.sbom_id)
    with database.begin("acme") as store:
        assert store.images.find_graph(second) is None
        built(store, plant, runs[3], bystander, "c" * 64)
        assert store.images.find_graph(second) is None
        built(store, plant, runs[4], second, "d" * 64)
        assert store.images.find_graph(second) == "d" * 64
        assert store.images.find_graph(first) == "b" * 64
    with database.begin("globex") as store:
        assert store.images.find_graph(second) is None


def test_graphs_are_read_by_their_digest_or_how_it_begins(database, tenant):
    digests = [head * 8 + "5" * 56 for head in "09af"]
    with database.begin(tenant) as store:
        for digest in digests:
            store.images.add_graph(
                tenant, GraphRow(digest, "pkg:npm/a@1", 1, 0, 0, digest.encode()), store.now()
            )
        assert store.images.get_graph(tenant, digests[1]) == digests[1].encode()
        with pytest.raises(NotFound, match="graph '9"):
            store.images.get_graph(tenant, "9" * 64)
        for prefix, expected in [
            ("", digests),
            *((digest[:8], [digest]) for digest in digests),
            *((digest, [digest]) for digest in digests),
            ("ff", digests[3:]),
            ("0000000", digests[:1]),
            ("00000006", []),
            ("b", []),
        ]:
            assert store.images.graph_digests(tenant, prefix, 10) == expected, prefix
        assert store.images.graph_digests(tenant, "", 2) == digests[:2]
    with database.begin("globex") as store:
        assert store.images.graph_digests(tenant, "", 10) == []
        with pytest.raises(NotFound):
            store.images.get_graph(tenant, digests[1])
