"""scheduler ingest vex, scheduler vex list."""

import gzip
import json

import pytest

SERIAL = "3e671687-395b-41f5-a30f-a58921a69b79"
SBOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "serialNumber": f"urn:uuid:{SERIAL}",
    "version": 1,
    "metadata": {"component": {"type": "container", "name": "registry.example/shop/web", "version": "1"}},
    "components": [{"bom-ref": "flask", "type": "library", "name": "flask", "purl": "pkg:pypi/flask@1.0"}],
}
OPENVEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "@id": "https://shop.example/vex/1",
    "author": "Shop",
    "timestamp": "2026-01-01T00:00:00Z",
    "version": 1,
    "statements": [
        {
            "vulnerability": {"name": "CVE-2026-1", "aliases": ["GHSA-1"]},
            "products": [{"@id": "pkg:pypi/flask@1.0"}],
            "status": "not_affected",
            "justification": "vulnerable_code_not_present",
        },
        {
            "vulnerability": {"name": "CVE-2026-2"},
            "products": [{"@id": "https://shop.example/web"}, {"@id": "pkg:pypi/click"}],
            "status": "fixed",
        },
    ],
}


def linked(serial=SERIAL, ref="flask"):
    """A CycloneDX document about a component of an SBOM that is somewhere else."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": "2026-01-01T00:00:00Z"},
        "vulnerabilities": [
            {
                "id": "CVE-2026-3",
                "analysis": {"state": "resolved"},
                "affects": [{"ref": f"urn:cdx:{serial}/1#{ref}"}],
            }
        ],
    }


@pytest.fixture
def vex(cli, tenant, tmp_path):
    """vex(document, option, …): ingests a document for acme."""

    def run(document, *options, name="a.vex.json"):
        path = tmp_path / name
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return cli("ingest", "vex", path, "--tenant", "acme", "--actor", "ann", *options)

    return run


@pytest.fixture
def statements(cli):
    def read(*options, tenant="acme"):
        return json.loads(cli("vex", "list", "--tenant", tenant, "--json", *options).stdout)

    return read


@pytest.mark.parametrize("name", ["a.vex.json", "a.vex.json.gz"])
def test_what_can_be_used_is_kept_and_the_rest_is_shown(vex, statements, name):
    result = vex(OPENVEX, name=name)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == f"{name}: 2 statements, 2 new, 1 unusable"
    assert "/statements/1/products/0/@id" in result.stdout
    found = {one["vulnerability"]: one for one in statements()}
    assert found.keys() == {"CVE-2026-1", "CVE-2026-2"}
    first = found["CVE-2026-1"]
    assert (first["purl"], first["image"], first["status"]) == ("pkg:pypi/flask@1.0", None, "not_affected")
    assert (first["aliases"], first["source"], first["ingested_by"]) == (["GHSA-1"], name, "ann")
    assert statements(tenant="globex") == []


def test_the_same_document_again_changes_nothing(vex, database, cli):
    vex(OPENVEX)
    assert vex(OPENVEX).stdout.startswith("a.vex.json: 2 statements, 0 new")
    with database.begin("acme") as store:
        entries = [one for one in store.audit.list("acme").items if one.entity == "vex"]
    assert [(one.actor, one.action, one.new["new"]) for one in entries] == [("ann", "ingest", 2)]


def test_strict_refuses_all_of_it(vex, statements):
    result = vex(OPENVEX, "--strict")
    assert result.exit_code == 2
    assert "/statements/1/products/0/@id" in result.stderr
    assert statements() == []


def test_a_link_names_the_sbom_that_was_ingested(vex, statements, cli, tmp_path):
    refused = vex(linked())
    assert refused.exit_code == 2
    assert "ingest that SBOM first" in refused.stderr
    (tmp_path / "bom.json").write_text(json.dumps(SBOM))
    assert cli("ingest", "sbom", tmp_path / "bom.json", "--tenant", "acme").exit_code == 0
    assert vex(linked(SERIAL.upper())).exit_code == 0
    (kept,) = statements()
    assert kept["purl"] == "pkg:pypi/flask@1.0"
    assert kept["image"] == {
        "registry": "registry.example",
        "repository": "shop/web",
        "tag": "1",
        "digest": None,
    }
    assert "#nothing" in vex(linked(ref="nothing")).stderr


def test_an_sbom_may_begin_with_a_byte_order_mark(vex, cli, statements, tmp_path):
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(SBOM).encode())
    cli("ingest", "sbom", tmp_path / "bom.json", "--tenant", "acme")
    assert vex(linked()).exit_code == 0
    assert [one["purl"] for one in statements()] == ["pkg:pypi/flask@1.0"]


def test_a_statement_of_the_future_is_left_out(vex, statements):
    later = {**OPENVEX["statements"][0], "timestamp": "2062-01-01T00:00:00Z"}
    result = vex(OPENVEX | {"statements": [later, OPENVEX["statements"][1]]})
    assert result.stdout.startswith("a.vex.json: 1 statements, 1 new, 2 unusable")
    assert "2062" in " ".join(result.stdout.split())
    assert [one["vulnerability"] for one in statements()] == ["CVE-2026-2"]


def test_another_tenants_sbom_is_not_known(vex, cli, tmp_path):
    (tmp_path / "bom.json").write_text(json.dumps(SBOM))
    cli("ingest", "sbom", tmp_path / "bom.json", "--tenant", "globex")
    assert "ingest that SBOM first" in vex(linked()).stderr


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"<bom/>", "is XML; expected OpenVEX and CycloneDX"),
        (b"[]", "holds no JSON object"),
        (b"{", "is not JSON"),
        ({"a": 1}, "says neither @context"),
        (OPENVEX | {"statements": []}, "states nothing about any vulnerability"),
        (SBOM | {"vulnerabilities": []}, "states nothing about any vulnerability"),
    ],
)
def test_a_document_that_states_nothing_is_refused(vex, document, said):
    result = vex(document)
    assert result.exit_code == 2
    assert said in result.stderr


def test_people_see_what_is_stated_last_first(vex, cli, statements, environment):
    environment["COLUMNS"] = "200"
    vex(OPENVEX)
    vex(
        OPENVEX
        | {
            "timestamp": "2026-02-01T00:00:00Z",
            "statements": [
                {
                    "vulnerability": "CVE-2026-4",
                    "products": ["pkg:oci/web?repository_url=registry.example/shop/web&tag=1"],
                    "status": "under_investigation",
                }
            ],
        }
    )
    lines = cli("vex", "list", "--tenant", "acme").stdout.splitlines()
    assert lines[0].lower().split() == [
        *("stated", "vulnerability", "status", "component", "image", "why", "source")
    ]
    assert ["CVE-2026-4" in line for line in lines[1:4]] == [True, False, False]
    assert "registry.example/shop/web:1" in lines[1]
    assert [one["vulnerability"] for one in statements("--vulnerability", "ghsa-1")] == ["CVE-2026-1"]
    page = cli("vex", "list", "--tenant", "acme", "--limit", 2)
    assert "--cursor" in page.stderr
    assert cli("vex", "list", "--tenant", "globex").stderr == "no statements\n"


def test_who_waits_for_vex_and_policies_hears_of_new_ones(vex, cli, database, tmp_path):
    for name, event in (("statements", "vex_ingested"), ("policies", "policy_changed")):
        cli(*("schedule", "create", name, "--tenant", "acme", "--kind", "policy", "--on", event))

    def heard():
        with database.begin("acme") as store:
            return {
                name
                for name in ("statements", "policies")
                for one in store.triggers.list_of_schedule(
                    "acme", store.schedules.get_by_name("acme", name).id
                )
                if one.next_fire_at
            }

    assert heard() == set()
    vex(OPENVEX)
    assert heard() == {"statements"}
    path = tmp_path / "policy.yaml"
    path.write_text("name: other\nrules: []\ndefault: warn\n")
    cli("policy", "apply", path, "--tenant", "acme")
    assert heard() == {"statements", "policies"}
