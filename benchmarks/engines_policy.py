"""What is measured of policy: full runs, incremental ones, and whether both leave the same findings."""

from collections.abc import Callable, Sequence
from time import perf_counter
from uuid import UUID

from benchmarks import engines_peers as peers
from benchmarks.engines_fleet import MARKED_LABEL, Fleet
from benchmarks.engines_house import TENANT, House, all_images, forget_results, spread
from benchmarks.engines_report import BATCHES, RESCAN, Report, Row, say
from resources.records import Image
from resources.selection import Selection
from resources.states import JobKind, PolicyMode
from scheduler_defs.ops.attempt import Attempt, Result
from scheduler_defs.ops.policy import evaluate_policies

Finding = tuple[UUID, UUID, int, str, str, str]
Way = tuple[str, Callable[[], None]]


def measure_policy(house: House, fleet: Fleet, repeat: int, sample: int, report: Report) -> None:
    """Full runs on an empty table and on one that is full, incremental ones between; the peers' ways first."""
    first = report.row("full policy, first run", "images/s", target=2000, more_is_better=True)
    again = report.row("full policy, findings known", "images/s", target=2000, more_is_better=True)
    changed = f"{fleet.marked:,} changed images"
    named = report.row(f"incremental policy, {changed} selected", "s", target=1)
    among = report.row(f"incremental policy, {changed} of all {fleet.images:,}", "s")
    some = spread(all_images(house), sample)
    for number in range(repeat):
        say(f"policy: repetition {number + 1} of {repeat}")
        found = _peers_policy(house, some, (first, named, again), fleet.marked)
        house.forget_evaluations()
        seconds, _ = _evaluate(house, PolicyMode.FULL)
        first.ours.append(fleet.images / seconds)
        _compare(house, found, some, report)
        house.tidy()
        for turn, (row, selection) in enumerate(
            ((named, Selection(labels=MARKED_LABEL)), (among, Selection()))
        ):
            house.ingest_advisories([fleet.marking(2 * number + turn + 1)])
            seconds, result = _evaluate(house, PolicyMode.INCREMENTAL, selection)
            row.ours.append(seconds)
            report.check("incremental: images evaluated", abs(result.stats["evaluated"] - fleet.marked))
        after = open_findings(house)
        seconds, result = _evaluate(house, PolicyMode.FULL)
        again.ours.append(fleet.images / seconds)
        differing = sum(result.deltas[name] for name in ("new", "fixed", "changed"))
        report.check("incremental and full: findings", len(after ^ open_findings(house)) + differing)


def _compare(house: House, found: dict[str, set[Finding]], some: Sequence[Image], report: Report) -> None:
    """Holds what the peers' ways found of some images against what ours left."""
    ours, of_some = open_findings(house), {image.id for image in some}
    report.facts["findings"] = len(ours)
    expected = {one for one in ours if one[0] in of_some}
    for way, theirs in found.items():
        report.check(f"policy: findings of ours and {way}", len(theirs ^ expected))


def _evaluate(house: House, mode: PolicyMode, selection: Selection | None = None) -> tuple[float, Result]:
    measured = house.run(JobKind.POLICY, evaluate_policies, selection=selection, mode=mode)
    return measured.seconds, measured.value


def _peers_policy(
    house: House, some: Sequence[Image], rows: tuple[Row, Row, Row], marked: int
) -> dict[str, set[Finding]]:
    """What the peers' ways find, each on an empty table, and how fast."""
    (first, named, again), database = rows, house.database
    run = house.run(JobKind.IMPACT, _nothing, selection=Selection(namespace="none")).run
    known, policies = peers.learn(database), peers.compiled(database)
    ways: Sequence[Way] = (
        (RESCAN, lambda: peers.rescan_policy(database, run, some, known, policies)),
        (BATCHES, lambda: peers.batched_policy(database, run, some, policies)),
    )
    found = {}
    for way, evaluate in ways:
        house.forget_evaluations()
        forget_results()
        began = perf_counter()
        evaluate()
        seconds = perf_counter() - began
        for row in (first, again):
            row.peer(way, len(some) / seconds)
        named.peer(way, marked * seconds / len(some))
        found[way] = open_findings(house)
    return found


def _nothing(_attempt: Attempt) -> None:
    """The engine of a run that only lends its name to the findings of the peers."""


def open_findings(house: House) -> set[Finding]:
    """Every open finding, with its severity and verdict."""
    images = [image.id for image in all_images(house)]
    with house.database.begin(TENANT) as store:
        return {
            (one.image_id, one.policy_id, one.component_id, one.advisory_id, one.severity, one.verdict)
            for one in store.findings.list_open_of(TENANT, images)
        }
