"""What is measured of impact: the images that advisories on changed packages affect."""

import random
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter

from benchmarks import engines_peers as peers
from benchmarks.engines_fleet import Fleet, advisory_of
from benchmarks.engines_house import TENANT, House, all_images, forget_results, spread
from benchmarks.engines_report import BATCHES, BY_ADVISORY, RESCAN, Report, Row, percentile, say
from resources.records import Image
from resources.selection import Selection
from resources.states import JobKind
from scheduler_defs.ops.attempt import Attempt
from scheduler_defs.ops.impact import find_images, find_impact

CHANGED, DRAWS = 20, 20
SHARES = (0.5, 0.95)
Find = Callable[[], set[peers.Hit]]


def measure_impact(house: House, fleet: Fleet, repeat: int, sample: int, report: Report) -> None:
    """The images that advisories on 20 changed packages affect, for 20 draws of such packages a repetition."""
    source = random.Random(f"{fleet.seed} draws")
    images = all_images(house)
    some, known = spread(images, sample), peers.learn(house.database)
    asked = f"impact of {CHANGED} changed packages"
    ids = _percentiles(report, f"{asked}, ids only", 30)
    selector = _percentiles(report, f"{asked}, with selector", 60)
    persisted = _percentiles(report, f"{asked}, snapshot persisted", 120)
    affected: list[int] = []
    for number in range(repeat):
        say(f"impact: repetition {number + 1} of {repeat}")
        found = [_draw(house, fleet, source, report) for _ in range(DRAWS)]
        for rows, values in zip(
            (ids, selector, persisted), zip(*(one.times for one in found), strict=True), strict=True
        ):
            for row, share in zip(rows, SHARES, strict=True):
                row.ours.append(1000 * percentile(values, share))
        affected += [len({image for image, _, _ in one.hits}) for one in found]
        _peers_impact(house, found, (images, some), known, ids, report)
        differing = _by_advisory(house, fleet, found, selector, persisted)
        report.check(f"impact: hits of ours and {BY_ADVISORY}", differing)
    report.facts["affected images of a draw"] = statistics.median(affected)


class Draw:
    """The advisories on some changed packages, what they affect, and how long it took to find that in three ways."""

    def __init__(self, advisories: tuple[str, ...]) -> None:
        self.advisories = advisories
        self.hits: set[peers.Hit] = set()
        self.narrowed: set[peers.Hit] = set()
        self.times: list[float] = []
        self.times_by_advisory: list[float] = []


def _draw(house: House, fleet: Fleet, source: random.Random, report: Report) -> Draw:
    changed = source.sample(fleet.advised, min(CHANGED, len(fleet.advised)))
    draw = Draw(tuple(sorted(advisory_of(package) for package in changed)))
    every = Selection(advisories=draw.advisories)
    narrowed = Selection(namespace=fleet.namespace(0), advisories=draw.advisories)
    ids = house.run(JobKind.IMPACT, affected_images, selection=every)
    some = house.run(JobKind.IMPACT, affected_images, selection=narrowed)
    persisted = house.run(JobKind.IMPACT, find_impact, selection=every)
    draw.narrowed = some.value
    draw.hits, draw.times = ids.value, [ids.seconds, some.seconds, persisted.seconds]
    with house.database.begin(TENANT) as store:
        snapshot = store.impact_snapshots.get_of_run(TENANT, persisted.run.id)
        assert snapshot is not None
        kept = set(store.impact_snapshots.list_images(snapshot))
        chosen = {image.id for image in store.images.select(TENANT, narrowed)}
    report.check("impact: images of the snapshot and of the ids", len(kept ^ {hit[0] for hit in draw.hits}))
    report.check(
        "impact: hits with selector and of all, narrowed",
        len(some.value ^ {hit for hit in draw.hits if hit[0] in chosen}),
    )
    return draw


def affected_images(attempt: Attempt) -> set[peers.Hit]:
    """What an impact run finds before it writes a snapshot."""
    found = find_images(attempt, attempt.selection)
    return {
        (image.id, purl, advisory)
        for image in found.images
        for component in image.components
        for purl, advisory in found.affected.get(component, ())
    }


def _peers_impact(
    house: House,
    draws: Sequence[Draw],
    images: tuple[Sequence[Image], Sequence[Image]],
    known: peers.Known,
    rows: tuple[Row, Row],
    report: Report,
) -> None:
    """The first draw over a part of the images, scaled to all; each draw by advisory."""
    (every, some), database, first = images, house.database, draws[0]
    of_some, held = {image.id for image in some}, known.without_withdrawn(first.advisories)
    expected = {hit for hit in first.hits if hit[0] in of_some}
    ways: Sequence[tuple[str, Find]] = (
        (RESCAN, lambda: peers.rescan_impact(database, some, held)),
        (BATCHES, lambda: peers.batched_impact(database, some, first.advisories)),
    )
    for way, find in ways:
        milliseconds, hits = _timed(find)
        rows[0].peer(way, milliseconds * len(every) / len(some))
        report.check(f"impact: hits of ours and {way}", len(hits ^ expected))
    times = []
    for draw in draws:
        milliseconds, hits = _timed(partial(peers.impact_by_advisory, database, draw.advisories))
        times.append(milliseconds)
        report.check(f"impact: hits of ours and {BY_ADVISORY}", len(hits ^ draw.hits))
    for row, share in zip(rows, SHARES, strict=True):
        row.peer(BY_ADVISORY, percentile(times, share))


def _by_advisory(
    house: House, fleet: Fleet, draws: Sequence[Draw], selector: tuple[Row, Row], persisted: tuple[Row, Row]
) -> int:
    """Each draw by advisory, within a namespace and with what was found kept; returns how many hits differ."""
    database, namespace, differing = house.database, fleet.namespace(0), 0
    for draw in draws:
        for ours, how in ((draw.narrowed, {"namespace": namespace}), (draw.hits, {"kept": True})):
            milliseconds, hits = _timed(partial(peers.impact_by_advisory, database, draw.advisories, **how))
            draw.times_by_advisory.append(milliseconds)
            differing += len(hits ^ ours)
    for rows, times in zip(
        (selector, persisted), zip(*(draw.times_by_advisory for draw in draws), strict=True), strict=True
    ):
        for row, share in zip(rows, SHARES, strict=True):
            row.peer(BY_ADVISORY, percentile(times, share))
    return differing


def _timed(find: Find) -> tuple[float, set[peers.Hit]]:
    forget_results()
    began = perf_counter()
    hits = find()
    return 1000 * (perf_counter() - began), hits


def _percentiles(report: Report, name: str, target: float) -> tuple[Row, Row]:
    return report.row(f"{name}, p50", "ms"), report.row(f"{name}, p95", "ms", target=target)
