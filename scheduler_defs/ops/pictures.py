"""The picture that a graph or policy run shows in the Dagster UI: its worst image's vulnerable components."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from dagster import MetadataValue
from dagster._core.definitions.metadata import RawMetadataValue

from resources.database import Database
from resources.image_names import longer_name
from resources.records import Image, Run
from resources.selection import Selection
from resources.states import JobKind, PolicyMode, RunState, WorkState
from resources.store import Store
from scheduler_defs.engines.picture import picture_of
from scheduler_defs.engines.svg import to_svg
from scheduler_defs.graph_store import read_graph
from scheduler_defs.ops.attempt import Outcome
from scheduler_defs.overlays import read_overlays

SAME_NAME = 50
"""Images of one name that are looked at; they differ in their digests."""
_DONE = (RunState.COMPLETED, RunState.FAILED)


def picture_metadata(database: Database, outcomes: Sequence[Outcome]) -> dict[str, RawMetadataValue]:
    """A picture of the image with most to do, as Markdown that holds it; nothing where there is none to show.

    Of a single run that built graphs or wrote findings; a policy run's image has a picture once it has a graph.
    """
    if len(outcomes) != 1 or outcomes[0].state not in _DONE:
        return {}
    run = outcomes[0].run
    with database.begin(run.tenant_id) as store:
        worst = _worst(store, run.tenant_id, _images(store, outcomes[0]))
        svg = worst and _draw(store, worst)
    if not svg:
        return {}
    encoded = b64encode(svg.encode()).decode()
    return {"picture": MetadataValue.md(f"![vulnerable components](data:image/svg+xml;base64,{encoded})")}


def _images(store: Store, outcome: Outcome) -> list[Image]:
    """The images whose graphs the run built, or those called like the first that the policy run tells of."""
    run = outcome.run
    if run.kind is JobKind.GRAPH:
        return _built(store, run)
    if run.kind is JobKind.POLICY and run.mode is not PolicyMode.SIMULATE and outcome.result.table:
        name = str(outcome.result.table[0]["image"])
        found = store.images.find_named(run.tenant_id, name, SAME_NAME)
        return [one for one in found if name in (one.name, longer_name(one))]
    return []


def _built(store: Store, run: Run) -> list[Image]:
    items = store.graph_jobs.list_of_run(run)
    built = {item.image_id for item in items if item.status is WorkState.COMPLETED}
    selected = store.images.select(run.tenant_id, Selection.parse(run.selection))
    return [image for image in selected if image.id in built]


def _worst(store: Store, tenant_id: str, images: Iterable[Image]) -> Image | None:
    """The image with most open findings to do; the first by id where none has any."""
    by_id = {image.id: image for image in images}
    counts: Mapping[UUID, Counter[str]] = {image_id: Counter() for image_id in by_id}
    for one in store.findings.count_open_of(tenant_id, by_id):
        counts[one.image_id][one.verdict] += one.count
    worst = min(
        by_id,
        key=lambda one: (-counts[one]["block"], -counts[one]["warn"], -counts[one]["ignore"], one),
        default=None,
    )
    return by_id[worst] if worst else None


def _draw(store: Store, image: Image) -> str | None:
    digest = store.images.find_graph(image)
    if digest is None:
        return None
    picture = picture_of(read_graph(store, image.tenant_id, digest), read_overlays(store, image).hits())
    return to_svg(picture, image.name) if picture.vulnerable else None
