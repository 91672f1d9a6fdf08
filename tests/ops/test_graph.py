"""Graph runs through the store."""

import json
import zlib
from dataclasses import replace

import pytest

from resources.errors import InvalidDocument
from resources.ids import new_id
from resources.selection import Selection
from resources.states import JobKind, RunState, WorkState
from scheduler_defs.engines.digests import canonical_json
from scheduler_defs.engines.graph import build_graph, to_document
from scheduler_defs.engines.sbom_formats import load_sbom
from scheduler_defs.ops.launches import close_run, open_launch


def items(world, run):
    with world.database.begin(run.tenant_id) as store:
        return store.graph_jobs.list_of_run(run)


def graphs(admin):
    columns = "tenant_id, digest, root, node_count, edge_count, max_depth, content"
    return admin.execute(f"SELECT {columns} FROM inventory.graphs ORDER BY tenant_id, digest").fetchall()


def test_a_graph_is_kept_with_its_counts_and_its_content(world, admin):
    world.image(
        packages={"flask": "1.0", "jinja2": "2.10", "markupsafe": "1.1", "click": "7.0"},
        depends={"root": ["flask"], "flask": ["jinja2", "click"], "jinja2": ["markupsafe"]},
    )
    run = world.run(JobKind.GRAPH)
    (item,) = items(world, run)
    ((tenant, digest, root, nodes, edges, depth, content),) = graphs(admin)
    assert (tenant, digest, nodes, edges, depth) == ("acme", item.result_digest, 5, 4, 3)
    assert run.stats == {"images": 1, "failed": 0, "nodes": 5, "edges": 4}
    assert item.stats == {"nodes": 5, "edges": 4, "max_depth": 3}
    document = json.loads(zlib.decompress(bytes(content)))
    assert canonical_json(document) == zlib.decompress(bytes(content))
    names = [node.rpartition("/")[2].partition("@")[0] for node in document["nodes"]]
    edges_by_name = {(names[source], names[target]) for source, target in document["edges"]}
    assert {edge for edge in edges_by_name if edge[0] != names[document["nodes"].index(root)]} == {
        ("flask", "jinja2"),
        ("flask", "click"),
        ("jinja2", "markupsafe"),
    }


def test_the_example_gives_the_graph_that_the_engine_gives(world, admin, request):
    image = world.example()
    world.run(JobKind.GRAPH)
    expected = build_graph(load_sbom(request.path.parents[2] / "examples" / "shop.cdx.json")[0])
    ((_, digest, root, nodes, edges, depth, content),) = graphs(admin)
    assert (digest, root, depth) == (expected.digest, expected.root, expected.max_depth)
    assert (nodes, edges) == (len(expected.nodes), len(expected.edges)) == (31, edges)
    assert json.loads(zlib.decompress(bytes(content))) == json.loads(canonical_json(to_document(expected)))
    assert image.repository == "shop/storefront"


def test_equal_graphs_are_kept_once_a_tenant_and_a_repeat_adds_none(world, admin):
    for repository in ("shop/one", "shop/two"):
        world.image(repository, labels={"copy": repository})
    world.image("shop/one", tenant="globex")
    one, two, theirs = (world.run(JobKind.GRAPH, tenant) for tenant in ("acme", "acme", "globex"))
    digests = {item.result_digest for run in (one, two) for item in items(world, run)}
    assert {(row[0], row[1]) for row in graphs(admin)} == {("acme", digest) for digest in digests} | {
        ("globex", item.result_digest) for item in items(world, theirs)
    }
    assert len(graphs(admin)) == len(digests) + 1
    assert [len(items(world, run)) for run in (one, two, theirs)] == [2, 2, 1]


def test_one_image_with_two_digests_of_one_content_gives_one_graph(world, admin):
    for character in "ab":
        world.image(digest=f"sha256:{character * 64}")
    run = world.run(JobKind.GRAPH)
    assert [item.status for item in items(world, run)] == [WorkState.COMPLETED] * 2
    assert len(graphs(admin)) == 1


def test_an_image_that_fails_leaves_the_others_be(world, admin):
    for name in ("one", "two", "three"):
        world.image(f"shop/{name}")
    admin.execute(
        """
        UPDATE inventory.sboms AS s SET content = 'not compressed' FROM inventory.images AS i
        WHERE i.sbom_id = s.id AND i.repository = 'shop/two'
        """
    )
    run = world.run(JobKind.GRAPH)
    assert run.state is RunState.FAILED
    assert run.error.startswith(
        "1 of 3 images failed: registry.example/shop/two:1: Error -3 while decompressing"
    )
    by_state = {item.status: item for item in items(world, run)}
    assert by_state.keys() == {WorkState.COMPLETED, WorkState.FAILED}
    assert by_state[WorkState.FAILED].error.startswith("Error -3 while decompressing")
    assert run.stats == {"images": 3, "failed": 1, "nodes": 4, "edges": 2}


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ({}, {"shop/web", "shop/api", "infra/proxy"}),
        ({"namespace": "infra"}, {"infra/proxy"}),
        ({"repository": "shop/*"}, {"shop/web", "shop/api"}),
        ({"repository": "shop/???"}, {"shop/web", "shop/api"}),
        ({"repository": "shop/w_b"}, set()),
        ({"repository": "%"}, set()),
        ({"digest": f"sha256:{'a' * 64}"}, {"shop/api"}),
        ({"labels": {"tier": "prod"}}, {"shop/web", "infra/proxy"}),
        ({"labels": {"tier": "prod", "team": "shop"}}, {"shop/web"}),
        ({"namespace": "web", "labels": {"tier": "prod"}}, {"shop/web"}),
    ],
)
def test_a_selection_names_the_images(world, selection, chosen):
    world.image("shop/web", labels={"tier": "prod", "team": "shop"})
    world.image("shop/api", digest=f"sha256:{'a' * 64}")
    world.image("infra/proxy", namespace="infra", labels={"tier": "prod"})
    world.image("shop/web", tenant="globex", labels={"tier": "prod", "team": "shop"})
    run = world.run(JobKind.GRAPH, selection=Selection.parse(selection))
    with world.database.begin("acme") as store:
        names = {image.id: image.repository for image in store.images.select("acme", Selection())}
    assert {names[item.image_id] for item in items(world, run)} == chosen
    assert run.stats["images"] == len(chosen)
    assert run.state is RunState.COMPLETED


def test_a_selection_of_no_image_completes_and_says_so(world):
    run = world.run(JobKind.GRAPH)
    with world.database.begin("acme") as store:
        said = {line.message for line in store.execution_logs.tail("acme", run.id).items}
    assert run.state is RunState.COMPLETED
    assert "the selection names no image with an SBOM" in said


def test_the_newest_sbom_of_an_image_is_built(world):
    world.image(packages={"flask": "1.0"})
    before = world.run(JobKind.GRAPH)
    world.image(packages={"flask": "2.0", "click": "8.0"})
    after = world.run(JobKind.GRAPH)
    (old,), (new,) = items(world, before), items(world, after)
    assert old.image_id == new.image_id
    assert old.result_digest != new.result_digest
    assert (old.stats["nodes"], new.stats["nodes"]) == (2, 3)


def test_a_document_that_ingestion_would_refuse_does_not_reach_a_graph(world):
    with pytest.raises(InvalidDocument):
        world.image(packages={})
    assert world.run(JobKind.GRAPH).stats["images"] == 0


@pytest.mark.parametrize(
    ("broken", "item_state"),
    [
        ("REVOKE SELECT ON inventory.sboms FROM scheduler_tenant", WorkState.FAILED),
        ("REVOKE INSERT ON inventory.graphs FROM scheduler_tenant", WorkState.FAILED),
        ("REVOKE UPDATE ON scheduler.graph_jobs FROM scheduler_tenant", WorkState.PENDING),
    ],
    ids=["reading the SBOM", "keeping the graph", "taking the item"],
)
def test_a_refusal_by_the_database_ends_the_run_as_failed(world, admin, broken, item_state):
    world.image()
    opened = world.opened(JobKind.GRAPH)
    admin.execute(broken)
    outcome = world.carry(opened)
    assert outcome.state is RunState.FAILED
    assert "permission denied for table" in outcome.error
    (item,) = items(world, outcome.run)
    assert item.status is item_state
    if item_state is WorkState.FAILED:
        assert item.error.startswith("permission denied for table")
        assert close_run(world.database, outcome)
        assert world.row(outcome.run).state is RunState.FAILED


def test_a_connection_that_is_lost_is_no_failure_of_an_image(world, admin):
    world.image()
    opened = world.opened(JobKind.GRAPH)
    admin.execute("""
        CREATE FUNCTION public.hang_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
            AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
        CREATE TRIGGER hangs_up BEFORE INSERT ON inventory.graphs FOR EACH ROW EXECUTE FUNCTION public.hang_up()""")
    outcome = world.carry(opened)
    assert (outcome.state, outcome.may_pass) == (RunState.FAILED, True)
    assert "AdminShutdown" in outcome.error or "OperationalError" in outcome.error
    assert [item.status for item in items(world, outcome.run)] == [WorkState.RUNNING]

    admin.execute("DROP TRIGGER hangs_up ON inventory.graphs")
    assert close_run(world.database, outcome) is RunState.PENDING
    run = world.row(outcome.run)
    assert (run.state, run.attempt) == (RunState.PENDING, 2)
    admin.execute("UPDATE scheduler.runs SET available_at = created_at")
    (offer,) = world.claim()
    opened = open_launch(world.database, offer.id, JobKind.GRAPH, f"dagster-{offer.id}", world.worker())
    outcome = world.carry(opened)
    assert close_run(world.database, outcome) is RunState.COMPLETED
    assert [(item.status, item.attempts) for item in items(world, run)] == [(WorkState.COMPLETED, 2)]


def broken_off(world, admin, opened, message):
    """Carries a run out until something is said, as far as a killed process would come; returns its next attempt."""

    def say(level, said):
        if said == message:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.carry(opened, say)
    (run,) = opened.runs
    with world.database.begin("acme") as store:
        left = store.graph_jobs.claim(run, new_id(), store.now(), limit=1)
    admin.execute("UPDATE scheduler.runs SET attempt = attempt + 1 WHERE id = %s", [run.id])
    return replace(opened, runs=[world.row(run)]), left


def test_the_next_attempt_does_what_the_last_one_left_and_counts_it_all(world, admin):
    for name in ("one", "two", "three"):
        world.image(f"shop/{name}")
    opened, (begun,) = broken_off(
        world, admin, world.opened(JobKind.GRAPH), "image 1 of 3: registry.example/shop/one:1"
    )
    said = []
    outcome = world.carry(opened, lambda level, message: said.append(message))
    assert close_run(world.database, outcome)
    after = items(world, outcome.run)
    assert [item.status for item in after] == [WorkState.COMPLETED] * 3
    assert [item.attempts for item in after] == [1, 2, 1]
    assert after[1].id == begun.id
    assert [message for message in said if message.startswith("image")] == [
        "image 2 of 3: registry.example/shop/two:1",
        "image 3 of 3: registry.example/shop/three:1",
    ]
    assert world.row(outcome.run).stats == {"images": 3, "failed": 0, "nodes": 6, "edges": 3}


def test_an_item_of_an_earlier_attempt_is_built_though_the_selection_left_it_out(world, admin):
    for name in ("one", "two"):
        world.image(f"shop/{name}", labels={"tier": "prod"})
    selection = Selection.parse({"labels": {"tier": "prod"}})
    opened = world.opened(JobKind.GRAPH, selection=selection)
    opened, (begun,) = broken_off(world, admin, opened, "image 1 of 2: registry.example/shop/one:1")
    admin.execute("UPDATE inventory.images SET labels = '{}'")
    said = []
    outcome = world.carry(opened, lambda level, message: said.append(message))
    assert outcome.state is RunState.COMPLETED
    assert f"image 2 of 2: {begun.image_id}" in said
