import tracemalloc
from pathlib import Path

import orjson
import pytest
from cyclonedx.schema import SchemaVersion, _res
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidDocument
from scheduler_defs.engines import sbom_formats
from scheduler_defs.engines.large_json import DEEPEST, PART, LargeArray, LargeObject, parse_large, pieces
from scheduler_defs.engines.sbom_formats import read_sbom
from scheduler_defs.engines.schemas import SUPPORTED
from tests.engines import spdx_documents as spdx
from tests.engines.test_sbom import APP, document, library

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(TEXTS | st.just("components"), inner, max_size=5)
    ),
    max_leaves=20,
)


def plain(value):
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return [plain(member) for member in value] if isinstance(value, list | LargeArray) else value


def nesting_of(value):
    if isinstance(value, dict | list):
        return 1 + max(map(nesting_of, value.values() if isinstance(value, dict) else value), default=0)
    return 0


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(TEXTS | st.just("components"), VALUES), st.integers(32, 80), st.booleans())
def test_what_is_parsed_in_parts_is_what_is_parsed_as_a_whole(value, part, is_indented):
    raw = orjson.dumps(value, option=orjson.OPT_INDENT_2 if is_indented else None)
    found = parse_large(b"\t " + raw + b"\n", 1, part)
    if found is not None:
        assert plain(found) == orjson.loads(raw)
    else:
        assert (
            len(raw) <= part
            or nesting_of(value) > DEEPEST + 1
            or b": []" in raw
            or b":[]" in raw
            or b"{}" in raw
        )


def parsed(value, part=16):
    found = parse_large(orjson.dumps(value), 0, part)
    assert isinstance(found, LargeObject)
    return found


def test_large_arrays_of_the_document_and_components_stay_text():
    names = [f"name {number}" for number in range(9)]
    found = parsed({"names": names, "a": {"names": names, "components": [{"components": names}, *names]}})
    assert isinstance(found["names"], LargeArray)
    assert found["a"]["names"] == names
    assert isinstance(found["a"]["components"], LargeArray)
    assert isinstance(next(iter(found["a"]["components"]))["components"], LargeArray)
    assert [len(part) for part in found["names"].parts()] == [1] * 9
    numbers = parsed({"numbers": list(range(10, 30))})["numbers"]
    assert [len(part) for part in numbers.parts()] == [5, 5, 5, 5]


@pytest.mark.parametrize("number", [1.5, 1e16, 1.25e16, 1.5e-7, -2.5e300])
def test_numbers_at_the_end_of_a_window_are_read(number):
    value = {"numbers": ["text", number, "a text that is longer"]}
    for part in range(12, 30):
        assert plain(parsed(value, part)) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'["a long text", "another long text"]',
        b'{"a": ["a long text", "another long text"',
        b'{"a": ["a long text", "another long text"]} 1',
        b'{"a": ["a long text", "another long text",]}',
        b'{"a": ["a long text" "another long text"]}',
        b'{"a": ["a long text"], , "b": ["another long text"]}',
        b'{"a": "a long text", "a": "another long text"}',
        b'{a: ["a long text", "another long text"]}',
        b'{1: ["a long text", "another long text"]}',
        b'{"a" "a long text": ["a long text", "another long text"]}',
        b'{"a": ["a long text", "another long text"}}',
        b'{"a": "a long text that never ends',
        b'{"a": ' * 20 + b"{}" + b"}" * 20,
    ],
)
def test_what_is_no_large_object_is_left_to_be_parsed_as_a_whole(raw):
    assert parse_large(raw, 0, 16) is None


class Counted(bytes):
    """Bytes that count how many of them are taken out."""

    taken = 0

    def __getitem__(self, place):
        found = super().__getitem__(place)
        self.taken += len(found)
        return found


LISTED = b",".join([b'"a long text"'] * 5000)
MEMBERS = b",".join(b'"name %d": "%d"' % (number, number) for number in range(5000))


@pytest.mark.parametrize(
    ("raw", "is_read"),
    [
        (b'{"a": ' + b"[" * DEEPEST + LISTED + b"]" * DEEPEST + b"}", True),
        (b'{"a": ' + b"[" * (DEEPEST + 1) + LISTED + b"]" * (DEEPEST + 1) + b"}", False),
        (b'{"a": ' + b"[" * 200 + LISTED + b"]" * 200 + b"}", False),
        (b'{"a": ' + b'[{"a": ' * 3 + b"[" + LISTED + b"]" + b"}]" * 3 + b"}", True),
        (b'{"a": ' + b'[{"a": ' * 4 + b"[" + LISTED + b"]" + b"}]" * 4 + b"}", False),
        (b"{" + MEMBERS + b"}", True),
        (b'{"a": [[{' + MEMBERS + b"}]]}", True),
    ],
)
def test_the_bytes_looked_at_are_in_proportion_to_the_document(raw, is_read):
    counted = Counted(raw)
    found = parse_large(counted, 0, 1 << 12)
    assert counted.taken < 16 * len(raw)
    assert plain(found) == (orjson.loads(raw) if is_read else None)


@pytest.mark.parametrize("element", [b"NaN", b'"\\ud800"', b'"\xff"', b"01", b'"a\tb"', b"1.", b"[1,]"])
def test_elements_are_held_to_json(element):
    found = parse_large(b'{"components": [' + b"1, " * 20 + element + b"]}", 0, 16)
    with pytest.raises(ValueError, match=r"."):
        plain(found or orjson.loads(element))


def test_pieces_hold_a_part_of_one_array_each():
    found = parsed(
        {"a": [11111, 22222, 33333, 44444], "b": {"components": [5, {"components": [666666, 777777]}]}}, 10
    )
    assert list(pieces(found, unique=True)) == [
        {"a": [], "b": {"components": []}},
        {"a": [11111], "b": {"components": []}},
        {"a": [22222], "b": {"components": []}},
        {"a": [33333], "b": {"components": []}},
        {"a": [44444], "b": {"components": []}},
        {"a": [], "b": {"components": []}},
        {"a": [], "b": {"components": [5]}},
        {"a": [], "b": {"components": [{"components": []}]}},
        {"a": [], "b": {"components": [{"components": [666666]}]}},
        {"a": [], "b": {"components": [{"components": [777777]}]}},
    ]


REST = {"texts": [f"{number} is a long text" for number in range(PART // 16)]}
NUMBERS = list(range(2000))


@pytest.mark.parametrize(
    "found",
    [
        {"a": REST, "b": NUMBERS},
        {"a": {"b": REST, "components": NUMBERS}},
        {"components": [{"a": REST, "components": NUMBERS}]},
    ],
)
def test_no_more_than_a_part_is_repeated_in_each_piece(found):
    with pytest.raises(ValueError, match="the rest takes more than a part"):
        list(pieces(parsed(found, 1 << 12), unique=False))


def test_what_has_no_large_array_is_a_single_piece():
    found = {"a": REST, "b": {"c": REST | {"d": "a long text"}}}
    assert list(pieces(parsed(found, 1 << 12), unique=True)) == [found]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": "long text"}, {"b": "long text", "a": 1.0}),
        ({"a": [0, -0.0, {"c": 2e3}]}, {"a": [0.0, 0, {"c": 2000}]}),
        ({"components": list(range(30))}, {"components": list(range(30))}),
        (2**64 - 1, 2**64 - 1),
        (3.0, 3),
    ],
)
def test_equal_elements_of_an_array_are_noticed_in_whatever_form(one, other):
    found = parsed({"a": [one, "another text, as long as a part", other], "b": []}, 32)
    with pytest.raises(ValueError, match="equal"):
        list(pieces(found, unique=True))
    assert list(pieces(found, unique=False))
    others = parsed(
        {"a": [one, "another text, as long as a part"], "b": [other, "another text, as long as a part"]}, 32
    )
    assert list(pieces(others, unique=True))


# SBOMs


def results(monkeypatch, raw):
    """What the document is read as, or refused for, as a whole and in parts; and whether it was, in parts."""
    found = []
    monkeypatch.setattr(sbom_formats, "PART", 200)
    for large in (len(raw) + 1, 0):
        monkeypatch.setattr(sbom_formats, "LARGE", large)
        try:
            found.append(read_sbom("test.json", raw))
        except InvalidDocument as error:
            found.append((error.path, error.reason))
    return found[0], found[1], sbom_formats._validated_in_parts("test.json", raw) is not None


MANY = [library(f"n{number}", components=[library(f"m{number}")] * (number % 3 == 0)) for number in range(30)]
EDGES = {f"n{number}-ref": [f"n{number + 1}-ref", f"m{number}-ref"] for number in range(30)}
DEEP = library("deeper", components=[*MANY[:9], library("deep", components=MANY[9:])])
PACKAGES = [spdx.package(f"n{number}") for number in range(30)]


@pytest.mark.parametrize(
    "found",
    [
        document(*MANY, subject=APP, edges=EDGES),
        document(*MANY, edges=EDGES, version="1.4"),
        document(library("other"), subject=APP | {"components": MANY}, edges=EDGES, version="1.6"),
        document(DEEP, library("other"), subject=APP, edges=EDGES),
        document(*MANY, library("n1") | {"description": "the same again, under its ref"}),
        spdx.document(spdx.APP, *PACKAGES, describes=["app"]),
        spdx.document(*PACKAGES, PACKAGES[3], files=[{"SPDXID": f"SPDXRef-f{n}"} for n in range(40)]),
    ],
)
def test_an_sbom_is_the_same_in_parts(monkeypatch, found):
    for raw in (orjson.dumps(found), b"\xef\xbb\xbf " + orjson.dumps(found, option=orjson.OPT_INDENT_2)):
        whole, in_parts, is_in_parts = results(monkeypatch, raw)
        assert is_in_parts
        assert in_parts == whole
        assert len(whole.components) >= 30


def test_an_sbom_whose_rest_is_large_is_read_as_a_whole(monkeypatch):
    properties = [{"name": f"n{number}", "value": "a long text"} for number in range(PART // 32)]
    found = document(*MANY, subject=APP, edges=EDGES)
    found["metadata"]["properties"] = properties
    whole, in_parts, is_in_parts = results(monkeypatch, orjson.dumps(found))
    assert not is_in_parts
    assert in_parts == whole
    assert len(whole.components) >= 30


@pytest.mark.parametrize(
    ("found", "path"),
    [
        (document(*MANY, library("a", type="x"), library("b", version=1)), "/components/30/type"),
        (document(*MANY, MANY[3]), "/components"),
        (document(*MANY, library("a", evidence={"identity": {"field": "purl", "confidence": 2}})), None),
        (document(DEEP, library("a", components=[*MANY, MANY[2]])), "/components/1/components"),
        (document(*MANY, library("a", purl="pypi/a")), "/components/30/purl"),
        (document(*MANY, library("n1") | {"purl": "pkg:pypi/other@1"}), "/components/30/bom-ref"),
        (document(*MANY, library("a") | {"version": "\0"}), "/components/30/version"),
        (document(*MANY, more=1), ""),
        (document(*MANY, version="9.9"), "/specVersion"),
        (
            document(
                *MANY,
                dependencies=[{"ref": "a", "dependsOn": ["b", "b"]}] + [{"ref": str(n)} for n in range(40)],
            ),
            None,
        ),
        (spdx.document(*PACKAGES, spdx.package("a") | {"SPDXID": 1}), "/packages/30/SPDXID"),
        (
            spdx.document(*PACKAGES, files=[{"SPDXID": f"SPDXRef-n{n}"} for n in range(99, 0, -1)]),
            "/files/70/SPDXID",
        ),
    ],
)
def test_what_is_wrong_with_an_sbom_is_the_same_in_parts(monkeypatch, found, path):
    whole, in_parts, _ = results(monkeypatch, orjson.dumps(found))
    assert in_parts == whole
    assert isinstance(whole, tuple)
    assert path is None or whole[0] == path


def schema_of(version):
    if version == "SPDX":
        return orjson.loads(Path(sbom_formats.__file__).with_name("spdx.schema.json").read_bytes())
    return orjson.loads(Path(_res.BOM_JSON[SchemaVersion.from_version(version)]).read_bytes())


def schemas_within(value):
    if isinstance(value, dict | list):
        yield value
        for member in value.values() if isinstance(value, dict) else value:
            yield from schemas_within(member)


@pytest.mark.parametrize("version", [*SUPPORTED, "SPDX"])
def test_the_schemas_ask_nothing_of_large_arrays_that_a_part_does_not_tell(version):
    schema = schema_of(version)
    told = {"type", "items", "uniqueItems", "additionalItems", "title", "description", "examples"}
    assert set(schema) <= {
        *("$schema", "$id", "$comment", "$defs", "definitions", "title"),
        *("type", "required", "properties", "additionalProperties"),
    }
    arrays = [one for one in schema["properties"].values() if one.get("type") == "array"]
    arrays += [
        one["properties"]["components"]
        for one in schemas_within(schema)
        if isinstance(one, dict) and "components" in one.get("properties", ())
    ]
    assert len(arrays) >= 5
    assert all(
        one["type"] == "array" and isinstance(one["items"], dict) and set(one) <= told for one in arrays
    )
    assert version != "SPDX" or not any("uniqueItems" in one for one in arrays)


def peak_of(raw):
    tracemalloc.start()
    try:
        read_sbom("test.json", raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_large_sbom_is_never_in_memory_as_a_whole(monkeypatch):
    listed = [library(f"n{number}", description="of a component") for number in range(2000)]
    raw = orjson.dumps(document(*listed, edges={f"n{number}-ref": ["n0-ref"] for number in range(1, 2000)}))
    read_sbom("test.json", raw)
    monkeypatch.setattr(sbom_formats, "LARGE", 0)
    monkeypatch.setattr(sbom_formats, "PART", 1 << 14)
    assert peak_of(raw) < 5 * len(raw)
