"""Measures the engines on a generated fleet, beside the same work done the ways that other products do it.

Usage, from the repository: .venv/bin/python -m benchmarks.engines [--images 10000] [--components 300] [--json PATH]

Prints medians of the repetitions with their targets; asserts nothing about time. Exits 1 when ours and the peers'
ways, or an incremental and a full evaluation, do not find the same.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engines_fleet import Fleet
from benchmarks.engines_house import throw_away_house
from benchmarks.engines_impact import measure_impact
from benchmarks.engines_inputs import measure_graph, measure_ingest
from benchmarks.engines_policy import measure_policy
from benchmarks.engines_report import Memory, Report, load, pace

PEERS_IMAGES = 1000
Step = tuple[str, Callable[[], None]]
NOTES = (
    "Medians of the repetitions; of the ingest, of equal parts of the fleet. In brackets: how much better ours is.",
    "Re-scan: each image's SBOM is read again. SQL by 25: a statement an image, 25 images a transaction. By advisory: "
    "a statement for each changed advisory. The first two take --peer-images images a repetition, scaled to all.",
    "Row by row: two statements a component, one for each advisory and one for each range, in one transaction an SBOM "
    "or feed, after our reader and validation. Of 4 SBOMs a repetition and of 200 advisories once, scaled by the row.",
    "Library: the objects of cyclonedx-python-lib and the edges that it reads, measured once and without its "
    "validation, which takes many times as long; ours has one.",
    "Before each repetition the engines forget what they remember of values, as a new run's process does; connections "
    "stay open, as between the runs of one launch. Findings and work items are removed before a first run; after the "
    "ingest, and after each first run, tables are vacuumed and analyzed, as autovacuum would in time.",
    "Engines are timed within a run that is opened, begun and closed as a launch does it; Dagster's own process and "
    "event log are not in the figures, nor is the server's disk: it runs with fsync off.",
    "The product is asked for the impact of advisories, not of packages: the changed packages are given as the ids of "
    "the advisories on them. Ids only is what an impact run finds before it writes (find_images).",
    "Incremental runs have no peer: shown is what its way takes for as many images, if somebody told it which.",
    "The peers' ways have the advisories in memory or the policies compiled before the clock starts, and keep no queue "
    "of work items.",
    "Pace: a loop of Python, before the first step and after each; the milliseconds of two runs compare by it.",
    "Peak RSS is of this process alone, with the peers' ways and the comparisons of this benchmark in it.",
)


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.engines", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--images", type=_positive, default=10_000)
    parser.add_argument("--components", type=_positive, default=300, help="of an image; at least 20")
    parser.add_argument("--findings", type=float, default=10, help="of an image, about; default: %(default)s")
    parser.add_argument("--repeat", type=_positive, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--json", type=Path, metavar="PATH", help="where to write everything that was measured"
    )
    parser.add_argument(
        "--directory", type=Path, help="where the throw-away server lives; default: the system's"
    )
    parser.add_argument(
        "--peer-images",
        type=int,
        default=PEERS_IMAGES,
        help="how many images the peers' per-image ways take a repetition, scaled to all; 0: all; default: %(default)s",
    )
    options = parser.parse_args()
    if options.components < 20:
        parser.error("--components: at least 20")
    return options


def main() -> int:
    """Measures everything; returns the exit code."""
    options = parsed()
    for name in [name for name in os.environ if name.startswith("SCHEDULER_")]:
        del os.environ[name]
    names = ("images", "components", "findings", "repeat", "seed", "peer_images")
    report = Report({name: getattr(options, name) for name in names}, notes=list(NOTES))
    fleet = Fleet(options.images, options.components, options.findings, options.seed)
    report.facts["load at the start"] = load()
    report.facts["pace, ms"] = [pace()]
    repeat, sample = options.repeat, options.peer_images
    memory, peaks = Memory(), {}
    with throw_away_house(options.directory) as house:
        steps: Sequence[Step] = (
            ("ingest", lambda: measure_ingest(house, fleet, repeat, report)),
            ("graph", lambda: measure_graph(house, fleet, repeat, report)),
            ("impact", lambda: measure_impact(house, fleet, repeat, sample, report)),
            ("policy", lambda: measure_policy(house, fleet, repeat, sample, report)),
        )
        for name, measure in steps:
            memory.reset()
            measure()
            peaks[name] = memory.peak_mib()
            report.facts["pace, ms"].append(pace())
    for name, peak in peaks.items():
        report.row(f"peak RSS of this process, {name}", "MiB").ours.append(peak)
    report.facts["load at the end"] = load()
    report.print()
    if options.json:
        report.write(options.json)
    return 0 if report.is_right else 1


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
