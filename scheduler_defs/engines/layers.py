"""The layers of what is known of an image, each with a digest of its own: graph, advisories, VEX, policies.

Rows are made of names that mean the same in every database: components as package URLs with their version,
advisories by id, contents by digest. So a digest depends on what is known, not on when or in which order it came.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scheduler_defs.engines.digests import digest_of
from scheduler_defs.engines.graph import Graph


class Matched(NamedTuple):
    """A component that an advisory affects, or may affect; `match` is affected or unknown."""

    component: str
    advisory: str
    match: str
    advisory_digest: str


class Stated(NamedTuple):
    """The VEX statement that holds for a component under an advisory."""

    component: str
    advisory: str
    statement_digest: str


class Found(NamedTuple):
    """What a policy says of a component under an advisory; `rule` is None when the policy's default decided."""

    policy: str
    component: str
    advisory: str
    verdict: str
    rule: str | None


@dataclass(frozen=True, slots=True)
class Layer:
    """The SHA-256 of a layer, and how many rows it has, of the graph nodes."""

    layer: str
    count: int
    digest: str


def graph_layer(graph: Graph) -> Layer:
    """Return the layer below the others, whose digest is the graph's own."""
    return Layer("graph", len(graph.nodes), graph.digest)


def overlay_layers(
    matched: Iterable[Matched], stated: Iterable[Stated], found: Iterable[Found]
) -> list[Layer]:
    """Return the layers advisory, vex and policy; rows in any order, equal ones count once.

    Each digest covers its own rows alone: another advisory changes the layer advisory, and vex and policy only
    where another statement or finding comes with it.
    """
    return [_layer("advisory", matched), _layer("vex", stated), _layer("policy", found)]


def _layer(name: str, rows: Iterable[Sequence[str | None]]) -> Layer:
    distinct = sorted({tuple(value or "" for value in row) for row in rows})
    return Layer(name, len(distinct), digest_of({"layer": name, "rows": distinct}))
