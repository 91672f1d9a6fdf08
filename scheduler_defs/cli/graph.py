"""`scheduler graph`: stored dependency graphs, why a component is in one, and what changed between two."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from resources.errors import InvalidInput
from resources.pages import MOST_A_PAGE
from scheduler_defs.cli.context import begin, json_option, tenant_option
from scheduler_defs.cli.output import fields_of, print_fields, print_json, print_table, printable
from scheduler_defs.cli.stored_graphs import StoredGraph, find_graph
from scheduler_defs.engines.graph_diff import EdgeChange, GraphDiff, VersionChange
from scheduler_defs.engines.graph_diff import diff as compare
from scheduler_defs.engines.paths import why as explain
from scheduler_defs.engines.purls import parse_purl

ARROW = " → "
Row = Mapping[str, Any]


@click.group()
def graph() -> None:
    """Show dependency graphs, why a component is in an image, what changed, and what is vulnerable.

    IMAGE is registry/repository:tag, ...@digest, or a part of them that only one image has; or the digest of a
    graph, at least its first 8 digits. Graph runs build the graphs: scheduler run start --kind graph.
    """


@graph.command()
@click.argument("image")
@tenant_option
@json_option
def show(image: str, tenant: str, as_json: bool) -> None:
    """Show how large and how deep the graph of an image's present SBOM is, and the digests of its layers.

    The layers: the graph; the advisories that affect or may affect the image's components now; the VEX statements
    that hold for those; the open findings as policy runs left them. A graph named by its digest has the first only.
    """
    from scheduler_defs.engines.layers import graph_layer
    from scheduler_defs.overlays import read_overlays

    with begin(tenant) as store:
        found = find_graph(store, tenant, image)
        over = read_overlays(store, found.image) if found.image else None
    layers = [graph_layer(found.graph), *(over.layers() if over else ())]
    fields = _heading(found) | {
        "root": found.graph.root,
        "nodes": len(found.graph.nodes),
        "edges": len(found.graph.edges),
        "max_depth": found.graph.max_depth,
        "direct": found.graph.direct,
        "transitive": found.graph.transitive,
        "unreachable": found.graph.unreachable,
        "cycles": found.graph.cycles,
        "flat": found.graph.flat,
    }
    if as_json:
        print_json(fields | {"layers": layers})
        return
    print_fields(fields)
    click.echo()
    print_table([fields_of(layer) for layer in layers], empty="no layer")


@graph.command()
@click.argument("image")
@tenant_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    default="-",
    metavar="FILE",
    help="Where to write the SVG; by default standard output.",
)
def picture(image: str, tenant: str, output: Path) -> None:
    """Draw the part of an image's graph that leads to its vulnerable components, as SVG.

    The worst 60 nodes at most: colours are severities, a black border says block, a green one silenced by VEX.
    """
    from scheduler_defs.engines.picture import picture_of
    from scheduler_defs.engines.svg import to_svg
    from scheduler_defs.overlays import read_overlays

    with begin(tenant) as store:
        found = find_graph(store, tenant, image)
        if found.image is None:
            raise InvalidInput("image", image, "an image; a graph named by its digest may be of many")
        hits = read_overlays(store, found.image).hits()
    svg = to_svg(picture_of(found.graph, hits), found.image.name)
    if str(output) == "-":
        click.echo(svg, nl=False)
        return
    try:
        output.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise InvalidInput("output", str(output), f"a file that can be written ({error.strerror})") from None


@graph.command()
@click.argument("image")
@click.argument("component")
@tenant_option
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_A_PAGE),
    default=5,
    show_default=True,
    help="At most so many paths.",
)
@json_option
def why(image: str, component: str, tenant: str, limit: int, as_json: bool) -> None:
    """Show by which paths an image comes to a component, the shortest first.

    COMPONENT is a package URL, also without its version, or a name or name@version; it may name several.
    """
    with begin(tenant) as store:
        found = find_graph(store, tenant, image)
    answer = explain(found.graph, component, limit)
    if as_json:
        print_json(_heading(found) | fields_of(answer))
        return
    for path in answer.paths:
        click.echo(printable(ARROW.join(path)))
    for node in answer.unreachable:
        click.echo(f"no path leads from {printable(found.graph.root)} to {printable(node)}", err=True)
    if answer.more:
        click.echo(f"there are more paths than {limit}, see --limit", err=True)


@graph.command()
@click.argument("earlier", metavar="IMAGE")
@click.argument("later", metavar="LATER_IMAGE")
@tenant_option
@json_option
def diff(earlier: str, later: str, tenant: str, as_json: bool) -> None:
    """Compare two graphs: components added, removed or in another version, and dependencies."""
    with begin(tenant) as store:
        before, after = (find_graph(store, tenant, text) for text in (earlier, later))
    found = compare(before.graph, after.graph)
    if as_json:
        print_json({"earlier": _heading(before), "later": _heading(after)} | fields_of(found))
        return
    print_table(_changes(found), wraps={"component", "before", "after"}, empty="no difference")
    click.echo(_counts(found), err=True)


def _heading(found: StoredGraph) -> dict[str, Any]:
    return {"image": found.image_name, "digest": found.graph.digest}


def _changes(found: GraphDiff) -> list[Row]:
    pairs = {"root": found.root, "flat": found.flat}
    rows = [_row(change, None, *pair) for change, pair in pairs.items() if pair]
    rows += [_row("added", node) for node in found.added]
    rows += [_row("removed", node) for node in found.removed]
    rows += [_row("changed", change.package, *_versions(change)) for change in found.changed]
    rows += _edges("edge added", found.edges_added)
    rows += _edges("edge removed", found.edges_removed)
    return rows


def _row(change: str, component: str | None, before: object = None, after: object = None) -> Row:
    return {"change": change, "component": component, "before": before, "after": after}


def _edges(change: str, edges: Sequence[EdgeChange]) -> Iterator[Row]:
    """Those that no changed version explains."""
    for edge in edges:
        if not edge.follows:
            yield _row(change, f"{edge.dependent}{ARROW}{edge.dependency}")


def _versions(change: VersionChange) -> tuple[str, str]:
    """Versions before and after; whole package URLs where those would look alike."""
    before, after = (
        ", ".join(sorted({parse_purl(node).version or "-" for node in nodes}))
        for nodes in (change.before, change.after)
    )
    return (before, after) if before != after else (", ".join(change.before), ", ".join(change.after))


def _counts(found: GraphDiff) -> str:
    nodes = f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
    edges = f"{len(found.edges_added)} edges added, {len(found.edges_removed)} removed"
    following = sum(edge.follows for edge in (*found.edges_added, *found.edges_removed))
    note = f", {following} of them not shown, as they follow changed versions" if following else ""
    return f"{nodes}; {edges}{note}"
