"""What lies over the graph of an image as things are stored now: matched advisories, VEX statements, findings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resources.inventory_records import AdvisoryRow, FindingView, KnownComponent
from resources.records import Image
from resources.store import Store
from scheduler_defs.engines.impact import Pair, affected_components
from scheduler_defs.engines.layers import Found, Layer, Matched, Stated, overlay_layers
from scheduler_defs.engines.picture import Hit
from scheduler_defs.engines.policy import Verdict
from scheduler_defs.engines.purls import versioned_purl
from scheduler_defs.engines.severity import Severity
from scheduler_defs.engines.subjects import ImageReference
from scheduler_defs.engines.vex import Vex
from scheduler_defs.engines.vex_statements import Statement, VexStatus
from scheduler_defs.ops.matching import candidate_of, said_of, statement_of, vex_names

_SILENT = (VexStatus.NOT_AFFECTED, VexStatus.FIXED)
_BY_HARM = tuple(Verdict)
_Names = tuple[str, str]
"""A component's package URL and an advisory's id."""


@dataclass(frozen=True)
class Overlays:
    """The matched pairs of an image with what VEX states of each, and the open findings its last policy run left."""

    matches: Mapping[Pair, str]
    components: Mapping[int, KnownComponent]
    advisories: Mapping[str, AdvisoryRow]
    statements: Mapping[Pair, Statement]
    findings: Sequence[FindingView]

    def layers(self) -> list[Layer]:
        """The layers over the image's graph."""
        matched = [
            Matched(self._name(pair), pair[1], match, self.advisories[pair[1]].digest)
            for pair, match in self.matches.items()
        ]
        stated = [Stated(self._name(pair), pair[1], one.digest) for pair, one in self.statements.items()]
        found = [
            Found(one.policy, versioned_purl(one.purl, one.version), one.advisory_id, one.verdict, one.rule)
            for one in self.findings
        ]
        return overlay_layers(matched, stated, found)

    def hits(self) -> list[Hit]:
        """Matched pairs with the worst verdict of each, and open findings whose advisory was withdrawn since."""
        verdicts: dict[_Names, list[Verdict]] = {}
        severities: dict[_Names, str] = {}
        for one in self.findings:
            verdicts.setdefault((one.purl, one.advisory_id), []).append(Verdict(one.verdict))
            severities[one.purl, one.advisory_id] = one.severity
        silenced: dict[_Names, bool] = {}
        for pair in self.matches:
            key = self.components[pair[0]].purl, pair[1]
            severities[key] = self.advisories[pair[1]].severity
            stated = self.statements.get(pair)
            silenced[key] = silenced.get(key, True) and stated is not None and stated.status in _SILENT
        return [
            Hit(*key, Severity(severity), _worst(verdicts.get(key, ())), silenced.get(key, False))
            for key, severity in severities.items()
        ]

    def _name(self, pair: Pair) -> str:
        component = self.components[pair[0]]
        return versioned_purl(component.purl, component.version)


def read_overlays(store: Store, image: Image) -> Overlays:
    """Match the image's components with all advisories that hold now, and read what else is known of it."""
    found = affected_components(map(candidate_of, store.images.list_candidates_of(image)))
    matches = dict.fromkeys(found.affected, "affected") | dict.fromkeys(found.unknown, "unknown")
    components = store.images.get_components(image.tenant_id, {component for component, _ in matches})
    advisories = store.advisories.get_many({advisory for _, advisory in matches})
    vex = Vex(map(statement_of, store.vex.list_all(image.tenant_id) if matches else ()))
    reference = ImageReference(image.registry or None, image.repository, image.tag, image.digest)
    return Overlays(
        matches,
        components,
        advisories,
        dict(_stated(vex, matches, components, advisories, reference)),
        store.findings.view_open_of(image),
    )


def _stated(
    vex: Vex,
    pairs: Mapping[Pair, str],
    components: Mapping[int, KnownComponent],
    advisories: Mapping[str, AdvisoryRow],
    image: ImageReference,
) -> Iterator[tuple[Pair, Statement]]:
    for pair in pairs:
        names = vex_names(advisories[pair[1]])
        if statement := said_of(vex, names, components[pair[0]], image):
            yield pair, statement


def _worst(verdicts: Sequence[Verdict]) -> Verdict | None:
    return min(verdicts, key=_BY_HARM.index, default=None)
