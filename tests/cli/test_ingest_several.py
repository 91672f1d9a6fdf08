"""scheduler ingest sbom and ingest vex of a directory or an archive."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from scheduler_defs.inputs.sboms import Placement, ingest_sboms


def sbom_of(name, **changes):
    """An SBOM of an image with one component."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": "1"}},
        "components": [{"type": "library", "name": "a", "version": "1", "purl": "pkg:pypi/a@1"}],
    }
    return json.dumps(document | changes).encode()


def vex_of(vulnerability, product="pkg:pypi/a@1"):
    """A document with one statement."""
    statement = {"vulnerability": vulnerability, "products": [product], "status": "fixed"}
    document = {"@context": "https://openvex.dev/ns", "timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps(document | {"statements": [statement]}).encode()


def directory_of(path, documents):
    for name, content in documents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def zip_of(path, documents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in documents.items():
            archive.writestr(name, content)


def tar_of(path, documents):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in documents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture(params=["feed", "feed.zip", "feed.tar.gz"])
def hold(request, tmp_path):
    """Writes documents as a directory and as archives; returns the path, and what stands before a document's name."""

    def hold(documents):
        path = tmp_path / request.param
        make = {".zip": zip_of, ".gz": tar_of}.get(path.suffix, directory_of)
        make(path, documents)
        return path, f"{path}{'!' if path.suffix else '/'}"

    return hold


@pytest.fixture
def directory(tmp_path):
    """Writes documents into a directory; returns it."""

    def write(documents):
        directory_of(tmp_path / "feed", documents)
        return tmp_path / "feed"

    return write


@pytest.fixture
def images(admin):
    def read():
        return admin.execute(
            "SELECT repository, namespace, labels FROM inventory.images WHERE sbom_id IS NOT NULL ORDER BY 1"
        ).fetchall()

    return read


def rows(result):
    """The lines below the head of a table, without the spaces between its columns."""
    return [" ".join(line.split()) for line in result.stdout.splitlines()[2:]]


GOOD = {"a.json": sbom_of("a"), "sub/b.cdx.json.gz": gzip.compress(sbom_of("b")), "notes.txt": b"no SBOM"}


def test_each_sbom_is_kept_and_what_is_none_is_listed(scheduler, hold, images, environment):
    environment["COLUMNS"] = "400"
    bad = {
        "sub/c.json": b"{",
        "d.json.gz": gzip.compress(sbom_of("d"))[:-9],
        "e.json": sbom_of("e", components=[]),
    }
    path, before = hold(GOOD | bad | {"f.jsonl": sbom_of("f") + b"\n[]\n"})
    placed = ("--namespace", "web", "--label", "tier=prod")
    result = scheduler("ingest", "sbom", path, *placed)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == "SBOMs: 3 kept, 0 unchanged, 4 left out"
    assert images() == [(name, "web", {"tier": "prod"}) for name in "abf"]
    reasons = {
        "d.json.gz": "- gzip stream is truncated",
        "e.json": "/components holds no components",
        "f.jsonl 2": "- holds no JSON object",
        "sub/c.json": "- is not JSON",
    }
    for line, (name, reason) in zip(sorted(rows(result)), reasons.items(), strict=True):
        assert line.startswith(f"{before}{name if ' ' in name else f'{name} -'} {reason}")
    again = scheduler("ingest", "sbom", path, *placed)
    assert again.stdout.splitlines()[0] == "SBOMs: 0 kept, 3 unchanged, 4 left out"


def test_each_line_of_a_file_of_lines_is_a_document(scheduler, tmp_path, tenant, images):
    lines = tmp_path / "sboms.jsonl"
    lines.write_bytes(b"\n".join([sbom_of("a"), b"[]", sbom_of("b")]))
    out = scheduler("ingest", "sbom", lines).stdout
    assert out.splitlines()[0] == "SBOMs: 2 kept, 0 unchanged, 1 left out"
    assert [name for name, *_ in images()] == ["a", "b"]
    statements = tmp_path / "vex.jsonl.gz"
    statements.write_bytes(gzip.compress(b"\n".join([vex_of("CVE-1"), vex_of("CVE-2")])))
    out = scheduler("ingest", "vex", statements).stdout
    assert out == "documents: 2 read, 0 left out; 2 statements, 2 new, 0 unusable\n"


def test_an_image_of_docker_hub_is_named_as_people_do(scheduler, tmp_path, tenant, images):
    path = tmp_path / "a.json"
    for name in ("docker.io/library/alpine", "index.docker.io/alpine", "registry-1.docker.io/library/alpine"):
        path.write_bytes(sbom_of(name))
        scheduler("ingest", "sbom", path)
    assert [name for name, *_ in images()] == ["library/alpine"]
    for name in ("registry.example/alpine:1", "alpine:1"):
        path.write_bytes(sbom_of(name))
        scheduler("ingest", "sbom", path)
    assert [name for name, *_ in images()] == ["alpine", "alpine", "library/alpine"]
    for name in ("docker.io/alpine", "index.docker.io/library/alpine:1"):
        removed = scheduler("image", "remove", name, "--tenant", tenant)
        assert removed.exit_code == (0 if name == "docker.io/alpine" else 2)
    assert [name for name, *_ in images()] == ["alpine", "alpine"]


def test_more_than_ten_that_are_left_out_are_counted(scheduler, directory, tenant):
    path = directory(GOOD | {f"x{number}.json": b"{" for number in range(12)})
    lines = scheduler("ingest", "sbom", path).stdout.splitlines()
    assert (lines[0], lines[-1]) == ("SBOMs: 2 kept, 0 unchanged, 12 left out", "and 2 more")


def test_strict_refuses_all_before_anything_is_written(refused, hold, tenant):
    path, before = hold(GOOD | {"z.json": sbom_of("z", components=[])})
    error = refused("ingest", "sbom", path, "--strict", "--tenant", tenant)
    assert error.startswith(f"Error: {before}z.json: at /components: holds no components")


def test_strict_keeps_what_is_all_right(scheduler, hold, images):
    path, _ = hold(GOOD)
    assert scheduler("ingest", "sbom", path, "--strict").stdout == "SBOMs: 2 kept, 0 unchanged, 0 left out\n"
    assert [name for name, *_ in images()] == ["a", "b"]


def test_one_image_for_several_sboms_is_refused(refused, hold, tenant):
    path, _ = hold(GOOD)
    error = refused("ingest", "sbom", path, "--image", "app:1", "--tenant", tenant)
    assert error.startswith(
        "Error: image: 'app:1' is not valid; expected no image beside a directory or archive"
    )


def test_what_holds_nothing_usable_is_refused(refused, directory, tenant, tmp_path):
    path = directory({"a.json": b"{", "b.json": b"[]"})
    assert refused("ingest", "sbom", path, "--tenant", tenant).startswith(
        f"Error: {path}/a.json: at /: is not JSON"
    )
    path = directory({"a.json": sbom_of("a"), "b.json": sbom_of("b")})
    assert "tenant" in refused("ingest", "sbom", path, "--tenant", "nobody")
    assert "namespace" in refused("ingest", "sbom", path, "--tenant", tenant, "--namespace", "")
    (tmp_path / "empty").mkdir()
    assert "expected a directory that holds *.json" in refused(
        "ingest", "sbom", tmp_path / "empty", "--tenant", tenant
    )
    zip_of(tmp_path / "none.zip", {"notes.txt": b""})
    assert "holds no member" in refused("ingest", "sbom", tmp_path / "none.zip", "--tenant", tenant)
    zip_of(tmp_path / "lines.zip", {"a.jsonl": b"\n"})
    assert "holds no documents" in refused("ingest", "sbom", tmp_path / "lines.zip", "--tenant", tenant)


def test_an_ingestion_that_is_cut_off_has_kept_what_came_before(database, tenant, directory, images):
    def stop(documents):
        if documents == 2:
            raise KeyboardInterrupt

    path = directory({f"{name}.json": sbom_of(name) for name in "abc"})
    with pytest.raises(KeyboardInterrupt):
        ingest_sboms(database, tenant, path, Placement(), "ann", on_documents=stop)
    assert [name for name, *_ in images()] == ["a", "b"]


@pytest.mark.parametrize("strict", [False, True])
def test_progress_counts_documents_and_the_bytes_of_each_reading(database, tenant, hold, strict):
    path, _ = hold(GOOD)
    files = list(path.rglob("*.json*")) if path.is_dir() else [path]
    documents, sizes = [], []
    ingest_sboms(
        database,
        tenant,
        path,
        Placement(),
        "ann",
        strict=strict,
        on_bytes=sizes.append,
        on_documents=documents.append,
    )
    assert documents == [1, 2]
    assert sum(sizes) == sum(one.stat().st_size for one in files) * (1 + strict)


STATED = {"a.json": vex_of("CVE-2026-1"), "sub/b.json": vex_of("CVE-2026-2"), "c.txt": b"none"}


def test_each_vex_document_is_kept_and_what_is_none_is_listed(scheduler, hold, environment):
    environment["COLUMNS"] = "400"
    path, before = hold(
        STATED | {"d.json": b"{}", "e.json": vex_of("CVE-2026-3", "https://shop.example/web")}
    )
    result = scheduler("ingest", "vex", path, "--actor", "ann")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "documents: 2 read, 2 left out; 2 statements, 2 new, 0 unusable"
    refused = [line.split()[:3] for line in rows(result)]
    assert sorted(refused) == [
        [f"{before}d.json", "-", "-"],
        [f"{before}e.json", "-", "/statements/0/products/0"],
    ]
    listed = json.loads(scheduler("vex", "list", "--json").stdout)
    found = {(one["vulnerability"], one["source"], one["ingested_by"]) for one in listed}
    inside = f"{path.name}{before[-1]}"
    assert found == {
        ("CVE-2026-1", f"{inside}a.json", "ann"),
        ("CVE-2026-2", f"{inside}sub/b.json", "ann"),
    }
    again = scheduler("ingest", "vex", path)
    assert again.stdout.splitlines()[0] == "documents: 2 read, 2 left out; 2 statements, 0 new, 0 unusable"


def test_parts_of_vex_documents_that_cannot_be_used_are_listed(scheduler, directory, environment):
    environment["COLUMNS"] = "400"
    both = json.loads(vex_of("CVE-2026-1"))
    both["statements"] += json.loads(vex_of("CVE-2026-2", "https://shop.example/web"))["statements"]
    result = scheduler("ingest", "vex", directory({"a.json": json.dumps(both).encode()}))
    assert result.stdout.splitlines()[0] == "documents: 1 read, 0 left out; 1 statements, 1 new, 1 unusable"
    assert "/statements/1/products/0" in result.stdout


@pytest.mark.parametrize("bad", [b"{}", vex_of("CVE-2026-3", "https://shop.example/web"), b"{"])
def test_strict_refuses_all_vex_documents_before_anything_is_written(refused, hold, tenant, bad):
    path, before = hold(STATED | {"z.json": bad})
    assert refused("ingest", "vex", path, "--strict", "--tenant", tenant).startswith(
        f"Error: {before}z.json: at /"
    )
