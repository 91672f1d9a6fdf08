"""What an SBOM says, whatever its format: a subject, components, and who depends on whom."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.components import Component
from scheduler_defs.engines.digests import digest_of_object
from scheduler_defs.engines.distros import distro_of, format_of
from scheduler_defs.engines.purls import Purl, generic_purl, parse_purl
from scheduler_defs.engines.subjects import Subject

STAND_IN_ROOT = generic_purl(None, "unnamed", None)

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sbom:
    """An SBOM as read.

    `subject` and `root_ref` are None when the document names no subject. `dependencies` are unique
    (dependent, dependency) pairs of refs; `unresolved` counts those dropped because a ref names nothing.
    `digest` covers root, components and edges by identity, and the distributions of components, whatever
    their order, refs, timestamps or format.
    `subject_path` and `components_path` are where the document has them, as JSON pointers for messages.
    """

    spec_version: str
    serial_number: str | None
    subject: Subject | None
    components: tuple[Component, ...]
    dependencies: tuple[Edge, ...]
    root_ref: str | None
    digest: str
    unresolved: int
    subject_path: str
    components_path: str

    @property
    def root(self) -> str:
        """The subject's identity, or a stand-in when the document names no subject."""
        return self.subject.identity if self.subject else STAND_IN_ROOT

    @property
    def without_purl(self) -> int:
        """How many components have no package URL, so that no advisory can match them."""
        return sum(component.purl is None for component in self.components)

    def identities(self) -> dict[str, str]:
        """Map each ref, the root's included, to its identity."""
        found = {component.ref: component.identity for component in self.components}
        if self.root_ref is not None:
            found[self.root_ref] = self.root
        return found


MOST, MOST_EDGES = 500_000, 1_000_000
"""Components and edges of one SBOM: each takes memory, however little the document says of it."""


class Collector:
    """Collects the parts of one document, each under a ref that names nothing else."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.subject: Subject | None = None
        self.root_ref: str | None = None
        self._named: dict[str, Component] = {}
        self._edges: set[Edge] = set()
        self._unresolved = 0
        self._systems: dict[str, set[str]] = {}

    @property
    def has_components(self) -> bool:
        """Whether there is a component, besides the subject."""
        return len(self._named) > (self.subject is not None)

    def knows(self, ref: str) -> bool:
        """Return whether a ref names a component or the subject."""
        return ref in self._named

    def note_system(self, name: str | None, release: str | None) -> None:
        """Note an operating system that the document names; it tells what packages do not say of themselves."""
        if distro := distro_of(name, release or ""):
            self._systems.setdefault(distro.partition(":")[0], set()).add(distro)
            if purl_type := format_of(distro):
                self._systems.setdefault(f"any {purl_type}", set()).add(distro)

    def describe(self, subject: Subject, ref: str) -> None:
        """Set the subject; comes before the components."""
        self.subject, self.root_ref = subject, ref
        self._named[ref] = Component(ref, subject.identity, "", subject.name, subject.version)

    def add(self, component: Component, place: str) -> None:
        """Add a component whose ref stands at `place`; the same one again under its ref counts once.

        Raises InvalidDocument when the ref names something else already, and for more components than MOST.
        """
        earlier = self._named.setdefault(component.ref, component)
        if len(self._named) > MOST + (self.subject is not None):
            raise InvalidDocument(self.source, place, f"is one component more than the {MOST} of an SBOM")
        if earlier.identity != component.identity:
            both = f"{earlier.identity} and {component.identity}"
            reason = f"{component.ref!r} names both {both}; expected unique refs"
            raise InvalidDocument(self.source, place, reason)

    def connect(self, edges: Iterable[Edge]) -> None:
        """Add edges between what was added; those with an unknown ref are only counted.

        Of each ref the text of the component is kept, not that of the edge. Raises InvalidDocument for more edges than
        MOST_EDGES.
        """
        for source, target in edges:
            dependent, dependency = self._named.get(source), self._named.get(target)
            if dependent and dependency:
                self._edges.add((dependent.ref, dependency.ref))
                if len(self._edges) > MOST_EDGES:
                    raise InvalidDocument(self.source, "", f"states more than {MOST_EDGES} dependencies")
            else:
                self._unresolved += 1

    def purl(self, text: str | None, place: str) -> Purl | None:
        """Parse the package URL that stands at `place`, if any; raises InvalidDocument."""
        if not text:
            return None
        try:
            return parse_purl(text)
        except InvalidInput as error:
            raise InvalidDocument(self.source, place, str(error)) from error

    def finish(
        self, *, spec_version: str, serial_number: str | None, subject_path: str, components_path: str
    ) -> Sbom:
        """Build the SBOM of what was added; comes last.

        Where several operating systems come into question it stays open which one a component is part of.
        """
        for ref, component in self._named.items():
            self._named[ref] = self._of_system(component)
        components = tuple(one for ref, one in self._named.items() if ref != self.root_ref)
        dependencies = tuple(sorted(self._edges))
        self._edges.clear()
        return Sbom(
            spec_version=spec_version,
            serial_number=serial_number,
            subject=self.subject,
            components=components,
            dependencies=dependencies,
            root_ref=self.root_ref,
            digest=self._digest(components, dependencies),
            unresolved=self._unresolved,
            subject_path=subject_path,
            components_path=components_path,
        )

    def _of_system(self, component: Component) -> Component:
        found = self._systems.get(component.distro or f"any {component.ecosystem}", ())
        distro = next(iter(found)) if len(found) == 1 else component.distro
        return component if distro == component.distro else replace(component, distro=distro)

    def _digest(self, components: Iterable[Component], edges: Iterable[Edge]) -> str:
        pairs = sorted(
            (self._named[source].identity, self._named[target].identity) for source, target in edges
        )
        return digest_of_object(
            {
                "root": self.subject.identity if self.subject else STAND_IN_ROOT,
                "components": _rows(components),
                "edges": (pair for pair, _ in groupby(pairs)),
            }
        )


def _rows(components: Iterable[Component]) -> Iterator[tuple[str, ...]]:
    """Yield what the digest covers of each component, sorted, each once."""
    identity = attrgetter("identity")
    for _, alike in groupby(sorted(components, key=identity), identity):
        yield from sorted(set(map(_row, alike)))


def _row(one: Component) -> tuple[str, ...]:
    row = one.identity, one.type, one.version or "", one.source_package or "", one.source_version or ""
    return (*row, one.distro) if one.distro else row
