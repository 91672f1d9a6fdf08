"""Which part of a graph a picture of an image's vulnerable components shows, and where each node of it stands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scheduler_defs.engines.graph import Edge, Graph
from scheduler_defs.engines.policy import Verdict
from scheduler_defs.engines.severity import Severity

MOST = 60
_S = Severity
SEVERITIES = (_S.CRITICAL, _S.HIGH, _S.UNKNOWN, _S.MEDIUM, _S.LOW, _S.NONE)
"""The worst first; what nobody has rated may be high."""
_VERDICTS = (Verdict.BLOCK, Verdict.WARN, None, Verdict.IGNORE)
_Rank = tuple[bool, int, int]


@dataclass(frozen=True, slots=True)
class Hit:
    """A node of a graph that an advisory affects, or may affect.

    `verdict` is the worst of the policies', None where none has decided; `silenced` says that by VEX the component
    is not affected, or fixed.
    """

    node: str
    advisory: str
    severity: Severity
    verdict: Verdict | None = None
    silenced: bool = False

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to do: the policies ignore it, or it is silenced before any has decided."""
        return self.verdict is Verdict.IGNORE or (self.verdict is None and self.silenced)

    @property
    def rank(self) -> _Rank:
        """Sorts the worst first, what is quiet last."""
        return self.is_quiet, _VERDICTS.index(self.verdict), SEVERITIES.index(self.severity)


@dataclass(frozen=True, slots=True)
class Box:
    """A node of the picture, `depth` edges from the root, None where no path leads to it, at a row counted from 0.

    Rows may be fractions. `hits` are the node's own, the worst first; a node on the way to others may have none.
    """

    node: str
    depth: int | None
    row: float
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, the root's first, and edges between them as indexes (dependent, dependency).

    `more` are the worst hits of the vulnerable nodes that have no box, the worst first.
    """

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    more: tuple[Hit, ...]

    @property
    def vulnerable(self) -> int:
        """How many nodes have hits, shown or not."""
        return sum(bool(box.hits) for box in self.boxes) + len(self.more)


def picture_of(graph: Graph, hits: Iterable[Hit], most: int = MOST) -> Picture:
    """Show the nodes that have hits and, of each, the first shortest path from the root, as `why` prints it.

    Of more than `most` nodes, one of them standing for the rest, the worst are shown; a node whose path does not
    fit makes room for one that does. Edges are those of the graph that lie on shortest paths. Hits of what is no
    node of the graph are left out.
    """
    own = _by_node(graph, hits)
    before, root = _before(graph), graph.nodes.index(graph.root)
    shown, more = {root: None}, []
    for node in sorted(own, key=lambda one: (own[one][0].rank, -len(own[one]), graph.nodes[one])):
        added = [step for step in _path(before, node) if step not in shown]
        if not added or len(shown) + len(added) < most:
            shown |= dict.fromkeys(added)
        else:
            more.append(own[node][0])
    rows = _rows(list(shown), before)
    indexes = {node: index for index, node in enumerate(shown)}
    boxes = [Box(graph.nodes[node], graph.depth[node], rows[node], own.get(node, ())) for node in shown]
    edges = [
        (indexes[source], indexes[target])
        for source, target in graph.edges
        if source in shown and target in shown and _is_step(graph, source, target)
    ]
    return Picture(tuple(boxes), tuple(edges), tuple(more))


def _by_node(graph: Graph, hits: Iterable[Hit]) -> Mapping[int, tuple[Hit, ...]]:
    index_of = {node: index for index, node in enumerate(graph.nodes)}
    found: dict[int, list[Hit]] = {}
    for hit in sorted({*hits}, key=lambda one: (one.rank, one.advisory)):
        if hit.node in index_of:
            found.setdefault(index_of[hit.node], []).append(hit)
    return {node: tuple(own) for node, own in found.items()}


def _before(graph: Graph) -> Mapping[int, int]:
    """The node before each reached one on the first of its shortest paths.

    Breadth first, with a node's dependencies in the order of their texts: so nodes are met in the order of the
    first paths to them, and the node that meets another first lies on its first path.
    """
    targets: list[list[int]] = [[] for _ in graph.nodes]
    for source, target in graph.edges:
        targets[source].append(target)
    met: dict[int, int] = {}
    level = [graph.nodes.index(graph.root)]
    while level:
        following = []
        for node in level:
            for target in targets[node]:
                if target not in met and _is_step(graph, node, target):
                    met[target] = node
                    following.append(target)
        level = following
    return met


def _path(before: Mapping[int, int], node: int) -> list[int]:
    path = [node]
    while path[-1] in before:
        path.append(before[path[-1]])
    return path[::-1]


def _rows(shown: Sequence[int], before: Mapping[int, int]) -> dict[int, float]:
    """A row for each leaf in the order shown, the worst first; a node with others after it stands in their middle."""
    after: dict[int, list[int]] = {node: [] for node in shown}
    for node in shown:
        if node in before:
            after[before[node]].append(node)
    rows: dict[int, float] = {}
    leaves = 0
    pending = [node for node in reversed(shown) if node not in before]
    while pending:
        node = pending.pop()
        if not after[node]:
            rows[node], leaves = leaves, leaves + 1
        elif after[node][0] in rows:
            rows[node] = (rows[after[node][0]] + rows[after[node][-1]]) / 2
        else:
            pending += [node, *reversed(after[node])]
    return rows


def _is_step(graph: Graph, source: int, target: int) -> bool:
    """Whether an edge lies on a shortest path."""
    depth = graph.depth[source]
    return depth is not None and graph.depth[target] == depth + 1
