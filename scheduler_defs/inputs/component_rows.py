"""What the inventory keeps of the components of an SBOM."""

from itertools import groupby
from operator import attrgetter

from resources.errors import InvalidDocument
from resources.inventory_records import ComponentRow
from scheduler_defs.engines.components import Component
from scheduler_defs.engines.purls import DISTRIBUTION_TYPES
from scheduler_defs.engines.sbom import Sbom

PURL_LIMIT, KEY_LIMIT = 2000, 2500


def in_order(source: str, sbom: Sbom) -> list[Component]:
    """Each component once, in one order for every SBOM, so that two ingestions never wait for each other.

    Raises InvalidDocument for names longer than an index takes.
    """
    for component in sbom.components:
        key = _key(component)
        if len(key[0]) > PURL_LIMIT or len("".join(key).encode()) > KEY_LIMIT:
            reason = f"holds {key[0][:80]!r}…; expected a purl of at most {PURL_LIMIT} characters"
            raise InvalidDocument(
                source,
                sbom.components_path,
                f"{reason}, {KEY_LIMIT} bytes with package, versions and distribution",
            )
    ordered: list[Component] = []
    identity = attrgetter("identity")
    for _, alike in groupby(sorted(sbom.components, key=identity), identity):
        by_key = {_key(component): component for component in alike}
        ordered += (by_key[key] for key in sorted(by_key))
    return ordered


def row_of(component: Component) -> ComponentRow:
    """The row of a component: of a distribution's package the name is its own, the package its source's."""
    own = component.package or component.name
    return ComponentRow(
        purl=component.identity,
        type=component.ecosystem or "generic",
        package=component.source_package or own,
        name=own if component.ecosystem in DISTRIBUTION_TYPES else component.name,
        version=component.version,
        source_version=component.source_version,
        distro=component.distro,
    )


def _key(component: Component) -> tuple[str, ...]:
    package = component.source_package or component.package or component.name
    version, source_version = component.version or "", component.source_version or ""
    return component.identity, package, version, source_version, component.distro or ""
