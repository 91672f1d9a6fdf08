"""`scheduler policy`: what the tenant's policies say."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import click

from resources.errors import InvalidDocument, NotFound
from resources.records import PolicyRevision
from resources.selection import Selection
from resources.states import JobKind, LogLevel, PolicyMode
from scheduler_defs.cli.context import actor_option, begin, json_option, tenant_option
from scheduler_defs.cli.following import announce, check_timeout, timeout_option
from scheduler_defs.cli.options import as_of_option, at_instant, simulation_options
from scheduler_defs.cli.output import print_json, print_table, printable
from scheduler_defs.edits.policies import remove_policy

LIMIT = 1 << 20
DIFFERENCE = ("image", "component", "advisory", "policy", "was", "now")


@click.group()
def policy() -> None:
    """Apply, try, show and remove policies."""


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@tenant_option
@actor_option
def apply(file: Path, tenant: str, actor: str) -> None:
    """Make a YAML file the current revision of the policy it names."""
    from scheduler_defs.inputs.policies import apply_policy

    document = _read(file)
    with begin(tenant) as store:
        done = apply_policy(store, tenant, str(file), document, actor)
    current = done.revision
    click.echo(
        f"policy {current.name}: revision {current.revision} " + ("applied" if done.changed else "unchanged")
    )
    if done.ended:
        names = ", ".join(map(printable, done.ended))
        click.echo(f"exceptions that have ended, and exempt nothing: {names}", err=True)


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@tenant_option
@simulation_options
@as_of_option
@click.option("--wait", is_flag=True, help="Wait until it is known what the file would change.")
@timeout_option
@actor_option
def simulate(
    file: Path,
    tenant: str,
    selection: Selection,
    as_of: str | None,
    wait: bool,
    timeout: timedelta | None,
    actor: str,
) -> None:
    """Ask what a YAML file would change beside the findings of the last runs; writes none itself."""
    from scheduler_defs.edits.runs import request_run
    from scheduler_defs.engines.policy import compile_policy

    check_timeout(timeout, wait, "--wait")
    draft = _read(file)
    compile_policy(str(file), draft)  # so that what is wrong is told of the file
    wanted = replace(at_instant(selection, as_of), draft=draft)
    with begin(tenant) as store:
        mode = PolicyMode.SIMULATE
        run_id = request_run(store, tenant, JobKind.POLICY, actor, selection=wanted, mode=mode)
    announce(tenant, run_id, wait, timeout)
    if wait:
        _print_differences(tenant, run_id)


def _print_differences(tenant: str, run_id: UUID) -> None:
    with begin(tenant) as store:
        deltas = store.runs.get(tenant, run_id).deltas
        lines = store.execution_logs.tail(tenant, run_id, level=LogLevel.INFO).items
    counts = {name: deltas.get(name, 0) for name in ("new", "fixed", "changed")}
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))
    told = [{name: line.fields[name] for name in DIFFERENCE} for line in lines if "was" in line.fields]
    if told:
        print_table(told, wraps={"image", "component"}, empty="")
    if sum(counts.values()) > len(told):
        click.echo(f"there are more: these are the first {len(told)}", err=True)


@policy.command("list")
@tenant_option
@json_option
def list_policies(tenant: str, as_json: bool) -> None:
    """List policies at their current revisions; those that were removed are left out."""
    with begin(tenant) as store:
        policies = store.policies.list(tenant)
    if as_json:
        print_json(policies)
        return
    rows = [{"name": one.name, "revision": one.revision, "sha256": one.digest} for one in policies]
    print_table(rows, wraps={"name"}, empty="no policies")


@policy.command()
@click.argument("name")
@tenant_option
@actor_option
def remove(name: str, tenant: str, actor: str) -> None:
    """Remove a policy: runs leave it out, and its findings are closed.

    Its revisions stay; applying a document of its name brings it back as the next one.
    """
    with begin(tenant) as store:
        removed, closed = remove_policy(store, tenant, name, actor)
        left = store.policies.list(tenant)
    findings = f"{closed} open finding{'' if closed == 1 else 's'}"
    click.echo(f"policy {printable(removed.name)} is removed; {findings} closed")
    if not left:
        click.echo("the tenant has no policy any more; until one is applied its policy runs fail", err=True)


@policy.command()
@click.argument("name")
@click.option(
    "--revision",
    type=click.IntRange(1, 2**31 - 1),
    help="An earlier one, also of a policy that was removed; the current one by default.",
)
@tenant_option
@json_option
def show(name: str, revision: int | None, tenant: str, as_json: bool) -> None:
    """Print a policy's document as it was applied."""
    with begin(tenant) as store:
        if revision is None:
            found = _named(store.policies.list(tenant), name)
        else:
            found = store.policies.get_revision(tenant, name, revision)
    if as_json:
        print_json(found)
    else:
        click.echo(found.document, nl=not found.document.endswith("\n"))


def _named(policies: list[PolicyRevision], name: str) -> PolicyRevision:
    for one in policies:
        if one.name == name:
            return one
    raise NotFound("policy", name)


def _read(file: Path) -> str:
    from scheduler_defs.engines.documents import read_document

    try:
        return read_document(file, limit=LIMIT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidDocument(str(file), "", f"is not UTF-8 ({error.reason} at byte {error.start})") from None
