"""The dependency graph of one SBOM: what its subject pulls in, and how deep."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from resources.errors import InvalidDocument
from scheduler_defs.engines.digests import digest_of_object
from scheduler_defs.engines.sbom import Sbom

Edge = tuple[int, int]

_DOCUMENT_VERSION = 1
_MIN_STRONG = 2


@dataclass(frozen=True, slots=True)
class Graph:
    """A dependency graph; nodes are canonical purls in sorted order, edges (dependent, dependency) indexes.

    `depth` holds for each node its distance from the root in edges, None where no path leads to it.
    `direct` counts nodes at depth 1, `transitive` those deeper, `cycles` the strongly connected groups of
    two or more nodes. `flat` says that the SBOM stated no dependency at all, so that every component hangs
    off the root.
    """

    root: str
    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    flat: bool
    digest: str
    depth: tuple[int | None, ...]
    direct: int
    transitive: int
    max_depth: int
    cycles: int

    @property
    def unreachable(self) -> int:
        """How many nodes no path from the root leads to."""
        return sum(depth is None for depth in self.depth)


def build_graph(sbom: Sbom) -> Graph:
    """Build the graph of an SBOM; components with one identity become one node, edges to itself are dropped.

    An SBOM that says nothing of what its subject depends on, as some generators write it, leaves the root
    without edges: then the components nobody depends on hang off the root.
    """
    root, nodes, edges, flat = _read(sbom)
    del sbom  # a large one is not kept while its graph is measured
    return _measured(root, nodes, edges, flat)


def to_document(graph: Graph) -> dict[str, Any]:
    """Return the JSON form a graph is stored in; what can be measured again is left out."""
    return _document(graph.root, list(graph.nodes), [list(edge) for edge in graph.edges], graph.flat)


def from_document(document: dict[str, Any]) -> Graph:
    """Rebuild a graph from its JSON form; raises InvalidDocument for a form to_document did not write."""
    if document.get("version") != _DOCUMENT_VERSION:
        raise _invalid("/version", f"is {document.get('version')!r}; expected {_DOCUMENT_VERSION}")
    try:
        root, flat = document["root"], bool(document["flat"])
        nodes = tuple(document["nodes"])
        edges = tuple((dependent, dependency) for dependent, dependency in document["edges"])
        if list(nodes) != sorted(set(nodes)) or root not in nodes:
            raise _invalid("/nodes", "are not sorted unique package URLs that include the root")
        in_range = all(0 <= end < len(nodes) for edge in edges for end in edge)
        if not in_range or list(edges) != sorted(set(edges)):
            raise _invalid("/edges", f"are not sorted unique pairs of indexes below {len(nodes)}")
    except (KeyError, TypeError, ValueError) as error:
        raise _invalid("", f"lacks or misshapes root, flat, nodes or edges ({error!r})") from error
    return _measured(root, nodes, edges, flat)


def _read(sbom: Sbom) -> tuple[str, tuple[str, ...], tuple[Edge, ...], bool]:
    """Return the root, the nodes, the edges, and whether the SBOM states none."""
    identity_of = sbom.identities()
    nodes = sorted({sbom.root, *identity_of.values()})
    index_of = {node: index for index, node in enumerate(nodes)}
    root = index_of[sbom.root]
    pairs = ((identity_of[dependent], identity_of[dependency]) for dependent, dependency in sbom.dependencies)
    edges = {
        (index_of[dependent], index_of[dependency])
        for dependent, dependency in pairs
        if dependent != dependency
    }
    flat = not edges
    if not any(dependent == root for dependent, _ in edges):
        needed = {dependency for _, dependency in edges}
        edges |= {(root, node) for node in range(len(nodes)) if node != root and node not in needed}
    return sbom.root, tuple(nodes), tuple(sorted(edges)), flat


def _measured(root: str, nodes: tuple[str, ...], edges: tuple[Edge, ...], flat: bool) -> Graph:
    targets: list[list[int]] = [[] for _ in nodes]
    for dependent, dependency in edges:
        targets[dependent].append(dependency)
    depth = _depths(nodes.index(root), targets)
    return Graph(
        root=root,
        nodes=nodes,
        edges=edges,
        flat=flat,
        digest=digest_of_object(_document(root, iter(nodes), iter(edges), flat)),
        depth=tuple(depth),
        direct=sum(steps == 1 for steps in depth),
        transitive=sum(steps is not None and steps > 1 for steps in depth),
        max_depth=max(steps for steps in depth if steps is not None),
        cycles=sum(size >= _MIN_STRONG for size in _component_sizes(targets)),
    )


def _document(root: str, nodes: Iterable[str], edges: Iterable[Iterable[int]], flat: bool) -> dict[str, Any]:
    return {"version": _DOCUMENT_VERSION, "root": root, "flat": flat, "nodes": nodes, "edges": edges}


def _depths(root: int, targets: list[list[int]]) -> list[int | None]:
    """Breadth-first search from the root."""
    depth: list[int | None] = [None] * len(targets)
    depth[root] = 0
    level, steps = [root], 0
    while level:
        steps += 1
        following = []
        for node in level:
            for target in targets[node]:
                if depth[target] is None:
                    depth[target] = steps
                    following.append(target)
        level = following
    return depth


def _component_sizes(targets: list[list[int]]) -> list[int]:
    """Return the sizes of the strongly connected components (Kosaraju's algorithm, without recursion)."""
    sources: list[list[int]] = [[] for _ in targets]
    for node, followed in enumerate(targets):
        for target in followed:
            sources[target].append(node)
    sizes: list[int] = []
    seen: set[int] = set()
    for start in reversed(_postorder(targets)):
        pending, size = [start], 0
        while pending:
            node = pending.pop()
            if node not in seen:
                seen.add(node)
                size += 1
                pending += sources[node]
        sizes.append(size)
    return sizes


def _postorder(targets: list[list[int]]) -> list[int]:
    """Return the nodes in the order a depth-first search leaves them."""
    order: list[int] = []
    seen: set[int] = set()
    for start in range(len(targets)):
        if start in seen:
            continue
        seen.add(start)
        path = [(start, iter(targets[start]))]
        while path:
            node, rest = path[-1]
            unseen = next((target for target in rest if target not in seen), None)
            if unseen is None:
                order.append(node)
                path.pop()
            else:
                seen.add(unseen)
                path.append((unseen, iter(targets[unseen])))
    return order


def _invalid(path: str, reason: str) -> InvalidDocument:
    return InvalidDocument("graph", path, reason)
