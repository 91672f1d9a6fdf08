"""`scheduler finding`: what policies found."""

import click

from resources.selection import Selection
from scheduler_defs.advisory_names import by_own_ids, check_advisories
from scheduler_defs.cli.context import begin, json_option, limit_option, tenant_option
from scheduler_defs.cli.options import finding_options
from scheduler_defs.cli.output import note_limit, print_json, print_table

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
        check_advisories(store, selection)
        findings = store.findings.list_open(tenant, verdict, by_own_ids(store, selection), limit)
    if as_json:
        print_json(findings)
        return
    rows = [
        {
            "verdict": one.verdict,
            "severity": one.severity,
            "advisory": one.advisory_id,
            "component": one.purl,
            "image": "/".join(filter(None, (one.registry, one.repository)))
            + (f":{one.tag}" if one.tag else ""),
            "rule": one.rule,
        }
        for one in findings
    ]
    print_table(rows, wraps={"component", "image", "rule", "advisory"}, empty="no open findings")
    note_limit(findings, limit)
