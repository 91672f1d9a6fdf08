"""Measures what an ingest of large files takes in time and memory: 1 GB of advisories, SBOMs of 80 MB.

Usage, from the repository: .venv/bin/python -m benchmarks.ingest_memory [--scale 1] [--only sbom] [--json PATH]

One SBOM has what scanners write, the lean one little but package URLs: seven times the components in as many bytes.

Each file is ingested by the command, in a process of its own on a throw-away server; the advisories once more, when all
of them are known. Prints seconds, records a second and that process's peak RSS, which the server is no part of.
Asserts nothing about time or memory. Exits 1 when what is kept is not as many as were written.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engines_house import TENANT, House, throw_away_house
from benchmarks.engines_report import Report, load, say
from benchmarks.ingest_files import write_lean_sbom, write_sbom, write_tar, write_zip

MEGABYTE = 10**6
ARCHIVE, SBOM = 1000 * MEGABYTE, 80 * MEGABYTE
MOST_MIB = 500 * MEGABYTE // (1 << 20)
ARCHIVES = {"zip": write_zip, "tar.gz": write_tar}
SBOMS = {"sbom": write_sbom, "lean sbom": write_lean_sbom}
WRITERS = ARCHIVES | SBOMS
NOTES = (
    "Peak RSS is VmHWM of the process that ingests, from its start to its end; PostgreSQL's memory is its own.",
    "The advisories again: the same ones from a file that was written again, so that nothing is skipped.",
    "The server runs with fsync off, on the same processors.",
)
CHILD = """
import sys
from pathlib import Path
from scheduler_defs.cli.main import main
try:
    main(sys.argv[1:])
finally:
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
"""


def measure(house: House, what: str, size: int, seed: int, report: Report) -> None:
    """Writes one file and ingests it; advisories twice."""
    path = house.directory / ("large.cdx.json" if what in SBOMS else f"all.{what}")
    say(f"writing {size / MEGABYTE:,.0f} MB as {path.name}")
    records = WRITERS[what](path, size, seed)
    report.facts[what] = f"{records:,} records, {path.stat().st_size / MEGABYTE:,.0f} MB on disk"
    if what in SBOMS:
        kept = _ingest(house, report, what.replace("sbom", "SBOM"), records, "sbom", path, "--tenant", TENANT)
        report.check(f"components written and kept, {what}", abs(records - kept))
    else:
        kept = _ingest(house, report, f"advisories, {what}", records, "advisories", path)
        report.check(f"advisories written and kept, {what}", abs(records - kept))
        path.touch()
        _ingest(house, report, f"the same again, {what}", records, "advisories", path)
    path.unlink()


def _ingest(house: House, report: Report, name: str, records: int, *arguments: object) -> int:
    """Runs the command, adds its three figures; returns how many it says it kept or had."""
    say(f"ingesting: {name}")
    settings = {
        "SCHEDULER_PERSISTENCE": "embedded",
        "SCHEDULER_DATA_DIRECTORY": str(house.database.settings.data_directory),
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
    }
    began = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, "ingest", *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")}
        | settings,
    )
    seconds = perf_counter() - began
    said, peak = done.stdout.strip().splitlines()[0], done.stdout.split()[-1]
    say(said)
    report.row(name, "s").ours.append(seconds)
    report.row(name, "records/s").ours.append(records / seconds)
    report.row(f"{name}: peak RSS", "MiB", target=MOST_MIB).ours.append(int(peak) / 1024)
    return sum(int(number) for number in re.findall(r"(\d+) (?:added|changed|unchanged|components)", said))


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.ingest_memory", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--scale", type=float, default=1, help="of the sizes; default: %(default)s")
    parser.add_argument("--only", choices=[*WRITERS], action="append", help="may be given several times")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--directory", type=Path, help="where the server and the files are put meanwhile")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write everything as JSON")
    return parser.parse_args()


def main() -> int:
    """Runs everything; returns the exit code."""
    options = parsed()
    report = Report({"scale": options.scale, "seed": options.seed}, notes=list(NOTES))
    report.facts["load before"] = load()
    with throw_away_house(options.directory) as house:
        for what in options.only or WRITERS:
            size = int((SBOM if what in SBOMS else ARCHIVE) * options.scale)
            measure(house, what, size, options.seed + list(WRITERS).index(what), report)
    report.print()
    if options.json:
        report.write(options.json)
    return 0 if report.is_right else 1


if __name__ == "__main__":
    sys.exit(main())
