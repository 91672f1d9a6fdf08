"""What may be asked of a run, by schedule or by hand."""

from resources.errors import InvalidInput
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from resources.store import Store
from scheduler_defs.advisory_names import check_advisories


def mode_of(kind: JobKind, mode: PolicyMode | None) -> PolicyMode | None:
    """The mode of a run of this kind: full by default for policy; raises InvalidInput for the others."""
    if kind is JobKind.POLICY:
        return mode or PolicyMode.FULL
    if mode is not None:
        raise InvalidInput("mode", str(mode), f"no mode for {_a(kind)} run; only policy runs have one")
    return None


def check_priority(priority: int) -> None:
    """Raises InvalidInput outside -100 to 100."""
    if not -100 <= priority <= 100:
        raise InvalidInput("priority", priority, "-100 to 100")


OF_KIND = {
    "advisories": JobKind.IMPACT,
    "since_revision": JobKind.IMPACT,
    "since_last": JobKind.IMPACT,
    "impacted": JobKind.POLICY,
    "draft": JobKind.POLICY,
    "as_of": JobKind.POLICY,
}
OF_SCHEDULES = ("since_last", "impacted", "ingested")
BY_HAND = ("as_of", "ingested_since")
OF_SIMULATIONS = ("draft", "as_of")


def check_selection(
    store: Store, kind: JobKind, mode: PolicyMode | None, selection: Selection, *, scheduled: bool
) -> None:
    """Raises InvalidInput for what runs of this kind, or by hand, do not select by, and for unknown advisories.

    InvalidDocument for a draft that is no policy.
    """
    selection.check_names()
    asked = selection.to_json()
    for name in sorted(asked):
        value = ", ".join(selection.advisories) if name == "advisories" else asked[name]
        if OF_KIND.get(name, kind) is not kind:
            raise InvalidInput(f"selection.{name}", value, f"none for {_a(kind)} run")
        if name in OF_SCHEDULES and not scheduled:
            raise InvalidInput(
                f"selection.{name}", value, "none for a run by hand; it is for a schedule's runs"
            )
        if name in BY_HAND and scheduled:
            raise InvalidInput(f"selection.{name}", value, "none for a schedule; it is for a run by hand")
    check_simulated(mode, selection)
    if selection.ingested and mode is PolicyMode.SIMULATE:
        raise InvalidInput("selection.ingested", "true", "none for a simulation, which leaves nothing done")
    if selection.draft is not None:
        from scheduler_defs.engines.policy import compile_policy  # it takes a while to import

        compile_policy("the draft", selection.draft)
    check_advisories(store, selection)


def check_simulated(mode: PolicyMode | None, selection: Selection) -> None:
    """Raises InvalidInput for what must not become findings in another mode than simulate: a draft, another time."""
    for name, value in selection.to_json().items():
        if name in OF_SIMULATIONS and mode is not PolicyMode.SIMULATE:
            shown = "a policy" if name == "draft" else value
            raise InvalidInput(f"selection.{name}", shown, "none unless the mode is simulate")


def _a(kind: JobKind) -> str:
    return f"an {kind}" if kind is JobKind.IMPACT else f"a {kind}"
