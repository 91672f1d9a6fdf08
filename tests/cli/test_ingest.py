"""scheduler ingest."""

import gzip
import json
import random
import string
from concurrent.futures import ThreadPoolExecutor

import pytest

from scheduler_defs.inputs.sboms import Placement, ingest_sbom

SHOP = "registry.example/shop/storefront:2023.4: 30 components, 41 dependencies, 0 unresolved, 0 without a purl; "


def sbom_of(name="app", **changes):
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": "1"}},
        "components": [{"type": "library", "name": "a", "version": "1", "purl": "pkg:pypi/a@1"}],
    }
    return json.dumps(document | changes).encode()


def spdx_of(*packages, **changes):
    """An SPDX document of an image and two packages, one of which needs the other."""
    image = "pkg:oci/app@sha256%3A" + "ab" * 32 + "?repository_url=registry.example%2Fshop%2Fapp&tag=1"
    own = [
        ("app", image),
        ("a", "pkg:pypi/a@1"),
        ("b", "pkg:deb/debian/b@2?distro=debian-12&upstream=src%402.1"),
    ]
    edges = [("DOCUMENT", "DESCRIBES", "app"), ("app", "CONTAINS", "a"), ("b", "DEPENDENCY_OF", "a")]
    document = {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "documentNamespace": "https://example.com/app",
        "packages": [
            {
                "SPDXID": f"SPDXRef-{name}",
                "name": name,
                "externalRefs": [
                    {
                        "referenceCategory": "PACKAGE-MANAGER",
                        "referenceType": "purl",
                        "referenceLocator": purl,
                    }
                ],
            }
            for name, purl in packages or own
        ],
        "relationships": [
            {
                "spdxElementId": f"SPDXRef-{left}",
                "relationshipType": kind,
                "relatedSpdxElement": f"SPDXRef-{right}",
            }
            for left, kind, right in edges
        ],
    }
    return json.dumps(document | changes).encode()


@pytest.fixture
def write(tmp_path):
    """Writes a file; returns its path."""

    def write(content, name="input.json"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def images(admin):
    """The images of every tenant."""

    def read():
        columns = "tenant_id, registry, repository, tag, digest, namespace, labels"
        return admin.execute(f"SELECT {columns} FROM inventory.images ORDER BY id").fetchall()

    return read


def test_an_sbom_becomes_what_its_image_holds(scheduler, examples, images, row_counts):
    result = scheduler(
        "ingest", "sbom", examples / "shop.cdx.json", "--label", "tier=prod", "--namespace", "web"
    )
    assert (result.exit_code, result.stdout, result.stderr) == (0, SHOP + "kept\n", "")
    ((tenant, registry, repository, tag, _, namespace, labels),) = images()
    assert (tenant, registry, repository, tag) == ("acme", "registry.example", "shop/storefront", "2023.4")
    assert (namespace, labels) == ("web", {"tier": "prod"})
    counts = row_counts()
    assert (counts["inventory.sboms"], counts["inventory.image_components"]) == (1, 30)


def test_the_same_sbom_again_changes_nothing(scheduler, examples, row_counts):
    scheduler("ingest", "sbom", examples / "shop.cdx.json")
    before = row_counts()
    result = scheduler("ingest", "sbom", examples / "shop.cdx.json")
    assert (result.exit_code, result.stdout) == (0, SHOP + "unchanged\n")
    assert row_counts() == before


def test_an_image_stays_where_it_is_unless_said_otherwise(scheduler, write, admin):
    path = write(sbom_of())

    def place(*options):
        result = scheduler("ingest", "sbom", path, *options)
        (row,) = admin.execute("SELECT namespace, labels FROM inventory.images").fetchall()
        return result.stdout.rsplit("; ", 1)[1].strip(), *row

    assert place() == ("kept", "default", {})
    assert place("--namespace", "web", "--label", "a=b") == (
        "unchanged, but for its place",
        "web",
        {"a": "b"},
    )
    assert place() == ("unchanged", "web", {"a": "b"})
    assert place("--label", "c=d") == ("unchanged, but for its place", "web", {"c": "d"})
    assert place("--no-labels") == ("unchanged, but for its place", "web", {})
    assert place("--namespace", "default") == ("unchanged, but for its place", "default", {})


def test_vex_links_to_the_document_that_was_made_last_of_the_same_content(scheduler, write):
    """Generators give each document a serial number and bom-refs of its own."""
    serials = [f"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b7{number}" for number in (0, 1, 1)]
    for number, serial in enumerate(serials):
        component = {"type": "library", "name": "a", "version": "1", "purl": "pkg:pypi/a@1"}
        made = {"serialNumber": serial, "version": number or 1}
        made["components"] = [component | {"bom-ref": f"ref-{number}"}]
        out = scheduler("ingest", "sbom", write(sbom_of(**made))).stdout
        assert out.rsplit("; ", 1)[1] == ("unchanged\n" if number else "kept\n")
    link = f"urn:cdx:{serials[2].removeprefix('urn:uuid:')}/2#ref-2"
    stated = {"id": "CVE-1", "analysis": {"state": "not_affected"}, "affects": [{"ref": link}]}
    stated["updated"] = "2026-01-01T00:00:00Z"
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "vulnerabilities": [stated]}
    out = scheduler("ingest", "vex", write(json.dumps(document).encode())).stdout
    assert out == "input.json: 1 statements, 1 new, 0 unusable\n"


@pytest.mark.parametrize("version", ["SPDX-2.2", "SPDX-2.3"])
def test_an_spdx_document_becomes_what_its_image_holds(scheduler, write, images, admin, version):
    path = write(gzip.compress(spdx_of(spdxVersion=version)), "app.spdx.json.gz")
    result = scheduler("ingest", "sbom", path)
    counts = "registry.example/shop/app:1: 2 components, 2 dependencies, 0 unresolved, 0 without a purl"
    assert (result.exit_code, result.stdout) == (0, f"{counts}; kept\n"), result.output
    assert images() == [("acme", "registry.example", "shop/app", "1", f"sha256:{'ab' * 32}", "default", {})]
    kept = admin.execute(
        "SELECT spec_version, serial_number, dependency_count FROM inventory.sboms"
    ).fetchall()
    assert kept == [(version, "https://example.com/app", 2)]
    components = admin.execute(
        "SELECT type, package, name, version, source_version, distro FROM inventory.image_components"
        " JOIN inventory.component_versions ON component_versions.id = component_id ORDER BY type"
    ).fetchall()
    assert components == [("deb", "src", "b", "2", "2.1", "debian:12"), ("pypi", "a", "a", "1", None, None)]
    assert scheduler("ingest", "sbom", path).stdout == f"{counts}; unchanged\n"


def test_an_sbom_may_be_compressed_and_its_image_named(scheduler, write, images):
    path = write(gzip.compress(sbom_of()), "app.json.gz")
    result = scheduler("ingest", "sbom", path, "--image", f"other.example/app:2@sha256:{'AB' * 32}")
    assert result.exit_code == 0
    assert images() == [("acme", "other.example", "app", "2", f"sha256:{'ab' * 32}", "default", {})]


def test_an_image_has_one_name_whoever_says_it(scheduler, write, images):
    name, digest = "reg.example/shop/web", f"sha256:{'ab' * 32}"
    roots = [{"type": kind, "name": name, "version": "1.0"} for kind in ("container", "application")]
    spdx = json.loads(spdx_of())
    spdx["packages"][0] |= {"name": name, "versionInfo": "1.0", "externalRefs": []}
    documents = [sbom_of(metadata={"component": root}) for root in roots] + [json.dumps(spdx).encode()]
    for document in documents:
        assert scheduler("ingest", "sbom", write(document)).exit_code == 0
    assert scheduler("ingest", "sbom", write(sbom_of()), "--image", f"{name}:1.0").exit_code == 0
    assert [image[1:5] for image in images()] == [("reg.example", "shop/web", "1.0", None)]
    by_digest = sbom_of(metadata={"component": roots[0] | {"version": digest}})
    assert f"{name}: 1 components" in scheduler("ingest", "sbom", write(by_digest)).stdout
    assert scheduler("ingest", "sbom", write(sbom_of()), "--image", f"{name}@{digest}").exit_code == 0
    assert [image[1:5] for image in images()][1:] == [("reg.example", "shop/web", None, digest)]


def test_names_from_documents_cannot_steer_the_terminal(scheduler, write):
    result = scheduler("ingest", "sbom", write(sbom_of("evil\x1b[2J")))
    assert result.stdout.startswith("evil\\x1b[2J:1: 1 components")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "at /: is not JSON"),
        (b'{"bomFormat": ', "at /: is not JSON"),
        (b"\xff\xfe", "at /: is not JSON"),
        (b"[]", "at /: "),
        (gzip.compress(sbom_of())[:-20], "at /: gzip stream is truncated"),
        (sbom_of(components=[]), "at /components: holds no components"),
        (
            sbom_of(components=[{"name": "a"}]),
            'at /components/0: breaks CycloneDX 1.5: "type" is a required property',
        ),
        (sbom_of(specVersion="9.9"), "at /specVersion: "),
        (sbom_of(metadata={}), "at /metadata/component: names no image; say which with --image"),
        (
            sbom_of("app@sha256:xyz"),
            "at /metadata/component: has the digest 'sha256:xyz'; expected algorithm:hex",
        ),
        (
            b"{}",
            "at /bomFormat: is None; expected 'CycloneDX', or an SPDX document's spdxVersion; supported are",
        ),
        (
            spdx_of(spdxVersion="SPDX-2.1"),
            "at /spdxVersion: 'SPDX-2.1' is not supported; supported are SPDX-2.2",
        ),
        (spdx_of(packages=[{}]), 'at /packages/0: breaks SPDX-2.3: "SPDXID" is a required property'),
        (spdx_of(relationships=[]), "at /documentDescribes: names no image; say which with --image"),
        (
            spdx_of(("app", "pkg:oci/app@1"), ("a", f"pkg:pypi/{'a' * 2100}@1")),
            f"at /packages: holds 'pkg:pypi/{'a' * 60}",
        ),
    ],
    ids=[
        "empty",
        "cut",
        "binary",
        "list",
        "cut gzip",
        "no components",
        "schema",
        "version",
        "no image",
        "digest",
        "neither format",
        "SPDX version",
        "SPDX schema",
        "SPDX no image",
        "SPDX long name",
    ],
)
def test_a_wrong_sbom_is_refused_with_its_position(refused, tenant, write, content, message):
    path = write(content)
    assert refused("ingest", "sbom", path, "--tenant", tenant).startswith(f"Error: {path}: {message}")


@pytest.mark.parametrize("name", ["docker.io/", ":1", "r.io/:1", "a" * 2001, "é" * 1001])
def test_what_names_no_image_is_refused(refused, tenant, write, name):
    error = refused("ingest", "sbom", write(sbom_of(name)), "--tenant", tenant)
    assert f"names {name[:80]!r}; expected registry/repository" in error


@pytest.mark.parametrize(("length", "fits"), [(1230, True), (1260, False), (2100, False)])
def test_names_longer_than_an_index_takes_are_refused(scheduler, write, length, fits):
    name = "".join(random.Random(length).choices(string.ascii_lowercase, k=length))
    path = write(sbom_of(components=[{"type": "library", "name": name, "purl": f"pkg:pypi/{name}@1"}]))
    result = scheduler("ingest", "sbom", path)
    if fits:
        assert result.exit_code == 0
    else:
        assert result.stderr.startswith(f"Error: {path}: at /components: holds 'pkg:pypi/{name[:50]}")


def test_two_sboms_ingested_at_once_do_not_wait_for_each_other(tenant, database, write, admin, monkeypatch):
    monkeypatch.setattr("scheduler_defs.inputs.sboms.BATCH", 1)
    both = [{"type": "library", "name": name, "purl": f"pkg:pypi/{name}@1"} for name in "ab"]
    paths = [
        write(sbom_of(f"app-{number}", components=components), f"{number}.json")
        for number, components in enumerate((both, both[::-1]))
    ]

    def ingest(number, on_components=None):
        return ingest_sbom(database, tenant, paths[number], Placement(), "ann", None, on_components)

    def let_the_other_go_as_far_as_it_can(written, total):
        if written == 1:
            others.append(executor.submit(ingest, 1))
            while not admin.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount:
                assert not others[0].done()

    others = []
    with ThreadPoolExecutor() as executor:
        assert ingest(0, let_the_other_go_as_far_as_it_can).components == 2
        assert others[0].result().components == 2


def test_a_file_that_cannot_be_read_is_refused(refused, tenant, tmp_path):
    path = tmp_path / "none.json"
    error = refused("ingest", "sbom", path, "--tenant", tenant)
    assert (
        error == f"Error: file: '{path}' is not valid; expected a readable file (No such file or directory)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label", "prod"), "label: 'prod' is not valid; expected KEY=VALUE, such as tier=prod"),
        (("--label", "a=1", "--label", "a=1"), "label: 'a=1' is not valid; expected each key once"),
        (("--namespace", ""), "namespace: '' is not valid; expected a non-empty text"),
        (("--image", ""), "image: '' is not valid; expected registry/repository:tag@sha256:…"),
        (("--image", ":1"), "image: ':1' is not valid"),
        (("--image", "bad ref:1"), "image: 'bad ref:1' is not valid"),
        (("--image", "a" * 2001), "image: 'aaaa"),
        (("--image", "app@sha256:xyz"), "image: 'app@sha256:xyz' is not valid"),
        (("--image", "app@" + "0" * 64), "image: 'app@0000"),
    ],
)
def test_a_wrong_placement_is_refused(refused, tenant, examples, options, message):
    error = refused("ingest", "sbom", examples / "shop.cdx.json", "--tenant", tenant, *options)
    assert error.startswith(f"Error: {message}")


def test_advisories_become_a_feed_revision(cli, examples, row_counts):
    result = cli("ingest", "advisories", examples / "advisories.osv.jsonl", "--actor", "ann")
    assert result.exit_code == 0
    assert result.stdout == "revision 1: 54 added, 0 changed, 0 unchanged, 0 older, 0 malformed\n"
    assert result.stderr == ""
    before = row_counts()
    assert before["inventory.advisories"] == 54
    result = cli("ingest", "advisories", examples / "advisories.osv.jsonl")
    assert result.stdout == "no new revision: 0 added, 0 changed, 54 unchanged, 0 older, 0 malformed\n"
    assert row_counts() == before


def test_of_several_records_of_one_advisory_the_last_wins_and_counts_once(cli, tmp_path, admin):
    def record(identity, package):
        spans = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
        affected = [{"package": {"ecosystem": "PyPI", "name": package}, "ranges": spans}]
        return json.dumps({"id": identity, "modified": "2026-01-01T00:00:00Z", "affected": affected})

    def ranges():
        return admin.execute(
            "SELECT package, revision_to FROM inventory.advisory_ranges WHERE advisory_id = 'A' ORDER BY 1"
        ).fetchall()

    def ingest(first, last):
        between = [record(f"F-{number}", "filler") for number in range(600)]
        path = tmp_path / "feed.jsonl"
        path.write_text("\n".join([record("A", first), *between, record("A", last)]))
        return cli("ingest", "advisories", path).stdout

    assert ingest("old", "new") == "revision 1: 601 added, 0 changed, 1 unchanged, 0 older, 0 malformed\n"
    assert ranges() == [("new", None)]
    assert (
        ingest("newer", "newest") == "revision 2: 0 added, 1 changed, 601 unchanged, 0 older, 0 malformed\n"
    )
    assert ranges() == [("new", 2), ("newest", None)]


def test_the_tag_is_what_tells_images_without_a_digest_apart(scheduler, write, images):
    for tag in ("1", "2", "1"):
        assert scheduler("ingest", "sbom", write(sbom_of()), "--image", f"app:{tag}").exit_code == 0
    assert [image[3] for image in images()] == ["1", "2"]
    for tag in ("3", "4"):
        name = f"app:{tag}@sha256:{'ab' * 32}"
        assert scheduler("ingest", "sbom", write(sbom_of()), "--image", name).exit_code == 0
    assert [image[3] for image in images()] == ["1", "2", "4"]


def test_packages_that_no_rules_are_there_for_are_counted_by_ecosystem(cli, tmp_path, row_counts):
    def record(identity, *ecosystems):
        affected = [{"package": {"ecosystem": one, "name": "a"}, "versions": ["1"]} for one in ecosystems]
        return json.dumps({"id": identity, "modified": "2026-01-01T00:00:00Z", "affected": affected})

    path = tmp_path / "feed.jsonl"
    odd = [f"E{number}" for number in range(10)]
    lines = [
        record("A", "PyPI", "Photon OS:3.0", "evil\x1b[2J"),
        record("B", "Photon OS:4.0"),
        record("C", *odd),
    ]
    path.write_text("\n".join(lines))
    said = cli("ingest", "advisories", path).stdout.splitlines()
    assert said[0] == "revision 1: 3 added, 0 changed, 0 unchanged, 0 older, 0 malformed"
    assert said[1].startswith(
        "left out, of ecosystems that are not supported: 2 packages of Photon OS, 1 packages of E0"
    )
    assert said[1].endswith(", 2 of others")
    assert "\x1b" not in said[1]
    assert row_counts()["inventory.advisories"] == 3


@pytest.fixture
def mixed(examples, tmp_path):
    """A directory with 12 malformed records beside 3 good ones."""
    good = (examples / "advisories.osv.jsonl").read_bytes().splitlines()[:2]
    directory = tmp_path / "feed"
    (directory / "deep").mkdir(parents=True)
    bad = [b"{", b'{"id": "evil\\u001b[2J", "modified": "\\u001b"}', *[b'{"id": "X"}'] * 9]
    (directory / "a.jsonl").write_bytes(b"\n".join([good[0], b"", *bad, good[1]]))
    (directory / "b.json").write_bytes(b'{"id": 3, "modified": "2020-01-01T00:00:00Z"}')
    third = (examples / "advisories.osv.jsonl").read_bytes().splitlines()[2]
    (directory / "deep" / "c.json.gz").write_bytes(gzip.compress(third))
    return directory


def test_malformed_advisories_are_left_out_and_listed(cli, mixed, row_counts, environment):
    environment["COLUMNS"] = "200"
    result = cli("ingest", "advisories", mixed)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "revision 1: 3 added, 0 changed, 0 unchanged, 0 older, 12 malformed"
    assert lines[1].split() == ["FILE", "LINE", "PATH", "REASON"]
    assert [line.split()[:2] for line in lines[2:12]] == [[f"{mixed}/a.jsonl", str(n)] for n in range(3, 13)]
    assert "is not JSON" in lines[2]
    assert "/modified" in lines[3]
    assert '"modified" is a required property' in lines[4]
    assert lines[12:] == ["and 2 more"]
    assert "\x1b" not in result.stdout
    assert row_counts()["inventory.advisories"] == 3


def test_the_list_of_malformed_advisories_fits_100_columns(cli, mixed, environment):
    environment["COLUMNS"] = "100"
    assert max(map(len, cli("ingest", "advisories", mixed).stdout.splitlines())) <= 100


def test_strict_refuses_all_of_them(refused, mixed):
    error = refused("ingest", "advisories", mixed, "--strict")
    assert error.startswith(f"Error: {mixed}/a.jsonl:3: at /: is not JSON")


def test_a_source_without_advisories_is_refused(refused, tmp_path, write):
    empty = tmp_path / "empty"
    empty.mkdir()
    missing = tmp_path / "missing"
    cases = {
        empty: f"file: '{empty}' is not valid; expected a directory that holds *.json",
        missing: f"file: '{missing}' is not valid; expected a readable file (No such file or directory)",
        write(b"", "none.jsonl"): f"{tmp_path}/none.jsonl: at /: holds no advisories",
        write(b"{}", "bad.json"): f"{tmp_path}/bad.json: at /: ",
        write(b"{", "cut.json"): f"{tmp_path}/cut.json: at /: is not JSON",
        write(
            gzip.compress(b"{}" * 99)[:-9], "cut.jsonl.gz"
        ): f"{tmp_path}/cut.jsonl.gz: at /: gzip stream is truncated",
    }
    for path, message in cases.items():
        assert refused("ingest", "advisories", path).startswith(f"Error: {message}")


def test_what_is_ingested_is_an_event_once(scheduler, cli, kept, examples, write):
    times = ("--on", "advisory_feed", "--on", "sbom_ingested")
    result = scheduler("schedule", "create", "x", "--kind", "graph", *times)
    assert "on advisory_feed" in result.stdout, result.output
    sbom = ("sbom", write(sbom_of()))
    planned = {trigger.event: trigger.next_fire_at for trigger in kept("x")[1]}
    assert planned == {"advisory_feed": None, "sbom_ingested": None}
    assert scheduler("ingest", *sbom).exit_code == 0
    planned = {trigger.event: trigger.next_fire_at for trigger in kept("x")[1]}
    assert (planned["advisory_feed"], planned["sbom_ingested"] is None) == (None, False)
    assert scheduler("ingest", *sbom).exit_code == 0
    assert {trigger.event: trigger.next_fire_at for trigger in kept("x")[1]} == planned
    assert cli("ingest", "advisories", examples / "advisories.osv.jsonl").exit_code == 0
    assert None not in {trigger.next_fire_at for trigger in kept("x")[1]}
