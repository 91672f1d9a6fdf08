"""What may be asked of a run, by schedule or by hand."""

from resources.errors import InvalidInput
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from resources.store import Store


def mode_of(kind: JobKind, mode: PolicyMode | None) -> PolicyMode | None:
    """The mode of a run of this kind: full by default for policy; raises InvalidInput for the others."""
    if kind is JobKind.POLICY:
        return mode or PolicyMode.FULL
    if mode is not None:
        raise InvalidInput("mode", str(mode), f"no mode for a {kind} run; only policy runs have one")
    return None


def check_priority(priority: int) -> None:
    """Raises InvalidInput outside -100 to 100."""
    if not -100 <= priority <= 100:
        raise InvalidInput("priority", priority, "-100 to 100")


def check_advisories(store: Store, kind: JobKind, selection: Selection) -> None:
    """Raises InvalidInput for advisories in a run that is not of impact, or that no feed has brought."""
    if kind is not JobKind.IMPACT:
        for name in sorted({"advisories", "since_revision"} & selection.to_json().keys()):
            value = ", ".join(selection.advisories) if name == "advisories" else selection.since_revision
            raise InvalidInput(f"selection.{name}", value, f"none for a {kind} run")
    unknown = set(selection.advisories) - store.advisories.known(selection.advisories)
    if unknown:
        raise InvalidInput("selection.advisories", ", ".join(sorted(unknown)), "ids of ingested advisories")
