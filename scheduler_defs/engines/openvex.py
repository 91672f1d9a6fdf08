"""Reader of OpenVEX documents: specification 0.2.0, and 0.0.1, where products and vulnerabilities are texts."""

from datetime import datetime

from scheduler_defs.engines.json_nodes import Node
from scheduler_defs.engines.purls import Purl
from scheduler_defs.engines.vex_statements import (
    Collector,
    Statement,
    VexDocument,
    VexStatus,
    image_of,
    speaking_of,
)

CONTEXT = "https://openvex.dev/ns"

JUSTIFICATIONS = (
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)

_NOTES = ("impact_statement", "action_statement", "status_notes")


def read(document: Node) -> VexDocument:
    """Read a document.

    Subcomponents are what a statement is about: of an image limited to that image, of any other product in
    every image. An image without subcomponents stands for all of its components. Raises InvalidDocument for a
    wrong time of the document and for statements that are no list.
    """
    issued = _time_of(document)
    collector = Collector()
    for entry in document.need("statements").elements():
        with collector.going_on():
            _read_statement(collector, entry, issued)
    return collector.finish()


def _read_statement(collector: Collector, entry: Node, issued: datetime | None) -> None:
    claim = _claim(entry, issued)
    inherited = "is missing, and an OpenVEX document has no products to inherit"
    products = entry.need("products", inherited)
    if not products.elements():
        raise products.error("is empty; expected at least one product")
    for product in products.elements():
        with collector.going_on():
            _read_product(collector, claim, product, entry.items("subcomponents"))


def _read_product(collector: Collector, claim: Statement, product: Node, shared: list[Node]) -> None:
    """Add what is stated of one product; `shared` are the statement's own subcomponents, as 0.0.1 has them."""
    purl = _purl_of(product)
    own = [] if isinstance(product.value, str) else product.items("subcomponents")
    subcomponents = own or shared
    if not subcomponents:
        collector.add(speaking_of(claim, purl, None))
        return
    image = image_of(purl)
    if image is None:
        raise product.error(
            f"is {purl.text}, which is no image, with subcomponents; expected an image (pkg:oci, pkg:docker), "
            "or the component as the product, which speaks of it in every image"
        )
    for subcomponent in subcomponents:
        with collector.going_on():
            collector.add(speaking_of(claim, _purl_of(subcomponent), image))


def _claim(entry: Node, issued: datetime | None) -> Statement:
    """Return what a statement says, of nothing as yet."""
    vulnerability, aliases = _names(entry.need("vulnerability"))
    status = VexStatus(entry.need("status").one_of(tuple(VexStatus)))
    justification = entry.get("justification") if entry.optional_text("justification") else None
    if status is VexStatus.NOT_AFFECTED and not justification and not entry.optional_text("impact_statement"):
        raise entry.error("is not_affected without a justification; expected that, or an impact_statement")
    stated_at = _time_of(entry) or issued
    if stated_at is None:
        raise entry.error("has no timestamp, and the document has none to inherit")
    return Statement(
        vulnerability=vulnerability,
        aliases=tuple(sorted(aliases - {vulnerability})),
        purl=None,
        image=None,
        status=status,
        justification=justification.one_of(JUSTIFICATIONS) if justification else None,
        note="\n".join(filter(None, map(entry.optional_text, _NOTES))),
        stated_at=stated_at,
    )


def _names(vulnerability: Node) -> tuple[str, set[str]]:
    if isinstance(vulnerability.value, str):
        return vulnerability.text(), set()
    name = vulnerability.get("name") or vulnerability.get("@id") or vulnerability.need("name")
    return name.text(), {alias.text() for alias in vulnerability.items("aliases")}


def _time_of(holder: Node) -> datetime | None:
    stated = holder.get("last_updated") or holder.get("timestamp")
    return stated.time() if stated else None


def _purl_of(component: Node) -> Purl:
    """Return a component's identifiers.purl or its @id; of two package URLs the one that names a version."""
    if isinstance(component.value, str):
        return component.purl()
    identifiers = component.get("identifiers")
    own = identifiers.get("purl") if identifiers else None
    named = component.get("@id")
    if own is None or named is None:
        if (only := own or named) is None:
            raise component.error("names no package URL; expected one in identifiers.purl or in @id")
        return only.purl()
    purl = own.purl()
    if not purl.version and str(named.value).startswith("pkg:"):
        exact = named.purl()
        return exact if exact.version else purl
    return purl
