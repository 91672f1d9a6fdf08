"""Why a component is in an image: the shortest paths that lead to it."""

from bisect import insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from resources.errors import InvalidInput
from scheduler_defs.engines.graph import Graph
from scheduler_defs.engines.node_names import find_nodes

Path = tuple[int, ...]
_Candidate = tuple[int, Path, int, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Why:
    """What a text names in a graph, and the shortest paths from the root to it.

    `components` are all nodes it names, `unreachable` those of them that no path leads to. `more` says that
    there are more paths than were asked for.
    """

    components: tuple[str, ...]
    unreachable: tuple[str, ...]
    paths: tuple[tuple[str, ...], ...]
    more: bool


def why(graph: Graph, wanted: str, limit: int = 5) -> Why:
    """Return at most `limit` shortest paths from the root to what a text names; see find_nodes for the text.

    Raises InvalidInput for a text that names nothing, and for a limit below 1.
    """
    if limit < 1:
        raise InvalidInput("limit", limit, "1 or more")
    found = find_nodes(graph, wanted)
    paths = shortest_paths(graph, found, limit + 1)
    return Why(
        components=tuple(graph.nodes[node] for node in found),
        unreachable=tuple(graph.nodes[node] for node in found if graph.depth[node] is None),
        paths=tuple(tuple(graph.nodes[node] for node in path) for path in paths[:limit]),
        more=len(paths) > limit,
    )


def shortest_paths(graph: Graph, ends: Collection[int], limit: int) -> list[Path]:
    """Return the first `limit` paths from the root to any of `ends`, by length, then by their nodes' texts.

    A path visits no node twice, so cycles add none; it may pass through one end on its way to another.

    This is Yen's algorithm (Management Science 17(11), 1971) with Lawler's partition (18(7), 1972). All paths
    not yet returned are split into classes that share no path: those that begin with the same nodes and go on
    to none of some. Of each class only its first path is kept as a candidate. The first of all candidates is
    returned, and the rest of its class is split where another path may leave it: once for each of its nodes.
    So returning a path costs at most as many searches as it has nodes, each of which looks at an edge a
    constant number of times: for n nodes and m edges at most limit * n * (n + m) steps, however many paths
    there are. No more candidates are kept than paths are still wanted.
    """
    ways = _Ways(graph, ends)
    root = graph.nodes.index(graph.root)
    candidates: list[_Candidate] = []
    _consider(candidates, ways.first((root,), frozenset()), 0, frozenset())
    found: list[Path] = []
    while candidates:
        _, path, kept, barred = candidates.pop(0)
        found.append(path[:-1])
        if len(found) == limit:
            break
        for last in range(kept, len(path) - 1):
            # What is barred after `kept` stays so; after a later node only the way this path took is.
            avoided = (barred if last == kept else frozenset()) | {path[last + 1]}
            if len(avoided) < len(ways.targets[path[last]]):
                _consider(candidates, ways.first(path[: last + 1], avoided), last, avoided)
                del candidates[limit - len(found) :]
    return found


def _consider(candidates: list[_Candidate], path: Path | None, last: int, avoided: frozenset[int]) -> None:
    if path is not None:
        insort(candidates, (len(path), path, last, avoided))


class _Ways:
    """The edges of a graph by which a goal is reached: one more node, to which an edge leads from each end."""

    def __init__(self, graph: Graph, ends: Iterable[int]) -> None:
        self.goal = len(graph.nodes)
        self.targets: list[list[int]] = [[] for _ in range(self.goal + 1)]
        self.sources: list[list[int]] = [[] for _ in range(self.goal + 1)]
        for dependent, dependency in (*graph.edges, *((end, self.goal) for end in sorted(ends))):
            self.targets[dependent].append(dependency)
            self.sources[dependency].append(dependent)
        self.distance = self._distances(frozenset())
        self.targets = [[node for node in nodes if node in self.distance] for nodes in self.targets]

    def first(self, beginning: Path, avoided: Collection[int]) -> Path | None:
        """The first path to the goal that begins so and goes on to none of `avoided`; None without one.

        The shortest ways on, whatever the beginning holds, are tried before a search that leaves it out:
        where they meet none of its nodes, no other way is shorter.
        """
        visited = frozenset(beginning)
        left = visited.union(avoided)
        onward = [node for node in self.targets[beginning[-1]] if node not in left]
        rest = self._descend(onward, self.distance)
        if rest and not visited.isdisjoint(rest):
            rest = self._descend(onward, self._distances(visited))
        return beginning + rest if rest else None

    def _descend(self, onward: Sequence[int], distance: Mapping[int, int]) -> Path:
        """The shortest way to the goal by one of `onward`, of equals the first by its nodes; empty without one."""
        rest: list[int] = []
        while reaching := [node for node in onward if node in distance]:
            rest.append(min(reaching, key=lambda node: (distance[node], node)))
            onward = self.targets[rest[-1]]
        return tuple(rest)

    def _distances(self, left_out: Collection[int]) -> dict[int, int]:
        """How far the goal is from each node that reaches it, in edges, by ways through no node left out."""
        distance, level, steps = {self.goal: 0}, [self.goal], 0
        while level:
            steps += 1
            following = []
            for node in level:
                for source in self.sources[node]:
                    if source not in distance and source not in left_out:
                        distance[source] = steps
                        following.append(source)
            level = following
        return distance
