"""A picture of vulnerable components as SVG: columns from the root on the left, the worst colour of each node."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from resources.errors import InvalidInput
from scheduler_defs.engines.picture import Box, Hit, Picture
from scheduler_defs.engines.policy import Verdict
from scheduler_defs.engines.purls import parse_purl
from scheduler_defs.engines.severity import Severity

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 240, 38, 44, 10, 16
_HEAD = 44
_LETTERS = 32
_FILLS = {
    Severity.CRITICAL: ("#a4133c", "#fff"),
    Severity.HIGH: ("#e5532d", "#fff"),
    Severity.UNKNOWN: ("#7b5ea7", "#fff"),
    Severity.MEDIUM: ("#f2b134", "#222"),
    Severity.LOW: ("#f7e08a", "#222"),
    Severity.NONE: ("#dfe3e8", "#222"),
}
_PLAIN, _QUIET = ("#f4f6f8", "#222"), ("#fff", "#667")
_STYLE = (
    "text{font:12px system-ui,sans-serif}.s{font-size:10.5px}.t{font-weight:600;font-size:13px}"
    "path{fill:none;stroke:#9aa5b1}rect{stroke:#9aa5b1}.b{stroke:#111;stroke-width:2.5}"
    ".v{stroke:#2b8a3e;stroke-dasharray:5 3}.q{stroke-dasharray:2 3}"
)


def to_svg(picture: Picture, image: str) -> str:
    """Return a picture of an image as an SVG document that needs nothing else; texts of documents are escaped."""
    columns = 1 + max(*(box.depth or 0 for box in picture.boxes), bool(picture.more))
    rows = 1 + max(box.row for box in picture.boxes) + bool(picture.more)
    title = f"{image}: {_counted(picture)}"
    width = 2 * MARGIN + max(columns * (WIDTH + GAP_X) - GAP_X, 8 * len(title), 620)
    height = _HEAD + rows * (HEIGHT + GAP_Y) + 3 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff" stroke="none"/>',
        _text(MARGIN, 24, title, "t"),
        *(_edge(picture.boxes[source], picture.boxes[target]) for source, target in picture.edges),
        *(_box(box) for box in picture.boxes),
        *_more(picture.more, rows - 1),
        *_legend(height - MARGIN),
    ]
    return "".join(parts) + "</svg>\n"


def _counted(picture: Picture) -> str:
    match picture.vulnerable:
        case 0:
            return "no component is known to be vulnerable"
        case 1:
            return "1 vulnerable component"
        case count:
            return f"{count} vulnerable components"


def _box(box: Box) -> str:
    """A node: its name, below it the worst of its hits, and where it needs no work, by whom that was said."""
    note, (fill, ink), kind = "", _PLAIN, ""
    if box.hits:
        note, (fill, ink), kind = _described(box.hits)
        if box.depth is None:
            note += " · no path"
    x, y = _place(box)
    return _drawn(x, y, box.node, _name(box.node), note, fill, ink, kind)


def _described(hits: Sequence[Hit]) -> tuple[str, tuple[str, str], str]:
    """The second line of a node, its colours and the style of its border."""
    worst = hits[0]
    loud = [hit for hit in hits if not hit.is_quiet]
    if not loud:
        silenced = any(hit.silenced for hit in hits)
        said = "silenced by VEX" if silenced else "ignored"
        return f"{said} · {_advisories(hits)}", _QUIET, "v" if silenced else "q"
    words = [worst.verdict or "matched", worst.severity, _advisories(loud)]
    return " · ".join(words), _FILLS[worst.severity], "b" if worst.verdict is Verdict.BLOCK else ""


def _advisories(hits: Sequence[Hit]) -> str:
    return hits[0].advisory if len(hits) == 1 else f"{len(hits)} advisories"


def _more(more: Sequence[Hit], row: float) -> Iterator[str]:
    if more:
        _, (fill, ink), kind = _described(more)
        x, y = MARGIN + WIDTH + GAP_X, _HEAD + row * (HEIGHT + GAP_Y)
        note = f"at worst {more[0].verdict or 'matched'} · {more[0].severity}"
        yield _drawn(x, y, "not shown", f"and {len(more)} more", note, fill, ink, kind)


def _drawn(x: float, y: float, title: str, name: str, note: str, fill: str, ink: str, kind: str) -> str:
    """A box with one or two lines of text, of which what does not fit is cut."""
    return (
        f'<svg x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" fill="{ink}"><title>{_escaped(title)}</title>'
        f'<rect x="2" y="2" width="{WIDTH - 4}" height="{HEIGHT - 4}" rx="5" fill="{fill}"{_class(kind)}/>'
        + _text(9, 17 if note else 23, name)
        + (_text(9, 31, note, "s") if note else "")
        + "</svg>"
    )


def _edge(source: Box, target: Box) -> str:
    (x, y), (end_x, end_y) = _place(source), _place(target)
    x, y, end_y = x + WIDTH, y + HEIGHT / 2, end_y + HEIGHT / 2
    middle = (x + end_x) / 2
    return f'<path d="M{x:g} {y:g}C{middle:g} {y:g} {middle:g} {end_y:g} {end_x:g} {end_y:g}"/>'


def _legend(y: float) -> Iterator[str]:
    """The colours' names, and what the borders say."""
    x = MARGIN
    entries = [(str(severity), fill, "") for severity, (fill, _) in _FILLS.items()]
    entries += [("block", "#fff", "b"), ("silenced by VEX", "#fff", "v"), ("ignored", "#fff", "q")]
    for name, fill, kind in entries:
        yield f'<rect x="{x}" y="{y - 10:g}" width="12" height="12" rx="2" fill="{fill}"{_class(kind)}/>'
        yield _text(x + 17, y, name, "s")
        x += 36 + 6 * len(name)


def _place(box: Box) -> tuple[float, float]:
    return MARGIN + (box.depth or 0) * (WIDTH + GAP_X), _HEAD + box.row * (HEIGHT + GAP_Y)


def _name(node: str) -> str:
    """A component as people call it: of a long name the end, of a long version, as a digest is, the beginning."""
    try:
        purl = parse_purl(node)
    except InvalidInput:
        name, version = node, ""
    else:
        name, version = purl.package, f"@{purl.version}" if purl.version else ""
    if len(version) > _LETTERS // 2:
        version = f"{version[: _LETTERS // 2 - 1]}…"
    room = _LETTERS - len(version)
    return (name if len(name) <= room else f"…{name[1 - room :]}") + version


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{_class(kind)}>{_escaped(text)}</text>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _escaped(text: str) -> str:
    """Text for XML, which has no place for most control characters at all."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))
