"""`scheduler impact`: which images runs found affected, and how that changed."""

from uuid import UUID

import click

from resources.errors import NotFound
from resources.image_names import names_by_id
from resources.records import AffectedBy, ImpactSnapshot
from resources.selection import Selection
from resources.store import Store
from scheduler_defs.cli.context import begin, json_option, page_options, tenant_option
from scheduler_defs.cli.output import fields_of, note_next, print_fields, print_json, print_table, short


@click.group()
def impact() -> None:
    """Show which images runs found affected."""


@impact.command("list")
@tenant_option
@click.option("--schedule", metavar="NAME", help="Only of runs of this schedule.")
@page_options(20)
@json_option
def list_snapshots(tenant: str, schedule: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """List what impact runs found, newest first."""
    with begin(tenant) as store:
        schedule_id = None if schedule is None else store.schedules.get_by_name(tenant, schedule).id
        page = store.impact_snapshots.list(tenant, schedule_id=schedule_id, cursor=cursor, limit=limit)
    if as_json:
        print_json(page.items)
    else:
        rows = [
            {
                "run": short(one.run_id),
                "affected": one.total,
                "unknown": one.unknown,
                "feed revision": one.feed_revision,
                "digest": one.digest[:12],
                "found": one.created_at,
            }
            for one in page.items
        ]
        print_table(rows, empty="no impact run has found anything yet")
    note_next(page)


@impact.command()
@click.argument("run_id", metavar="RUN")
@tenant_option
@page_options(50)
@json_option
def show(run_id: str, tenant: str, limit: int, cursor: str | None, as_json: bool) -> None:
    """Show what an impact run found: the images that are or may be affected, and why."""
    with begin(tenant) as store:
        snapshot = _of_run(store, tenant, run_id)
        page = store.impact_snapshots.page_images(snapshot, cursor=cursor, limit=limit)
        names = _names(store, tenant)
    if as_json:
        images = [fields_of(one) | {"image": _name(names, one.image_id)} for one in page.items]
        print_json(fields_of(snapshot) | {"images": images})
    else:
        print_fields(fields_of(snapshot))
        doubts = any(one.unknown for one in page.items)
        rows = [_row(names, one, doubts=doubts) for one in page.items]
        print_table(
            rows, wraps={"image", "advisories", "components", "not comparable"}, empty="no image is affected"
        )
    note_next(page)


@impact.command()
@click.argument("earlier", metavar="RUN")
@click.argument("later", metavar="LATER_RUN")
@tenant_option
@json_option
def diff(earlier: str, later: str, tenant: str, as_json: bool) -> None:
    """Compare what two impact runs found: images added, removed, or affected for other reasons."""
    with begin(tenant) as store:
        before, after = (_of_run(store, tenant, run_id) for run_id in (earlier, later))
        found = store.impact_snapshots.diff(tenant, before.id, after.id)
        names = _names(store, tenant)
    if as_json:
        print_json(found)
        return
    changes = {"added": found.added, "removed": found.removed, "changed": found.changed}
    rows = [{"change": change, "image": _name(names, one)} for change, ids in changes.items() for one in ids]
    print_table(rows, wraps={"image"}, empty="no difference")
    counts = ", ".join(f"{len(ids)} {change}" for change, ids in changes.items())
    click.echo(f"{counts}, {found.unchanged} unchanged", err=True)


def _of_run(store: Store, tenant: str, text: str) -> ImpactSnapshot:
    run = store.runs.find(tenant, text)
    found = store.impact_snapshots.get_of_run(tenant, run.id)
    if found is None:
        raise NotFound("impact snapshot of run", str(run.id))
    return found


def _names(store: Store, tenant: str) -> dict[UUID, str]:
    return names_by_id(store.images.select(tenant, Selection()))


def _name(names: dict[UUID, str], image_id: UUID) -> str:
    """The image's name; its id once it is gone: a snapshot outlives its images."""
    return names.get(image_id, str(image_id))


def _row(names: dict[UUID, str], one: AffectedBy, *, doubts: bool) -> dict[str, str]:
    row = {
        "image": _name(names, one.image_id),
        "advisories": ", ".join(sorted({advisory for _, advisory in one.reasons})),
        "components": ", ".join(sorted({purl for purl, _ in one.reasons})),
    }
    return row | ({"not comparable": ", ".join(sorted({purl for purl, _ in one.unknown}))} if doubts else {})
