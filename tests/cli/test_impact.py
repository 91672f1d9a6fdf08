"""scheduler impact."""

import json

import pytest

from resources.ids import new_id
from resources.records import ImpactSnapshot
from resources.selection import Selection

FLASK, JINJA = ("pkg:pypi/flask@0.12.2", "PYSEC-2018-66"), ("pkg:pypi/jinja2@2.10", "PYSEC-2019-217")
GONE = new_id()


@pytest.fixture
def found(scheduler, examples, database, runs, tenant):
    """What two impact runs found, oldest first: the shop's image, then it for more reasons and one that is gone."""
    scheduler("ingest", "sbom", examples / "shop.cdx.json")
    with database.begin(tenant) as store:
        ((shop,),) = store.connection.execute("SELECT id FROM inventory.images").fetchall()
    kept = []
    for reasons in ({shop: [FLASK]}, {shop: [FLASK, JINJA], GONE: [FLASK]}):
        scheduler("run", "start", "--kind", "impact")
        with database.begin(tenant) as store:
            run = runs()[0]
            snapshot = ImpactSnapshot(
                tenant, new_id(), run.id, None, {}, 1, len(reasons), 0, "a" * 64, store.now()
            )
            store.impact_snapshots.create(snapshot, reasons)
        kept.append(snapshot)
    return kept


def test_snapshots_are_listed_newest_first_a_page_at_a_time(scheduler, found):
    lines = scheduler("impact", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        [str(one.run_id).rpartition("-")[2], str(one.total)] for one in found[::-1]
    ]
    first = scheduler("impact", "list", "--json", "--limit", 1)
    assert [one["id"] for one in json.loads(first.stdout)] == [str(found[1].id)]
    cursor = first.stderr.split()[-1]
    rest = scheduler("impact", "list", "--json", "--limit", 1, "--cursor", cursor)
    assert [one["id"] for one in json.loads(rest.stdout)] == [str(found[0].id)]
    assert rest.stderr == ""


def test_a_snapshot_is_shown_with_its_images_and_why_each_is_affected(scheduler, found):
    shown = scheduler("impact", "show", found[1].run_id).stdout
    assert str(found[1].id) in shown
    assert "shop/storefront" in shown
    assert "PYSEC-2018-66, PYSEC-2019-217" in " ".join(shown.split())
    images = json.loads(scheduler("impact", "show", found[1].run_id, "--json").stdout)["images"]
    assert {one["image_id"]: one["reasons"] for one in images}[str(GONE)] == [list(FLASK)]
    assert {one["image"].rpartition("/")[2].partition(":")[0] for one in images} == {"storefront", str(GONE)}
    first = scheduler("impact", "show", found[1].run_id, "--limit", 1)
    assert "there are more: --cursor" in first.stderr


def test_images_that_only_may_be_affected_are_shown_with_what_cannot_be_compared(
    scheduler, database, runs, environment, tenant, tmp_path
):
    environment["COLUMNS"] = "200"
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1}
    bom["components"] = [{"type": "library", "name": "a", "version": "odd", "purl": "pkg:pypi/a"}]
    (tmp_path / "bom.json").write_text(json.dumps(bom))
    scheduler("ingest", "sbom", tmp_path / "bom.json", "--image", "registry.test/odd:1")
    scheduler("run", "start", "--kind", "impact")
    (run,) = runs()
    with database.begin(tenant) as store:
        (image,) = store.images.select(tenant, Selection())
        kept = ImpactSnapshot(tenant, new_id(), run.id, None, {}, 0, 0, 1, "0" * 64, store.now())
        store.impact_snapshots.create(kept, {}, {image.id: [("pkg:pypi/a@odd", "A-1")]})
    lines = scheduler("impact", "show", run.id).stdout.splitlines()
    assert lines[-2].lower().endswith("not comparable")
    assert lines[-1].split() == ["registry.test/odd:1", "-", "-", "pkg:pypi/a@odd"]


def test_two_snapshots_are_compared(scheduler, found):
    result = scheduler("impact", "diff", found[0].run_id, found[1].run_id)
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["added", "changed"]
    assert result.stderr == "1 added, 0 removed, 1 changed, 0 unchanged\n"
    back = json.loads(scheduler("impact", "diff", found[1].run_id, found[0].run_id, "--json").stdout)
    assert (back["added"], back["removed"], back["unchanged"]) == ([], [str(GONE)], 0)
    same = scheduler("impact", "diff", found[0].run_id, found[0].run_id)
    assert (same.stdout, same.stderr) == ("", "no difference\n0 added, 0 removed, 0 changed, 1 unchanged\n")


def test_what_is_not_there_is_refused(refused, scheduler, runs, tenant):
    scheduler("run", "start", "--kind", "impact")
    (run,) = runs()
    error = refused("impact", "show", run.id, "--tenant", tenant)
    assert error == f"Error: impact snapshot of run '{run.id}' does not exist for this tenant"
    missing = new_id()
    assert f"snapshot of run '{run.id}'" in refused("impact", "diff", run.id, missing, "--tenant", tenant)
    assert f"run '{missing}'" in refused("impact", "diff", missing, run.id, "--tenant", tenant)
    assert "cursor: 'x' is not valid" in refused("impact", "list", "--cursor", "x", "--tenant", tenant)
    assert "schedule 'none'" in refused("impact", "list", "--schedule", "none", "--tenant", tenant)
    assert "1001 is not in the range 1<=x<=1000" in refused(
        "impact", "list", "--limit", 1001, "--tenant", tenant
    )


def test_nothing_found_yet_is_said(scheduler):
    result = scheduler("impact", "list")
    assert (result.stdout, result.stderr) == ("", "no impact run has found anything yet\n")
