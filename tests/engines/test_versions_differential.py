"""Versions against what the ecosystems themselves say: dpkg, and the versions that advisories list one by one."""

import gzip
import json
import shutil
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler_defs.engines.osv import Advisory, iter_advisories
from scheduler_defs.engines.versions import AffectedRange, Match, match, parse

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "advisories" / "pypa.osv.jsonl.gz"
LISTED = {
    "id": "LISTED-1",
    "modified": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "listed"},
            "ranges": [
                {
                    "type": "ECOSYSTEM",
                    "events": [
                        {kind: at}
                        for start, end in (("0", "1.2.3"), ("2.0", "2.0.1"), ("3.0a1", "3.1"))
                        for kind, at in (("introduced", start), ("fixed", end))
                    ],
                }
            ],
            "versions": ["0.9", "1.0", "1.2.2", "1.2.3rc1", "1.2.3.dev1", "2.0", "2.0.post1", "3.0a1", "3.0"],
        }
    ],
}
DPKG = shutil.which("dpkg")

UPSTREAM = st.lists(
    st.sampled_from(["0", "1", "2", "10", "09", ".", "~", "+", "a", "rc", "~rc1", "+dfsg", "~~", "Z", "-"]),
    max_size=6,
).map(lambda parts: "1" + "".join(parts))
REVISION = st.sampled_from(["", "-0", "-1", "-1.1", "-1+b1", "-1+b10", "-1+b2", "-1~bpo12+1", "-1+deb12u1"])
VERSIONS = st.builds(
    lambda epoch, upstream, revision: epoch + upstream + revision,
    st.sampled_from(["", "0:", "1:", "2:"]),
    UPSTREAM,
    REVISION,
)


def by_dpkg(left, right):
    """-1, 0 or 1 as dpkg orders two versions; None where it takes one for no version."""
    for sign, relation in ((-1, "lt"), (0, "eq"), (1, "gt")):
        done = subprocess.run(
            [DPKG, "--compare-versions", left, relation, right], capture_output=True, check=False
        )
        if done.stderr:
            return None
        if done.returncode == 0:
            return sign
    raise AssertionError(f"dpkg does not order {left} and {right}")


def by_us(left, right):
    one, other = parse("deb", left), parse("deb", right)
    if one is None or other is None:
        return None
    return (other < one) - (one < other)


@pytest.mark.skipif(not DPKG, reason="NO DPKG: nothing to compare with; it is there on Debian and Ubuntu")
@settings(deadline=None)
@given(left=VERSIONS, right=VERSIONS)
def test_debian_versions_are_ordered_as_dpkg_orders_them(left, right):
    told = by_dpkg(left, right)
    if told is not None:
        assert by_us(left, right) == told


@pytest.mark.skipif(not DPKG, reason="NO DPKG: nothing to compare with; it is there on Debian and Ubuntu")
def test_rebuilds_backports_and_epochs_of_one_version_are_ordered_as_dpkg_orders_them():
    versions = [
        "1.0-1",
        "1.0-1+b1",
        "1.0-1+b10",
        "1.0-1~bpo12+1",
        "1.0-1+deb12u1",
        "1:0.9-1",
        "1.0~rc1-1",
        "1.0",
    ]
    assert {(one, other): by_us(one, other) for one, other in product(versions, versions)} == {
        (one, other): by_dpkg(one, other) for one, other in product(versions, versions)
    }


@pytest.fixture(scope="module")
def advisories(tmp_path_factory):
    """Real advisories where they are at hand, one of three lines of releases elsewhere."""
    path = tmp_path_factory.mktemp("osv") / "listed.jsonl"
    path.write_bytes(gzip.decompress(REAL.read_bytes()) if REAL.exists() else json.dumps(LISTED).encode())
    return [one for one in iter_advisories(path) if isinstance(one, Advisory)]


def test_what_an_advisory_lists_is_in_its_ranges_but_for_one_in_a_hundred(advisories):
    """An advisory's list and its ranges say the same; where they do not, the list is older than the ranges.

    Hardly any cannot be compared.
    """
    told: Counter[str] = Counter()
    outside: dict[str, set[str]] = {}
    for advisory in advisories:
        for package in {one.package for one in advisory.ranges}:
            ranges = [one for one in advisory.ranges if one.package == package and one.events]
            listed = {version for one in ranges for version in one.versions}
            if not ranges or any(one.kind != "ECOSYSTEM" for one in ranges):
                continue
            for version in listed:
                found = {
                    match(AffectedRange(one.purl_type, package, one.kind, tuple(one.events), ()), version)
                    for one in ranges
                }
                verdict = Match.AFFECTED if Match.AFFECTED in found else min(found)
                told[str(verdict)] += 1
                if verdict is Match.NOT_AFFECTED:
                    outside.setdefault(advisory.id, set()).add(version)
    print(json.dumps({"versions": told, "outside": len(outside)}))
    assert told["affected"] > 0
    assert told["unknown"] <= told["affected"] / 1000
    assert sum(map(len, outside.values())) <= told["affected"] / 100, outside
