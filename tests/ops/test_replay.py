"""Replays: after every change an incremental run says what a full one says, and what a naive evaluator says.

Images get other SBOMs and are removed, advisories come, change and are withdrawn, VEX is stated, EPSS and KEV are
replaced, policies are edited. REPLAYS tells how many sequences are tried.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from resources.database import Database
from resources.selection import Selection
from resources.settings import SchedulerSettings
from resources.states import JobKind, PolicyMode
from tests.ops.conftest import World
from tests.ops.replaying import Replay, check, digests, findings, impact
from tests.ops.steps import BEGINNING, CVES, SOURCE, SOURCE_VERSIONS, STEPS

SEQUENCES = settings(max_examples=int(os.environ.get("REPLAYS", "3")), deadline=None, phases=[Phase.generate])
"""Not shrunk, which would take minutes."""
ALONE = ("epss", "kev", "policy")
"""Steps that replace the only one of their kind."""


@pytest.fixture
def fresh(server, tenants_template, make_database, tmp_path):
    """A world that nothing has happened in."""

    def make():
        name = make_database(f"TEMPLATE {tenants_template}")
        return World(Database(SchedulerSettings(persistence="postgres", dsn=server.conninfo(name))), tmp_path)

    return make


def test_after_every_change_incremental_is_full_is_naive(fresh):
    seen = Counter()

    @SEQUENCES
    @given(BEGINNING, STEPS)
    def replay(beginning, steps):
        world = fresh()
        with world.database:
            one = Replay(world)
            for day, step in enumerate(beginning, 1):
                one.take(day, step)
            check(world, one.model)
            for day, step in enumerate(steps, len(beginning) + 1):
                one.take(day, step)
                run = check(world, one.model)
                seen.update({name: run.stats[name] for name in ("unchanged", "evaluated", "findings")})

    replay()
    assert min(seen[name] for name in ("unchanged", "evaluated", "findings")) > 0


SELDOM = [
    ("sbom", "shop/a", {"deb/curl": "1.0-1", "rpm/libcurl": "1.0-1"}),
    ("advisory", "A-0", "deb/curl", ["0", None], "high", True),
    ("advisory", "A-1", "deb/curl", ["0", None], "high", False),
    ("vex", CVES[0], "deb/curl", None, None, "not_affected"),
    ("vex", CVES[1], "deb/curl", None, None, "not_affected"),
    *(("advisory", f"A-{number}", "rpm/libcurl", ["0", None], "high", False) for number in (2, 3)),
    ("vex", CVES[2], SOURCE, "1.0-1", None, "fixed"),
    ("vex", CVES[3], SOURCE, SOURCE_VERSIONS["1.0-1"], None, "fixed"),
]
"""Statements about one of the two that an advisory bundles, and about all that another one is about.

Of a source package: in a version that a package built from it has, and in the one that it has itself.
"""


def test_what_drawn_sequences_seldom_meet_is_naive_too(world):
    one = Replay(world)
    for day, step in enumerate(SELDOM, 1):
        one.take(day, step)
    check(world, one.model)
    assert {name: verdict for (_, _, name), verdict in findings(world).items()} == {
        "A-0": "block",
        "A-1": "ignore",
        "A-2": "block",
        "A-3": "ignore",
    }


def told(world, steps, turned=False):
    """What the engines say after each few steps, as JSON; ``turned``: taken and written in another order."""
    one, said = Replay(world), []
    dated = list(enumerate(steps, 1))
    for group in (dated[:6], *(dated[at : at + 3] for at in range(6, len(dated), 3))):
        for day, step in turned_about(group) if turned else group:
            one.take(day, step, turned)
        policy = world.run(JobKind.POLICY, mode=PolicyMode.INCREMENTAL, selection=Selection())
        graph = world.run(JobKind.GRAPH, selection=Selection())
        snapshot, affected = impact(world, world.run(JobKind.IMPACT, selection=Selection()))
        said.append(
            {
                "findings": sorted([*key, verdict] for key, verdict in findings(world).items()),
                "policies": digests(world, policy),
                "graphs": digests(world, graph),
                "impact": [
                    snapshot,
                    {
                        image: {kind: sorted(why) for kind, why in of.items()}
                        for image, of in affected.items()
                    },
                ],
            }
        )
    return json.dumps(said, sort_keys=True)


def turned_about(group):
    """Dated steps the other way round; those that change one thing stay in their order."""
    kinds = {"remove": "sbom", "renew": "sbom", "withdraw": "advisory"}
    about = {
        day: (kinds.get(what, what), day if what == "vex" else of[0] if what not in ALONE else None)
        for day, (what, *of) in group
    }
    return [
        one for thing in reversed(dict.fromkeys(about.values())) for one in group if about[one[0]] == thing
    ]


PROGRAM = """
import json, sys
from pathlib import Path
from resources.database import Database
from resources.settings import SchedulerSettings
from tests.ops.conftest import World
from tests.ops.test_replay import told

with Database(SchedulerSettings.load()) as database:
    print(told(World(database, Path(sys.argv[1])), json.load(sys.stdin), turned=True), end="")
"""


def test_another_hash_seed_and_another_order_of_ingestion_say_the_same_bytes(fresh, world, environment):
    drawn = []

    @settings(max_examples=2, deadline=None, phases=[Phase.generate])
    @given(BEGINNING, STEPS)
    def draw(beginning, steps):
        drawn.append([*beginning, *steps])

    draw()
    steps = drawn[-1]
    assert turned_about([*enumerate(steps)]) != [*enumerate(steps)]
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    root = str(Path(__file__).parents[2])
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(world.directory)],
        env=environment | {"PYTHONHASHSEED": seed, "PYTHONPATH": root},
        input=json.dumps(steps),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with (other := fresh()).database:
        assert told(other, steps) == said
    assert all(
        any(group[what] for group in json.loads(said))
        for what in ("findings", "policies", "graphs", "impact")
    )
