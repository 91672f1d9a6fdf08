"""`scheduler ingest`: SBOMs, advisories, VEX, EPSS and KEV from files."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from resources.errors import InvalidInput
from resources.inventory_records import LeftOut
from resources.texts import moment
from scheduler_defs.cli.context import (
    actor_option,
    begin,
    json_option,
    not_empty,
    open_database,
    page_options,
    tenant_option,
)
from scheduler_defs.cli.options import label_option, read_labels
from scheduler_defs.cli.output import note_next, print_json, print_table, printable, terminal_on_stderr

if TYPE_CHECKING:
    from scheduler_defs.inputs.exploits import IngestedExploits
    from scheduler_defs.inputs.sboms import Placement

SHOWN = 10


class Counts(TypedDict):
    """What an ingestion of several documents tells how far it came."""

    on_bytes: Callable[[int], None]
    on_documents: Callable[[int], None]


@click.group()
def ingest() -> None:
    """Bring in SBOMs, advisories, VEX, EPSS and KEV."""


@ingest.command()
@click.argument("path", metavar="FILE|DIR", type=click.Path(path_type=Path))
@tenant_option
@click.option(
    "--namespace", metavar="NAME", show_default="as it is; new: default", help="Where the images belong."
)
@click.option(
    "--image",
    metavar="REF",
    help="registry/repository:tag@digest, if not as the SBOM says. Of one file only.",
)
@label_option
@click.option("--no-labels", is_flag=True, help="Take off what labels the images have.")
@click.option("--strict", is_flag=True, help="Refuse everything when one SBOM cannot be used.")
@actor_option
def sbom(
    path: Path,
    tenant: str,
    namespace: str | None,
    image: str | None,
    labels: tuple[str, ...],
    no_labels: bool,
    strict: bool,
    actor: str,
) -> None:
    """Keep CycloneDX or SPDX JSON as what images hold now: a file, plain or gzip, or a directory, .zip or .tar.gz.

    Of a directory or archive each .json (.json.gz) is kept on its own, of a .jsonl (.jsonl.gz) each line; what cannot
    be used is left out and listed.
    """
    from scheduler_defs.engines.documents import holds_several
    from scheduler_defs.inputs.sboms import Placement, ingest_sbom

    if labels and no_labels:
        raise InvalidInput("label", ", ".join(labels), "none beside --no-labels")
    wanted = read_labels("label", labels) if labels or no_labels else None
    placement = Placement(namespace, image, wanted)
    if holds_several(path):
        _sboms(path, tenant, placement, strict, actor)
        return
    with _progress([path]) as (on_bytes, progress):
        task = progress.add_task("components", total=None)

        def on_components(written: int, total: int) -> None:
            progress.update(task, completed=written, total=total)

        done = ingest_sbom(open_database(), tenant, path, placement, actor, on_bytes, on_components)
    click.echo(
        f"{printable(done.image.name)}: {done.components} components, {done.dependencies} dependencies, "
        f"{done.unresolved} unresolved, {done.without_purl} without a purl; "
        + ("kept" if done.changed else "unchanged, but for its place" if done.moved else "unchanged")
    )


def _sboms(path: Path, tenant: str, placement: "Placement", strict: bool, actor: str) -> None:
    from scheduler_defs.inputs.sboms import ingest_sboms

    with _counted(path, "SBOMs", strict) as counts:
        done = ingest_sboms(open_database(), tenant, path, placement, actor, strict=strict, **counts)
    click.echo(f"SBOMs: {done.kept} kept, {done.unchanged} unchanged, {done.left_out} left out")
    _show_left_out(done.first, done.left_out)


@ingest.command()
@click.argument("path", metavar="FILE|DIR", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Refuse everything when one record is malformed.")
@actor_option
def advisories(path: Path, strict: bool, actor: str) -> None:
    """Bring in OSV advisories: .json, .jsonl, either with .gz, or a directory, .zip or .tar.gz of them.

    A record that was modified before the one known changes nothing and is counted as older; one that says it was
    modified more than a day ahead is malformed.
    """
    from scheduler_defs.engines.documents import input_files
    from scheduler_defs.inputs.advisories import ingest_advisories

    with _progress(input_files(path)) as (on_bytes, progress):
        task = progress.add_task("advisories", total=None)

        def on_records(total: int) -> None:
            progress.update(task, completed=total)

        done = ingest_advisories(
            open_database(), path, actor, strict=strict, on_bytes=on_bytes, on_records=on_records
        )
    if done.resumed:
        click.echo(f"resumed: {done.resumed} records had been staged before and were not read again")
    revision = "no new revision" if done.revision is None else f"revision {done.revision}"
    click.echo(
        f"{revision}: {done.added} added, {done.changed} changed, {done.unchanged} unchanged, "
        f"{done.older} older, {done.malformed} malformed"
    )
    if done.unsupported:
        click.echo(f"left out, of ecosystems that are not supported: {_packages(done.unsupported)}")
    _show_left_out(done.left_out, done.malformed)


@ingest.command()
@click.option(
    "--tenant",
    metavar="ID",
    callback=lambda _, __, value: value if value is None else not_empty(value),
    help="What a tenant's SBOMs and VEX left out; SCHEDULER_TENANT does not stand in.",
)
@page_options(50)
@json_option
def quarantine(tenant: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """List what imports left out, the newest import first: of advisories, EPSS and KEV, or of one tenant.

    What the last import of each source left out stays until its next one (of EPSS and KEV until the next of their
    kind), at most as long as runs do.
    """
    if tenant is None:
        with open_database().begin_system() as store:
            page = store.imports.list_quarantine(cursor=cursor, limit=limit)
    else:
        with begin(tenant) as store:
            page = store.tenant_quarantine.list(tenant, cursor=cursor, limit=limit)
    if as_json:
        print_json(page.items)
    else:
        rows = [{"at": one.at, "kind": one.kind} | _where(one) for one in page.items]
        print_table(rows, wraps={"file", "path", "reason"}, empty="nothing was left out")
    note_next(page)


@ingest.command()
@click.argument("path", metavar="FILE|DIR", type=click.Path(path_type=Path))
@tenant_option
@click.option(
    "--strict", is_flag=True, help="Refuse everything when one statement or document cannot be used."
)
@actor_option
def vex(path: Path, tenant: str, strict: bool, actor: str) -> None:
    """Bring in VEX statements, OpenVEX or CycloneDX JSON: a file, plain or gzip, or a directory, .zip or .tar.gz.

    Of a directory or archive each .json (.json.gz) is kept on its own, of a .jsonl (.jsonl.gz) each line; what cannot
    be used is left out and listed.
    """
    from scheduler_defs.engines.documents import holds_several
    from scheduler_defs.inputs.vex import ingest_vex, ingest_vex_documents

    if holds_several(path):
        with _counted(path, "documents", strict) as counts:
            done = ingest_vex_documents(open_database(), tenant, path, actor, strict=strict, **counts)
        what = f"documents: {done.documents} read, {done.left_out} left out;"
    else:
        with _progress([path]) as (on_bytes, _):
            done = ingest_vex(open_database(), tenant, path, actor, strict=strict, on_bytes=on_bytes)
        what = f"{printable(path.name)}:"
    click.echo(f"{what} {done.statements} statements, {done.new} new, {done.unusable} unusable")
    _show_left_out(done.first, done.left_out + done.unusable)


@ingest.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Refuse everything when one row is malformed.")
@actor_option
def epss(file: Path, strict: bool, actor: str) -> None:
    """Keep FIRST's scores of how likely exploits are (CSV, plain or gzip), for all tenants."""
    from scheduler_defs.inputs.exploits import ingest_epss

    with _progress([file]) as (on_bytes, _):
        done = ingest_epss(open_database(), file, actor, strict=strict, on_bytes=on_bytes)
    _say_kept("EPSS", done)


@ingest.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Refuse everything when one entry is malformed.")
@actor_option
def kev(file: Path, strict: bool, actor: str) -> None:
    """Keep CISA's catalog of known exploited vulnerabilities (JSON, plain or gzip), for all tenants."""
    from scheduler_defs.inputs.exploits import ingest_kev

    with _progress([file]) as (on_bytes, _):
        done = ingest_kev(open_database(), file, actor, strict=strict, on_bytes=on_bytes)
    _say_kept("KEV", done)


def _say_kept(what: str, done: "IngestedExploits") -> None:
    document = done.document
    click.echo(
        f"{what} {printable(document.version)} of {moment(document.dated_at)}: {document.entries} CVEs; "
        + ("kept" if done.changed else "unchanged")
        + f"; {done.malformed} malformed"
    )
    _show_left_out(done.left_out, done.malformed)


def _packages(counts: Mapping[str, int]) -> str:
    """The ecosystems with most packages first, each with how many."""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    said = [f"{number} packages of {printable(name)}" for name, number in ordered[:SHOWN]]
    more = [f"{sum(number for _, number in ordered[SHOWN:])} of others"] if ordered[SHOWN:] else []
    return ", ".join(said + more)


def _where(one: LeftOut) -> dict[str, object]:
    return {"file": one.file, "line": one.line, "path": one.path, "reason": one.reason}


def _show_left_out(first: Sequence[LeftOut], number: int) -> None:
    if first:
        print_table([_where(one) for one in first], wraps={"file", "path", "reason"}, empty="")
    if number > len(first):
        click.echo(f"and {number - len(first)} more")


@contextmanager
def _counted(path: Path, what: str, twice: bool) -> Iterator[Counts]:
    """Bars of the bytes and documents of a directory or archive; yields what counts them, as arguments."""
    from scheduler_defs.engines.documents import input_files

    with _progress(input_files(path) * (1 + twice)) as (on_bytes, progress):
        task = progress.add_task(what, total=None)
        yield {"on_bytes": on_bytes, "on_documents": lambda count: progress.update(task, completed=count)}


@contextmanager
def _progress(files: Iterable[Path]) -> Iterator[tuple[Callable[[int], None], Progress]]:
    """A bar on stderr, silent where nobody watches; yields what counts the bytes read."""
    console = terminal_on_stderr()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console, disable=console is None) as progress:
        reading: TaskID = progress.add_task("bytes", total=_size(files))
        yield (lambda count: progress.advance(reading, count)), progress


def _size(files: Iterable[Path]) -> int | None:
    """Bytes to read; None when that is not known before."""
    try:
        return sum(file.stat().st_size for file in files) or None
    except OSError:
        return None
