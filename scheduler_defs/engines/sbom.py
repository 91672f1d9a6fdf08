"""What an SBOM says, whatever its format: a subject, components, and who depends on whom."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from resources.errors import InvalidDocument, InvalidInput
from scheduler_defs.engines.components import Component
from scheduler_defs.engines.digests import digest_of
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


class Collector:
    """Collects the parts of one document, each under a ref that names nothing else."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.components: list[Component] = []
        self.subject: Subject | None = None
        self.root_ref: str | None = None
        self._identities: dict[str, str] = {}
        self._systems: dict[str, set[str]] = {}

    def note_system(self, name: str | None, release: str | None) -> None:
        """Note an operating system that the document names; it tells what packages do not say of themselves."""
        if distro := distro_of(name, release or ""):
            self._systems.setdefault(distro.partition(":")[0], set()).add(distro)
            if purl_type := format_of(distro):
                self._systems.setdefault(f"any {purl_type}", set()).add(distro)

    def describe(self, subject: Subject, ref: str) -> None:
        """Set the subject; comes before the components."""
        self.subject, self.root_ref = subject, ref
        self._identities[ref] = subject.identity

    def add(self, component: Component, place: str) -> None:
        """Add a component whose ref stands at `place`; the same one again under its ref counts once.

        Raises InvalidDocument when the ref names something else already.
        """
        earlier = self._identities.get(component.ref)
        if earlier is None:
            self._identities[component.ref] = component.identity
            self.components.append(component)
        elif earlier != component.identity:
            reason = f"{component.ref!r} names both {earlier} and {component.identity}; expected unique refs"
            raise InvalidDocument(self.source, place, reason)

    def purl(self, text: str | None, place: str) -> Purl | None:
        """Parse the package URL that stands at `place`, if any; raises InvalidDocument."""
        if not text:
            return None
        try:
            return parse_purl(text)
        except InvalidInput as error:
            raise InvalidDocument(self.source, place, str(error)) from error

    def finish(
        self,
        edges: Iterable[Edge],
        *,
        spec_version: str,
        serial_number: str | None,
        subject_path: str,
        components_path: str,
    ) -> Sbom:
        """Build the SBOM of what was added and of its edges; those with an unknown ref are only counted.

        Where several operating systems come into question it stays open which one a component is part of.
        """
        components = tuple(map(self._of_system, self.components))
        stated = list(edges)
        kept = [edge for edge in stated if edge[0] in self._identities and edge[1] in self._identities]
        dependencies = tuple(sorted(set(kept)))
        return Sbom(
            spec_version=spec_version,
            serial_number=serial_number,
            subject=self.subject,
            components=components,
            dependencies=dependencies,
            root_ref=self.root_ref,
            digest=self._digest(components, dependencies),
            unresolved=len(stated) - len(kept),
            subject_path=subject_path,
            components_path=components_path,
        )

    def _of_system(self, component: Component) -> Component:
        found = self._systems.get(component.distro or f"any {component.ecosystem}", ())
        distro = next(iter(found)) if len(found) == 1 else component.distro
        return component if distro == component.distro else replace(component, distro=distro)

    def _digest(self, components: Iterable[Component], edges: Iterable[Edge]) -> str:
        rows = {
            (one.identity, one.type, one.version or "", one.source_package or "", one.source_version or "")
            + ((one.distro,) if one.distro else ())
            for one in components
        }
        pairs = {(self._identities[source], self._identities[target]) for source, target in edges}
        root = self.subject.identity if self.subject else STAND_IN_ROOT
        return digest_of({"root": root, "components": sorted(rows), "edges": sorted(pairs)})
