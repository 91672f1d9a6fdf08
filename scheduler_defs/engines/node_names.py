"""Which nodes of a graph a person means: a package URL or a name, with or without a version."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

from resources.errors import InvalidInput
from scheduler_defs.engines.graph import Graph
from scheduler_defs.engines.purls import DISTRIBUTION_TYPES, Purl, package_key, parse_purl

ACCEPTED = "a component's package URL, also without its version, or its name or name@version"

_SHOWN = 3
_Test = Callable[[Purl], bool]


def find_nodes(graph: Graph, wanted: str) -> tuple[int, ...]:
    """Return the nodes, as indexes in order, that a text names.

    A package URL names every node that has what it states; what it leaves out (version, qualifiers, subpath)
    may be anything. A name is compared as its ecosystem compares names, with or without its namespace
    ('jinja2', '@babel/core', 'org.slf4j:slf4j-api'), and names every version unless '@version' follows.
    Raises InvalidInput that shows near matches when there is no such node.
    """
    means = _of_purl(wanted) if wanted.startswith("pkg:") else _of_name(wanted)
    parsed = [_parsed(node) for node in graph.nodes]
    found = tuple(
        index
        for index, (node, purl) in enumerate(zip(graph.nodes, parsed, strict=True))
        if node == wanted or (purl is not None and means(purl))
    )
    if found:
        return found
    if wanted.startswith("pkg:"):
        near = _near(wanted, graph.nodes)
    else:
        near = _near(wanted, (_label(purl) for purl in parsed if purl is not None))
    raise InvalidInput("component", wanted, f"{ACCEPTED}; {near}")


def _of_purl(wanted: str) -> _Test:
    try:
        asked = parse_purl(wanted)
    except InvalidInput as error:
        raise InvalidInput("component", wanted, error.expected) from error
    key, subpath = _key(asked), _subpath(asked)
    return lambda purl: (
        _key(purl) == key
        and asked.version in (None, purl.version)
        and asked.qualifiers.items() <= purl.qualifiers.items()
        and subpath in ("", _subpath(purl))
    )


def _of_name(wanted: str) -> _Test:
    head, _, version = wanted.rpartition("@")
    return lambda purl: (
        _is_called(purl, wanted) or (bool(head) and purl.version == version and _is_called(purl, head))
    )


def _is_called(purl: Purl, name: str) -> bool:
    spelled = package_key(purl.type, None, name)
    whole = f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name
    return spelled == purl.package or spelled in (
        package_key(purl.type, None, purl.name),
        package_key(purl.type, None, whole),
    )


def _key(purl: Purl) -> tuple[str, str, str | None]:
    """The package, however it is spelled; a distribution's package key leaves the distribution out."""
    return purl.type, purl.package, purl.namespace if purl.type in DISTRIBUTION_TYPES else None


def _label(purl: Purl) -> str:
    return f"{purl.package}@{purl.version}" if purl.version else purl.package


def _near(wanted: str, labels: Iterable[str]) -> str:
    """Those that hold the text, its version set aside; else those spelled most like it."""
    every: Sequence[str] = sorted({*labels})
    head, _, _ = wanted.rpartition("@")
    bare = (head or wanted).strip().lower()
    holding = [label for label in every if bare and bare in label.lower()]
    near = holding[:_SHOWN] or get_close_matches(bare, every, _SHOWN, cutoff=0.5)
    return f"near are {', '.join(near)}" if near else "no component of this graph is called like it"


def _parsed(node: str) -> Purl | None:
    try:
        return parse_purl(node)
    except InvalidInput:
        return None


def _subpath(purl: Purl) -> str:
    return purl.text.partition("#")[2]
