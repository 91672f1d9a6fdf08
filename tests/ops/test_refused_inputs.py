"""Whatever is refused leaves no trace: damaged documents are ingested, and every table is as it was before.

FUZZ tells how many damaged documents are tried of each kind.
"""

import json
import os
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.exploits import ingest_epss, ingest_kev
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from scheduler_defs.inputs.vex import ingest_vex
from tests.engines.test_fuzz import EPSS, KEV, POLICY, RECORDS, SHOP, bitten, damaged, text_of

TRIES = settings(max_examples=int(os.environ.get("FUZZ", "15")), deadline=None)
OPENVEX = {
    "@context": "https://openvex.dev/ns/v0.2.0",
    "timestamp": "2026-01-01T00:00:00Z",
    "statements": [
        {
            "vulnerability": {"name": f"CVE-2026-{number}", "aliases": [f"GHSA-{number}"]},
            "products": [
                {"@id": "pkg:oci/web?tag=1", "subcomponents": [{"@id": f"pkg:pypi/flask@{number}"}]}
            ],
            "status": "not_affected",
            "impact_statement": "It is not.",
        }
        for number in range(1000, 1003)
    ],
}
DIGESTS = """
    SELECT format('SELECT %1$L, count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM %1$s AS t',
        format('%I.%I', schemaname, tablename))
    FROM pg_tables WHERE schemaname IN ('scheduler', 'inventory') ORDER BY 1
"""


@pytest.fixture
def contents(admin):
    """How many rows each table has, and the digest of them."""
    whole = " UNION ALL ".join(one for (one,) in admin.execute(DIGESTS))
    return lambda: sorted(admin.execute(whole).fetchall())


def ingest(world, kind, raw):
    path = world.directory / f"damaged.{kind}"
    path.write_bytes(raw)
    match kind:
        case "sbom":
            ingest_sbom(world.database, "acme", path, Placement(), "ann")
        case "jsonl":
            ingest_advisories(world.database, path, "ann", strict=True)
        case "vex":
            ingest_vex(world.database, "acme", path, "ann", strict=True)
        case "epss":
            ingest_epss(world.database, path, "ann")
        case "kev":
            ingest_kev(world.database, path, "ann")
        case "yaml":
            with world.database.begin("acme") as store:
                apply_policy(store, "acme", "test", raw.decode(errors="replace"), "ann")


def one_of(data, kind):
    """A damaged document of a kind."""
    match kind:
        case "sbom":
            return text_of(damaged(data, SHOP))
        case "jsonl":
            at = data.draw(st.integers(0, 2))
            records = [damaged(data, one) if number == at else one for number, one in enumerate(RECORDS[:3])]
            return b"\n".join(map(text_of, records))
        case "vex":
            return text_of(damaged(data, OPENVEX))
        case "epss":
            return bitten(data, EPSS)
        case "kev":
            return data.draw(st.sampled_from((text_of(damaged(data, KEV)), bitten(data, text_of(KEV)))))
        case "yaml":
            return bitten(data, POLICY)
    raise ValueError(kind)


@pytest.mark.parametrize("kind", ["sbom", "jsonl", "vex", "epss", "kev", "yaml"])
def test_what_is_refused_leaves_every_table_as_it_was(world, contents, kind):
    outcomes, before = Counter(), contents()

    @TRIES
    @given(data=st.data())
    def try_one(data):
        nonlocal before
        try:
            ingest(world, kind, one_of(data, kind))
        except (InvalidDocument, InvalidInput):
            outcomes["refused"] += 1
            assert contents() == before
        else:
            outcomes["taken"] += 1
            before = contents()

    try_one()
    assert outcomes["refused"] > 0


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("sbom", text_of(SHOP)),
        ("jsonl", b"\n".join(map(text_of, RECORDS[:3]))),
        ("vex", json.dumps(OPENVEX).encode()),
        ("epss", EPSS),
        ("kev", text_of(KEV)),
        ("yaml", POLICY),
    ],
)
def test_what_is_damaged_is_taken_whole_before(world, contents, kind, raw):
    before = contents()
    ingest(world, kind, raw)
    assert contents() != before
