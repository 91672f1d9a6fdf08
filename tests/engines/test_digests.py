import hashlib
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.errors import InvalidInput
from scheduler_defs.engines.digests import canonical_json, digest_of, digest_of_object, sha256_hex

REPOSITORY = Path(__file__).parents[2]

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(item) for key, item in reversed(value.items())}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def test_canonical_json_has_sorted_keys_and_no_spaces():
    assert canonical_json({"b": [1, None, "ü"], "a": {"d": True, "c": 0.5}}) == (
        '{"a":{"c":0.5,"d":true},"b":[1,null,"ü"]}'.encode()
    )


def test_sha256_is_the_standard_one():
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of([]) == hashlib.sha256(b"[]").hexdigest()


@given(JSON_VALUES)
def test_the_order_of_keys_does_not_matter(value):
    assert digest_of(reordered(value)) == digest_of(value)


def test_the_order_of_a_list_does_matter():
    assert digest_of([1, 2]) != digest_of([2, 1])


@pytest.mark.parametrize("count", [0, 1, 1000, 1001, 2000])
def test_an_object_has_one_digest_whether_its_arrays_are_there_or_come(count):
    items = [[f"item {number}", number] for number in range(count)]
    value = {"b": items, "a": items[:1], "c": "text", "d": None}
    assert digest_of_object(value | {"b": iter(items), "a": iter(items[:1])}) == digest_of(value)
    assert digest_of_object(value) == digest_of(value)
    assert digest_of_object({}) == digest_of({})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: [1, (n,)], lambda n: {"a": {"b": [None, n]}}])
def test_numbers_json_cannot_hold_are_refused(number, wrap):
    with pytest.raises(InvalidInput, match="expected a finite number"):
        canonical_json(wrap(number))


def test_null_and_the_word_null_are_fine():
    assert canonical_json([None, "null", ":null", {"null": None}]) == b'[null,"null",":null",{"null":null}]'


@dataclass
class Holder:
    number: float


@pytest.mark.parametrize(
    "value",
    [{1: "a"}, {"a": {1, 2}}, b"bytes", 2**70, "\ud800", datetime(2026, 1, 1, tzinfo=UTC), Holder(math.nan)],
)
def test_what_is_not_json_is_refused(value):
    with pytest.raises(InvalidInput, match="expected a JSON value"):
        canonical_json(value)


SCRIPT = """
import sys
from scheduler_defs.engines.graph import build_graph
from scheduler_defs.engines.sbom_formats import read_sbom
sbom = read_sbom("stdin", sys.stdin.buffer.read())
print(hash("scheduler"), sbom.digest, build_graph(sbom).digest)
"""


def test_digests_do_not_depend_on_the_hash_seed():
    members = [
        {"type": "library", "name": f"n{n}", "bom-ref": f"r{n}", "purl": f"pkg:npm/n{n}@1?b=2&a={n}"}
        for n in range(40)
    ]
    edges = [{"ref": f"r{n}", "dependsOn": [f"r{(n * 7 + k) % 40}" for k in (1, 3)]} for n in range(40)]
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": members, "dependencies": edges}
    seen = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=canonical_json(document),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY)},
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
        )
        seen.append(done.stdout.split())
    (first_hash, *first), (second_hash, *second) = seen
    assert first_hash != second_hash
    assert first == second
