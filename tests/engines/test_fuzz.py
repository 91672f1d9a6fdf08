"""Every reader of files against damaged real documents: a result or a typed error, and never anything else.

FUZZ tells how many damaged documents are tried of each kind.
"""

import copy
import gzip
import io
import json
import os
import signal
import tarfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.archives import GZIP_MAGIC
from scheduler_defs.engines.documents import read_document
from scheduler_defs.engines.epss import EpssDocument, load_epss
from scheduler_defs.engines.graph import build_graph
from scheduler_defs.engines.kev import KevDocument, load_kev, read_kev
from scheduler_defs.engines.malformed import Malformed
from scheduler_defs.engines.osv import Advisory, iter_advisories, read_advisory
from scheduler_defs.engines.policy import Policy, compile_policy
from scheduler_defs.engines.sbom_formats import read_sbom
from scheduler_defs.engines.versions import AffectedRange, Match, match

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
REAL = sorted((ROOT.parent / "shared" / "data" / "sboms").glob("*.gz"))
TRIES = settings(max_examples=int(os.environ.get("FUZZ", "40")), deadline=None)
HANGS_AFTER = 30
"""Seconds; a document of this size is read in a hundredth of that."""
ODD = st.sampled_from(
    [
        None,
        True,
        -1,
        10**400,
        1e308,
        "",
        "\0",
        "\ud800",
        "pkg:",
        "pkg:npm/a@1?b=%zz",
        "1.0",
        [],
        {},
        [[]],
        [{}],
        "x" * 5000,
    ]
)


def shop():
    document = json.loads((EXAMPLES / "shop.cdx.json").read_text())
    document["components"] = document["components"][:6]
    refs = {one["bom-ref"] for one in document["components"]}
    document["dependencies"] = [one for one in document["dependencies"] if one["ref"] in refs]
    return document


SHOP = shop()
POLICY = (EXAMPLES / "policy.yaml").read_bytes()
PARSED = yaml.safe_load(POLICY)
RECORDS = [json.loads(line) for line in (EXAMPLES / "advisories.osv.jsonl").read_text().splitlines()]


@contextmanager
def in_time():
    def stop(*_):
        raise AssertionError(f"hangs for {HANGS_AFTER} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANGS_AFTER)
    try:
        yield
    finally:
        signal.alarm(0)


def places(value, path=()):
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, member in members:
        yield (*path, key)
        yield from places(member, (*path, key))


def damaged(data, document):
    """The document with some values replaced, removed or repeated."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        found = list(places(document))
        if not found:
            break
        *above, last = data.draw(st.sampled_from(found))
        holder = document
        for key in above:
            holder = holder[key]
        match data.draw(st.sampled_from(("replace", "remove", "repeat"))):
            case "replace":
                holder[last] = copy.deepcopy(data.draw(ODD))
            case "remove":
                del holder[last]
            case "repeat" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
    return document


def bitten(data, raw):
    """The bytes with some cut out, put in or changed."""
    raw = bytearray(raw)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        match data.draw(st.sampled_from(("cut", "put", "end"))):
            case "cut":
                del raw[at : at + data.draw(st.integers(1, 40))]
            case "put":
                raw[at:at] = data.draw(st.binary(min_size=1, max_size=8))
            case "end":
                del raw[at:]
    return bytes(raw)


def text_of(document):
    return json.dumps(document).encode()


def outcome_of(read):
    """What a reader gives, or the typed error that it raises, in time."""
    with in_time():
        try:
            return read()
        except (InvalidDocument, InvalidInput) as error:
            return error


def read_or_refuse(raw):
    found = outcome_of(lambda: read_sbom("test", raw))
    if isinstance(found, InvalidDocument):
        assert (found.source, bool(found.reason)) == ("test", True)
    else:
        assert found.components
        assert build_graph(found).digest == build_graph(found).digest


@TRIES
@given(data=st.data())
def test_a_damaged_sbom_is_read_or_refused(data):
    read_or_refuse(text_of(damaged(data, SHOP)))


@TRIES
@given(data=st.data())
def test_a_bitten_sbom_is_read_or_refused(data):
    read_or_refuse(bitten(data, text_of(SHOP)))


@pytest.mark.skipif(not REAL, reason="no real SBOMs are at hand")
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_a_damaged_real_sbom_is_read_or_refused(data):
    raw = gzip.decompress(data.draw(st.sampled_from(REAL)).read_bytes())
    read_or_refuse(text_of(damaged(data, json.loads(raw))))


@TRIES
@given(data=st.data())
def test_a_damaged_advisory_is_read_or_named(data):
    record = damaged(data, data.draw(st.sampled_from(RECORDS)))
    found = outcome_of(lambda: read_advisory("test", text_of(record)))
    if isinstance(found, InvalidDocument):
        assert found.source == "test"
        return
    for one in found.ranges:
        affected = AffectedRange(one.purl_type, one.package, one.kind, tuple(one.events), tuple(one.versions))
        assert isinstance(match(affected, "1.0"), Match)


@TRIES
@given(data=st.data())
def test_bitten_lines_are_read_or_named_and_the_rest_goes_on(data, tmp_path_factory):
    lines = [text_of(record) for record in RECORDS[:4]]
    whole = {record["id"] for record in RECORDS[:4]}
    hurt = data.draw(st.integers(0, 3))
    lines[hurt] = bitten(data, lines[hurt]).replace(b"\n", b" ")
    path = tmp_path_factory.mktemp("fuzz") / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    found = outcome_of(lambda: [*iter_advisories(path)])
    if path.read_bytes()[:2] == GZIP_MAGIC:
        assert isinstance(found, InvalidDocument)
        return
    assert {one.id for one in found if isinstance(one, Advisory)} >= whole - {RECORDS[hurt]["id"]}
    assert all(one.line == hurt + 1 and one.reason for one in found if isinstance(one, Malformed))


def archives():
    """An archive of each kind with two files of advisories."""
    texts = {f"{number}.json": text_of(record) for number, record in enumerate(RECORDS[:2])}
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
    with tarfile.open(fileobj=tarred, mode="w:gz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return {
        "a.zip": zipped.getvalue(),
        "a.tar.gz": tarred.getvalue(),
        "a.json.gz": gzip.compress(texts["0.json"]),
    }


ARCHIVES = archives()


@TRIES
@given(data=st.data())
def test_a_bitten_archive_is_read_or_refused(data, tmp_path_factory):
    name = data.draw(st.sampled_from(sorted(ARCHIVES)))
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(bitten(data, ARCHIVES[name]))
    found = outcome_of(lambda: [*iter_advisories(path)])
    if isinstance(found, list):
        assert all(isinstance(one, Advisory | Malformed) for one in found)
    else:
        assert str(found)


EPSS = b"#model_version:v2023.03.01,score_date:2024-05-01T00:00:00+0000\ncve,epss,percentile\n" + b"".join(
    b"CVE-2024-%d,%.5f,%.5f\n" % (number, number / 9000, number / 5000) for number in range(1000, 1008)
)
KEV = {
    "title": "CISA Catalog of Known Exploited Vulnerabilities",
    "catalogVersion": "2024.05.01",
    "dateReleased": "2024-05-01T14:00:12.3456Z",
    "count": 3,
    "vulnerabilities": [
        {
            "cveID": f"CVE-2024-{number}",
            "dateAdded": "2024-04-30",
            "dueDate": "2024-05-21",
            "knownRansomwareCampaignUse": used,
            "cwes": ["CWE-94"],
        }
        for number, used in enumerate(("Known", "Unknown", "Known"), start=1000)
    ],
}


def read_leaving_out(read):
    """What a reader gives that leaves out; it is what one gives that leaves nothing out, if nothing was."""
    left_out = []
    found = outcome_of(lambda: read(lambda record, one: left_out.append((record, one))))
    whole = outcome_of(lambda: read(None))
    if isinstance(found, EpssDocument | KevDocument) and not left_out:
        assert found == whole
    else:
        assert isinstance(whole, InvalidDocument | InvalidInput)
    assert [record for record, _ in left_out] == sorted({record for record, _ in left_out})
    assert all(record > 0 and one.reason for record, one in left_out)
    return found


def check_kev(found):
    if isinstance(found, KevDocument):
        assert found.listed
        assert len(found.digest) == 64


@TRIES
@given(data=st.data())
def test_bitten_scores_are_read_or_refused(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "epss.csv"
    raw = data.draw(st.sampled_from((EPSS, gzip.compress(EPSS))))
    path.write_bytes(bitten(data, raw))
    found = read_leaving_out(lambda leave_out: load_epss(str(path), read_document(path), leave_out))
    if isinstance(found, EpssDocument):
        assert found.scores
        assert all(0 <= value <= 1 for score in found.scores.values() for value in score)
        assert len(found.digest) == 64


@TRIES
@given(data=st.data())
def test_a_damaged_catalog_is_read_or_refused(data):
    document = json.loads(text_of(damaged(data, KEV)))
    check_kev(read_leaving_out(lambda leave_out: read_kev("test", document, leave_out)))


@TRIES
@given(data=st.data())
def test_a_bitten_catalog_is_read_or_refused(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "kev.json"
    path.write_bytes(bitten(data, text_of(KEV)))
    check_kev(read_leaving_out(lambda leave_out: load_kev("test", read_document(path), leave_out)))


def check_policy(text):
    found = outcome_of(lambda: compile_policy("test", text))
    if isinstance(found, Policy):
        assert (bool(found.name), len(found.digest)) == (True, 64)
    else:
        assert (found.source, bool(found.reason)) == ("test", True)


@TRIES
@given(data=st.data())
def test_a_damaged_policy_is_read_or_refused(data):
    document = damaged(data, PARSED)
    check_policy(yaml.safe_dump(document, allow_unicode=True))


@TRIES
@given(data=st.data())
def test_a_bitten_policy_is_read_or_refused(data):
    check_policy(bitten(data, POLICY).decode(errors="replace"))


def test_what_is_damaged_is_read_whole_before():
    assert len(load_epss("test", EPSS).scores) == 8
    assert len(read_kev("test", KEV).listed) == 3
    assert compile_policy("test", POLICY.decode()).rules
    assert len(read_sbom("test", text_of(SHOP)).components) == 6
    assert len({read_advisory("test", text_of(one)).id for one in RECORDS}) == len(RECORDS)
