"""A recorded sequence: real SBOMs, and the real advisories about what is in them in the order they were written."""

import gzip
import json
import re
from pathlib import Path

import pytest
from cvss import CVSS3

from resources.errors import InvalidDocument
from scheduler_defs.edits.images import remove_image
from scheduler_defs.inputs.advisories import ingest_advisories
from scheduler_defs.inputs.policies import apply_policy
from scheduler_defs.inputs.sboms import Placement, ingest_sbom
from tests.ops.naive import Model, Told
from tests.ops.replaying import check, policy

DATA = Path(__file__).parents[3] / "shared" / "data"
SBOMS, ADVISORIES = sorted((DATA / "sboms").glob("*.gz")), DATA / "advisories" / "pypa.osv.jsonl.gz"
STEPS = 4
"""Into which the advisories are divided."""

pytestmark = pytest.mark.skipif(
    not (SBOMS and ADVISORIES.exists()), reason="no real SBOMs and advisories are at hand"
)


def name_of(package):
    return "pypi/" + re.sub(r"[-_.]+", "-", package).lower()


def pypi(document):
    """The PyPI components of a document: their versions, by package."""
    found = {}
    for one in document["components"]:
        if purl := re.match(r"pkg:pypi/([^@?#]+)@([^?#]+)", one.get("purl", "")):
            found[name_of(purl[1])] = purl[2]
    return found


def told_of(record):
    vectors = [one["score"] for one in record.get("severity", [])]
    severity = CVSS3(vectors[0]).severities()[0].lower() if vectors else "unknown"
    return [
        Told(
            name_of(one["package"]["name"]),
            [
                [event for events in span["events"] for event in events.items()]
                for span in one.get("ranges", [])
                if span["type"] == "ECOSYSTEM"
            ],
            severity,
            record.get("aliases", []),
            one.get("versions", []),
            "withdrawn" in record,
        )
        for one in record["affected"]
    ]


def set_back(document, records):
    """The document as of the time of each package's first advisory: at the last version that it lists."""
    listed = {}
    for record in records:
        for one in record["affected"]:
            listed.setdefault(name_of(one["package"]["name"]), one["versions"][-1:])
    document = json.loads(json.dumps(document))
    for one in document["components"]:
        package, _, version = one.get("purl", "").partition("@")
        old = listed.get(name_of(package.removeprefix("pkg:pypi/"))) if version else None
        if old:
            one["version"], one["purl"] = old[0], f"{package}@{old[0]}"
    return document


class Recording:
    """Takes what was recorded in the model and in the product."""

    def __init__(self, world):
        self.world, self.model = world, Model(severe="block")
        with world.database.begin("acme") as store:
            apply_policy(store, "acme", "test", policy("block", []), "ann")

    def sbom(self, image, document):
        path = self.world.directory / "image.cdx.json"
        path.write_text(json.dumps(document))
        ingest_sbom(self.world.database, "acme", path, Placement(image=f"registry.example/{image}:1"), "ann")
        self.model.images[image] = pypi(document)

    def advisories(self, *records):
        path = self.world.directory / "a.jsonl"
        path.write_text("\n".join(map(json.dumps, records)))
        assert ingest_advisories(self.world.database, path, "ann", strict=True).revision
        self.model.advisories |= {record["id"]: told_of(record) for record in records}

    def remove(self, image):
        with self.world.database.begin("acme") as store:
            remove_image(store, store.images.find_named("acme", f"registry.example/{image}:1", 1)[0], "ann")
        del self.model.images[image]

    def check(self):
        check(self.world, self.model)
        return self.model.verdicts()


def read_all():
    """The documents that can be read, by name, and the records about what is in them, the oldest first."""
    documents = {
        path.name.partition(".")[0]: json.loads(gzip.decompress(path.read_bytes())) for path in SBOMS
    }
    held = {package for document in documents.values() for package in pypi(document)}
    with gzip.open(ADVISORIES, "rt") as lines:
        records = [json.loads(line) for line in lines]
    about = [
        one
        for one in records
        if held & {name_of(affected["package"]["name"]) for affected in one["affected"]}
    ]
    return documents, sorted(about, key=lambda record: (record["modified"], record["id"]))


def test_after_every_step_of_a_recorded_sequence_incremental_is_full_is_naive(world):
    documents, records = read_all()
    recording, refused = Recording(world), []
    for name, document in documents.items():
        try:
            recording.sbom(name, document)
        except InvalidDocument:
            refused.append(name)
    python = next(name for name, held in recording.model.images.items() if held)
    recording.sbom("earlier", set_back(documents[python], records))
    recording.check()

    size = -(-len(records) // STEPS)
    for at in range(0, len(records), size):
        recording.advisories(*records[at : at + size])
        found = recording.check()
    assert len(recording.model.images) > 2
    assert {image for image, *_ in found} >= {"earlier"}
    hit = sorted({name for image, _, name in found if image == "earlier"})
    later = records[-1]["modified"]
    taken_back, edited = (next(one for one in records if one["id"] == name) for name in (hit[0], hit[-1]))

    recording.advisories(taken_back | {"withdrawn": later, "modified": later})
    assert {verdict for (_, _, name), verdict in recording.check().items() if name == hit[0]} == {"ignore"}
    for one in edited["affected"]:
        one["versions"], one["ranges"] = [], [{"type": "ECOSYSTEM", "events": [{"introduced": "9999"}]}]
    recording.advisories(edited | {"modified": later})
    assert hit[-1] not in {name for _, _, name in recording.check()}
    recording.remove("earlier")
    assert "earlier" not in {image for image, *_ in recording.check()}
    recording.sbom("earlier", set_back(documents[python], records))
    assert "earlier" in {image for image, *_ in recording.check()}
