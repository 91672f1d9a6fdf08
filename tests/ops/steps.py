"""Steps that change what there is, as Hypothesis draws them."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Step = tuple[Any, ...]
"""What happens, and to what."""

VERSIONS = {
    "pypi": ("1.0", "1.5", "2.0", "2.0rc1", "no version"),
    "deb": ("1.0-1", "1:0.5-1", "1:0.5-1~deb12u1", "2.0~rc1-1", "0:1.10-2"),
    "rpm": ("1.0-1", "1:0.5-1", "2.0~rc1-1", "1.10-2", "no version"),
}
BOUNDS = {
    "pypi": ("0", "1.0", "1.2", "1.5", "2.0", "3.0"),
    "deb": ("0", "1.0-1", "1.9-1", "2.0-1", "1:0.5-1", "1:3-1"),
    "rpm": ("0", "1.0-1", "1.9-1", "2.0-1", "1:0.5-1", "1:3-1"),
}
PACKAGES = ("pypi/flask", "pypi/click", "deb/click", "deb/curl", "rpm/curl", "rpm/libcurl")
SOURCE = "rpm/curl"
SOURCE_VERSIONS = {"1.0-1": "2.0-1", "2.0~rc1-1": "1.0-1", "1.10-2": "no version"}
"""Of the packages of rpm, all built from one, the source's version by their own; the same where it is not named."""
SEVERITIES = {
    "high": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
    "low": "CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N",
}
ADVISORIES = [f"A-{number}" for number in range(5)]
CVES = [f"CVE-2026-100{number}" for number in range(5)]
"""What each is about: of PyPI its aliases, of others upstream; the last is what others are about, too."""

packages = st.sampled_from(PACKAGES)
images = st.sampled_from([f"shop/{name}" for name in "abcd"])


def version_of(package: str) -> st.SearchStrategy[str]:
    return st.sampled_from(VERSIONS[package.partition("/")[0]])


def ranges_of(package: str) -> st.SearchStrategy[list[str | None]]:
    """Where a range begins, and where it ends or None."""
    bounds = BOUNDS[package.partition("/")[0]]
    pairs = [[low, high] for at, low in enumerate(bounds) for high in (*bounds[at + 1 :], None)]
    return st.sampled_from(pairs)


contents = st.lists(packages, min_size=1, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: version_of(name) for name in names})
)


def sboms_of(images: st.SearchStrategy[str]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just("sbom"), images, contents)


def advisories_of(names: st.SearchStrategy[str]) -> st.SearchStrategy[Step]:
    return packages.flatmap(
        lambda package: st.tuples(
            *(st.just("advisory"), names, st.just(package), ranges_of(package)),
            *(st.sampled_from([*SEVERITIES]), st.booleans()),
        )
    )


SBOM, ADVISORY = sboms_of(images), advisories_of(st.sampled_from(ADVISORIES))
VEX = packages.flatmap(
    lambda package: st.tuples(
        *(st.just("vex"), st.sampled_from(CVES), st.just(package), st.none() | version_of(package)),
        *(st.none() | images, st.sampled_from(["not_affected", "affected", "fixed", "under_investigation"])),
    )
)
EPSS = st.dictionaries(st.sampled_from(CVES), st.sampled_from([0.1, 0.5, 0.6]), min_size=1)
KEV = st.dictionaries(st.sampled_from(CVES), st.booleans(), min_size=1)
ASKED = st.sampled_from([[], ["epss"], ["kev"], ["kev", "epss"]])
KINDS: Mapping[str, st.SearchStrategy[Step]] = {
    "sbom": SBOM,
    "advisory": ADVISORY,
    "vex": VEX,
    "withdraw": st.tuples(st.just("withdraw"), st.sampled_from(ADVISORIES)),
    "remove": st.tuples(st.just("remove"), images),
    "renew": st.tuples(st.just("renew"), images),
    "epss": st.tuples(st.just("epss"), EPSS),
    "kev": st.tuples(st.just("kev"), KEV),
    "policy": st.tuples(st.just("policy"), st.sampled_from(["block", "warn"]), ASKED),
}
"""Where an image is renewed, it is removed and comes back as it was."""
BEGINNING = st.tuples(
    *(sboms_of(st.just(f"shop/{name}")) for name in "abc"),
    *(advisories_of(st.just(name)) for name in ADVISORIES[:3]),
)
"""So that later steps have something to change."""
STEPS = st.tuples(
    st.permutations([*KINDS]).flatmap(lambda kinds: st.tuples(*(KINDS[kind] for kind in kinds))),
    st.tuples(ADVISORY, VEX, st.one_of(*KINDS.values())),
).map(lambda parts: [*parts[0], *parts[1]])
"""One of each kind, in any order, and a few more."""
