"""`scheduler finding`: what policies found."""

from collections.abc import Mapping
from uuid import UUID

import click

from resources.image_names import image_name, names_by_id
from resources.inventory_records import FindingView
from resources.selection import Selection
from resources.states import JobKind, RunState
from resources.store import Store
from scheduler_defs.advisory_names import check_advisories
from scheduler_defs.cli.context import begin, json_option, limit_option, tenant_option
from scheduler_defs.cli.options import finding_options
from scheduler_defs.cli.output import note_limit, print_json, print_table
from scheduler_defs.engines.purls import versioned_purl

VERDICTS = ("block", "warn", "ignore")


@click.group()
def finding() -> None:
    """List what policies found."""


@finding.command("list")
@tenant_option
@click.option("--verdict", type=click.Choice(VERDICTS), help="Only of this verdict.")
@finding_options
@limit_option(50)
@json_option
def list_findings(tenant: str, verdict: str | None, selection: Selection, limit: int, as_json: bool) -> None:
    """List open findings, worst first."""
    with begin(tenant) as store:
        findings = store.findings.list_open(tenant, verdict, check_advisories(store, selection), limit)
        names = names_by_id(store.images.select(tenant, Selection()))
        why_none = "" if findings else _why_none(store, tenant, selection)
    if as_json:
        print_json(findings)
        return
    rows = [_row(one, names) for one in findings]
    wraps = {"component", "image", "why", "advisory"}
    print_table(rows, wraps=wraps, empty=f"no open findings{why_none}")
    note_limit(findings, limit)


def _why_none(store: Store, tenant: str, selection: Selection) -> str:
    """What to know before taking it for good news."""
    if not store.images.count(tenant, selection):
        return ": no image with an SBOM is selected"
    evaluated = store.runs.list(tenant, kind=JobKind.POLICY, states=[RunState.COMPLETED], limit=1).items
    return "" if evaluated else ": no policy run has completed yet; see scheduler run start --kind policy"


def _row(one: FindingView, names: Mapping[UUID, str]) -> dict[str, str]:
    """Why: the policy and its rule, what that says, and what is not certain."""
    rule = f"{one.policy}: {one.rule or 'by default'}"
    doubt = "not comparable" if one.match == "unknown" else None
    return {
        "verdict": one.verdict,
        "severity": one.severity,
        "advisory": one.advisory_id,
        "component": versioned_purl(one.purl, one.version),
        "image": names.get(one.image_id) or image_name(one.registry, one.repository, one.tag),
        "why": ". ".join(filter(None, (rule, doubt, one.message))),
    }
