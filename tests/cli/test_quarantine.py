"""scheduler ingest quarantine --tenant: what SBOMs and VEX of a directory or archive left out."""

import json
import os

import pytest

from resources.inventory_records import LeftOut
from scheduler_defs.engines.malformed import Malformed
from scheduler_defs.inputs.left_out import BATCH, LeftOuts
from scheduler_defs.inputs.sboms import Placement, ingest_sboms
from tests.cli.test_ingest_several import directory_of, sbom_of, vex_of, zip_of

UNUSABLE = "https://shop.example/web"


@pytest.fixture
def left_out(cli):
    """(kind, file, line, path) of what a tenant's imports left out."""

    def read(tenant="acme", *options):
        listed = json.loads(cli("ingest", "quarantine", "--tenant", tenant, "--json", *options).stdout)
        return [(one["kind"], one["file"], one["line"], one["path"]) for one in listed]

    return read


@pytest.fixture
def feed(tmp_path):
    """Writes documents in place of those of a directory; returns it."""

    def write(documents, name="feed"):
        for file in (tmp_path / name).glob("*"):
            file.unlink()
        directory_of(tmp_path / name, documents)
        return tmp_path / name

    return write


def vex_with_unusable(*vulnerabilities):
    """A document with a statement that can be used, and as many that cannot."""
    document = json.loads(vex_of("CVE-2026-1"))
    for name in vulnerabilities:
        document["statements"] += json.loads(vex_of(name, UNUSABLE))["statements"]
    return json.dumps(document).encode()


def test_the_quarantine_says_of_each_sbom_where_it_stands_and_why(cli, scheduler, tmp_path, left_out):
    lines = sbom_of("b") + b"\n\n[]\n" + sbom_of("c", components=[])
    path = tmp_path / "feed.zip"
    zip_of(path, {"a.json": b"{", "b.jsonl": lines})
    assert "1 kept, 0 unchanged, 3 left out" in scheduler("ingest", "sbom", path).stdout
    assert left_out() == [
        ("sbom", f"{path}!a.json", None, ""),
        ("sbom", f"{path}!b.jsonl", 3, ""),
        ("sbom", f"{path}!b.jsonl", 4, "/components"),
    ]
    reasons = [one["reason"] for one in json.loads(scheduler("ingest", "quarantine", "--json").stdout)]
    starts = ("is not JSON: ", "holds no JSON object; expected CycloneDX", "holds no components; expected")
    assert [reason.startswith(start) for reason, start in zip(reasons, starts, strict=True)] == [True] * 3
    assert left_out("globex") == []
    assert cli("ingest", "quarantine").stderr == "nothing was left out\n"
    table = scheduler("ingest", "quarantine").stdout.splitlines()
    assert table[0].split() == ["AT", "KIND", "FILE", "LINE", "PATH", "REASON"]


def test_documents_and_parts_of_vex_are_kept_in_their_order(scheduler, feed, left_out):
    two = vex_with_unusable("CVE-2026-2", "CVE-2026-3")
    path = feed({"a.json": two, "b.json": b"{}", "c.jsonl": vex_of("CVE-2026-4") + b"\n" + two})
    said = scheduler("ingest", "vex", path).stdout.splitlines()[0]
    assert said == "documents: 3 read, 1 left out; 3 statements, 2 new, 4 unusable"
    parts = [f"/statements/{number}/products/0" for number in (1, 2)]
    assert left_out() == [
        *(("vex", f"{path}/a.json", None, part) for part in parts),
        ("vex", f"{path}/b.json", None, ""),
        *(("vex", f"{path}/c.jsonl", 2, part) for part in parts),
    ]


def test_the_parts_of_one_vex_document_stay_until_it_is_ingested_again(scheduler, tmp_path, left_out):
    path = tmp_path / "a.json"
    path.write_bytes(vex_with_unusable("CVE-2026-2"))
    scheduler("ingest", "vex", path)
    assert left_out() == [("vex", str(path), None, "/statements/1/products/0")]
    path.write_bytes(vex_with_unusable())
    scheduler("ingest", "vex", path)
    assert left_out() == []


@pytest.mark.usefixtures("tenant")
def test_what_was_left_out_is_that_of_the_last_import_of_its_tenant_kind_and_source(cli, feed, left_out):
    other = feed({"a.json": vex_of("CVE-2026-1"), "z.json": b"["}, "other")
    both = {"a.json": sbom_of("a"), "b.json": vex_of("CVE-2026-1")}
    for bad in ("c.json", "d.json"):
        path = feed(both | {bad: b"{"})
        for name in ("acme", "globex"):
            for kind, source in (("vex", other), ("sbom", path), ("vex", path)):
                assert cli("ingest", kind, source, "--tenant", name).exit_code == 0
    expected = [
        ("vex", f"{path}/a.json", None, ""),
        ("vex", f"{path}/d.json", None, ""),
        ("sbom", f"{path}/b.json", None, ""),
        ("sbom", f"{path}/d.json", None, ""),
        ("vex", f"{other}/z.json", None, ""),
    ]
    assert [(kind, file, line) for kind, file, line, _ in left_out()] == [one[:3] for one in expected]
    feed({"a.json": sbom_of("a")})
    assert cli("ingest", "sbom", path, "--tenant", "acme").exit_code == 0
    assert [kind for kind, *_ in left_out()] == ["vex", "vex", "vex"]
    assert len(left_out("globex")) == 5


@pytest.mark.parametrize("kind", ["sbom", "vex"])
def test_what_is_refused_leaves_what_was_left_out_before(
    scheduler, refused, feed, left_out, monkeypatch, kind
):
    monkeypatch.setattr("scheduler_defs.inputs.left_out.BATCH", 1)
    good = {"sbom": sbom_of("a"), "vex": vex_of("CVE-2026-1")}[kind]
    scheduler("ingest", kind, feed({"a.json": good, "b.json": b"{"}))
    before = left_out()
    assert len(before) == 1
    path = feed({"c.json": b"{", "d.json": b"["})
    assert refused("ingest", kind, path, "--tenant", "acme").startswith(
        f"Error: {path}/c.json: at /: is not JSON"
    )
    path = feed({"a.jsonl": good + b"\n{"})
    said = refused("ingest", kind, path, "--strict", "--tenant", "acme")
    assert said.startswith(f"Error: {path}/a.jsonl:2: at /: is not JSON")
    assert left_out() == before


def test_an_import_that_is_cut_off_leaves_nothing_twice_after_the_next(
    database, tenant, scheduler, feed, left_out, monkeypatch
):
    monkeypatch.setattr("scheduler_defs.inputs.left_out.BATCH", 2)
    path = feed({"a.json": sbom_of("a")} | {f"{number}.json": b"{" for number in range(5)})
    files = [("sbom", f"{path}/{number}.json", None, "") for number in range(5)]

    def stop(documents):
        if documents == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_sboms(database, tenant, path, Placement(), "ann", on_documents=stop)
    assert left_out() == files[:2], "the third waited for its batch"
    for _ in range(2):
        assert "5 left out" in scheduler("ingest", "sbom", path).stdout
        assert left_out() == files


def test_the_quarantine_of_a_tenant_is_listed_page_by_page(scheduler, feed):
    path = feed({"a.json": sbom_of("a")} | {f"{number}.json": b"{" for number in range(5)})
    scheduler("ingest", "sbom", path)
    first = scheduler("ingest", "quarantine", "--limit", 3, "--json")
    rest = scheduler("ingest", "quarantine", "--limit", 3, "--cursor", first.stderr.split()[-1], "--json")
    records = [one["record"] for page in (first, rest) for one in json.loads(page.stdout)]
    assert (records, rest.stderr) == ([1, 2, 3, 4, 5], "")


def test_a_directory_of_any_name_can_be_quarantined(scheduler, feed, left_out):
    path = feed({"a.json": sbom_of("a"), "b.json": b"{"}, os.fsdecode(b"f\xff"))
    for _ in range(2):
        assert "1 left out" in scheduler("ingest", "sbom", path).stdout
    assert [file.endswith("/f\\udcff/b.json") for _, file, *_ in left_out()] == [True]


def test_a_tenant_is_named_or_what_all_share_is_listed(cli, refused, environment, scheduler, feed):
    scheduler("ingest", "sbom", feed({"a.json": sbom_of("a"), "b.json": b"{"}))
    environment["SCHEDULER_TENANT"] = "acme"
    assert cli("ingest", "quarantine").stderr == "nothing was left out\n"
    assert refused("ingest", "quarantine", "--tenant", "nobody") == "Error: tenant 'nobody' does not exist"
    assert "tenant: '' is not valid" in refused("ingest", "quarantine", "--tenant", "")


def test_no_more_waits_than_a_batch_and_no_more_is_at_hand_than_is_shown():
    kept = []
    left_out = LeftOuts(kept.append)
    for number in range(2 * BATCH + 1):
        left_out.add(Malformed("a.jsonl", number + 1, "", "is bad"))
    assert [len(batch) for batch in kept] == [BATCH, BATCH]
    assert left_out.take() == [LeftOut(2 * BATCH + 1, "a.jsonl", 2 * BATCH + 1, "", "is bad")]
    assert (left_out.take(), left_out.number, len(left_out.first)) == ([], 2 * BATCH + 1, 10)
