"""What changed between two dependency graphs: packages, their versions, and who depends on whom."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from scheduler_defs.engines.graph import Graph

# Qualifiers that a package's next version may have otherwise.
_OF_A_RELEASE = frozenset(
    {"checksum", "distro", "download_url", "epoch", "file_name", "tag", "upstream", "vcs_url"}
)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class VersionChange:
    """One package in other versions: its nodes that only the earlier or only the later graph has.

    `package` is its package URL without what may change from release to release.
    """

    package: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge that one of the graphs lacks.

    `follows` says that it came or went because a version did: one of its packages has changed, and the other
    graph has an edge between the same two packages.
    """

    dependent: str
    dependency: str
    follows: bool


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """What leads from one graph to another; all sorted.

    Every node that only one graph has is in exactly one of `added`, `removed` and `changed`. `root` and
    `flat` are (earlier, later) where they differ, else None.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[VersionChange, ...] = ()
    edges_added: tuple[EdgeChange, ...] = ()
    edges_removed: tuple[EdgeChange, ...] = ()
    root: tuple[str, str] | None = None
    flat: tuple[bool, bool] | None = None


def diff(earlier: Graph, later: Graph) -> GraphDiff:
    """Compare two graphs; the result is empty exactly when their digests are equal.

    Nodes are versions of one package when their package URLs are alike but for the version and qualifiers
    that tell of a release. A package that loses nodes and gains others has changed; which of several versions
    became which nobody can tell, so all are listed.
    """
    if earlier.digest == later.digest:
        return GraphDiff()
    gone, new = (set(one.nodes) - set(other.nodes) for one, other in ((earlier, later), (later, earlier)))
    package_of = {node: _package(node) for node in {*earlier.nodes, *later.nodes}}
    before, after = _grouped(gone, package_of), _grouped(new, package_of)
    both = before.keys() & after.keys()
    moved = {node for node in gone | new if package_of[node] in both}
    return GraphDiff(
        added=tuple(sorted(node for node in new if package_of[node] not in both)),
        removed=tuple(sorted(node for node in gone if package_of[node] not in both)),
        changed=tuple(VersionChange(key, before[key], after[key]) for key in sorted(both)),
        edges_added=_edges_only_of(later, earlier, package_of, moved),
        edges_removed=_edges_only_of(earlier, later, package_of, moved),
        root=_pair(earlier.root, later.root),
        flat=_pair(earlier.flat, later.flat),
    )


def _package(node: str) -> str:
    """A canonical package URL, which quotes these signs in its parts, without version and release."""
    rest, hash_sign, subpath = node.partition("#")
    rest, _, qualifiers = rest.partition("?")
    kept = [one for one in qualifiers.split("&") if one and one.partition("=")[0] not in _OF_A_RELEASE]
    return f"{rest.partition('@')[0]}{'?' if kept else ''}{'&'.join(kept)}{hash_sign}{subpath}"


def _grouped(nodes: Iterable[str], package_of: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for node in sorted(nodes):
        groups.setdefault(package_of[node], []).append(node)
    return {package: tuple(group) for package, group in groups.items()}


def _edges_only_of(
    graph: Graph, other: Graph, package_of: Mapping[str, str], moved: Collection[str]
) -> tuple[EdgeChange, ...]:
    others = _edges(other)
    joined = {(package_of[dependent], package_of[dependency]) for dependent, dependency in others}
    return tuple(
        EdgeChange(
            dependent,
            dependency,
            follows=(dependent in moved or dependency in moved)
            and (package_of[dependent], package_of[dependency]) in joined,
        )
        for dependent, dependency in sorted(_edges(graph) - others)
    )


def _edges(graph: Graph) -> set[tuple[str, str]]:
    return {(graph.nodes[dependent], graph.nodes[dependency]) for dependent, dependency in graph.edges}


def _pair(earlier: Value, later: Value) -> tuple[Value, Value] | None:
    return None if earlier == later else (earlier, later)
