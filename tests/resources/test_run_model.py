"""Random commands from two stores, one after the other or at once, leave the rows as a plain Python model has them."""

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from uuid import UUID

import hypothesis
import psycopg
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from psycopg.conninfo import make_conninfo

from resources.database import Database
from resources.ids import new_id
from resources.records import Launchable, Run
from resources.settings import SchedulerSettings
from resources.states import JobKind, RunState
from scheduler_defs.edits.tenants import create_tenant
from tests.resources.run_model import DRAWN, Act, Model, Refused, check_shape, outcome_of

STEPS_AN_EXAMPLE = 50
EXAMPLES = 12 + (hypothesis.settings.default.max_examples - 100) // 10  # nightly: 252; some end early
STEPS = 500 if EXAMPLES == 12 else 10_000
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event IN ('transactionid', 'tuple')
"""
MINUTE = timedelta(minutes=1)


def enqueue(store, act):
    store.launches.create_many({act.launch_id: JobKind.GRAPH}, "here", act.now)
    return store.runs.enqueue_many({act.launch_id: [Launchable(act.run.tenant_id, act.run.id, act.run.kind)]})


def acknowledge(store, act):
    store.launches.acknowledge(act.launch_id, act.dagster_run_id, act.now)


def open_runs(store, act):
    return store.runs.open_of_launch(act.launch_id, act.dagster_run_id, act.worker_id, act.now)


def finish(store, act):
    results = {"stats": {"images": 1}, "deltas": {"new": 1}}
    store.runs.finish(act.run, act.state, act.now, error=act.error, reason="finish", **results)


OF_THE_SYSTEM = {
    "enqueue": enqueue,
    "acknowledge": acknowledge,
    "open": open_runs,
    "take": lambda store, act: (acknowledge(store, act), open_runs(store, act))[1],
    "finish_launch": lambda store, act: store.launches.finish(act.launch_id, act.dagster_run_id, act.now),
    "bury": lambda store, act: store.launches.bury(act.launch_id, act.now),
}
OF_A_TENANT = {
    "begin": lambda store, act: store.runs.begin_attempt(act.run, act.now).started_at,
    "hold": lambda store, act: store.runs.hold_attempt(act.run),
    "finish": finish,
    "end_with_launch": lambda store, act: store.runs.end_with_launch(
        *(act.run, act.state, act.now), error=act.error, reason="launch"
    ),
    "return_to_pending": lambda store, act: store.runs.return_to_pending(act.run, act.now),
    "retry": lambda store, act: store.runs.retry_attempt(act.run, act.now),
    "cancel": lambda store, act: store.runs.cancel(act.run, "stop", act.now),
}
COMMANDS = OF_THE_SYSTEM | OF_A_TENANT
LEGAL = {
    RunState.PENDING: ["enqueue", "enqueue", "enqueue", "cancel"],
    RunState.QUEUED: ["take", "take", "take", "return_to_pending", "end_with_launch", "cancel"],
    RunState.RUNNING: ["retry", "finish", "retry", "hold", "begin", "end_with_launch", "cancel", "finish"],
}


@dataclass(frozen=True)
class Wish:
    """What is drawn of a command: which, on which run, as read how long ago, and what is wrong unless it is honest."""

    name: str
    run: int
    age: int
    wrong: str
    honest: bool
    state: RunState


def wishes():
    return st.builds(
        Wish,
        name=st.sampled_from([*COMMANDS]),
        run=st.integers(0, 5),
        age=st.sampled_from([0, 0, 0, 1, 2, 3, 4, 6]),
        wrong=st.sampled_from(["", "", "token", "token", "token", "tenant", "id", "owner"]),
        honest=st.booleans(),
        state=st.sampled_from([RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED]),
    )


class World:
    """Two stores on one database, and counts of what was done with them."""

    def __init__(self, dsn, planter):
        self.stores = [Database(SchedulerSettings(persistence="postgres", dsn=dsn)) for _ in range(2)]
        self.plant = planter(self.stores[0])
        self.worker, self.numbers = self.plant.worker(), count()
        self.done, self.waited = 0, 0

    def begin(self, side, act):
        of_system = act.name in OF_THE_SYSTEM
        return self.stores[side].begin_system() if of_system else self.stores[side].begin(act.tenant)

    def perform(self, side, act):
        """Carries a command out in a transaction of its own."""
        with self.begin(side, act) as store:
            return outcome_of(lambda: COMMANDS[act.name](store, act))


class RunMachine(RuleBasedStateMachine):
    """Each example has two tenants of its own; after each step the model equals the rows, column by column."""

    def __init__(self, world, admin):
        super().__init__()
        self.world, self.admin, self.model, self.now = world, admin, Model(), world.plant.now
        self.tenants = [f"t{next(world.numbers)}" for _ in range(2)]
        self.read: dict[UUID, list[Run]] = {}  # each run, as it was read after each of its changes
        self.highest = 0
        with world.stores[0].begin_system() as store:
            for tenant in self.tenants:
                create_tenant(store, tenant, "tests")

    @precondition(lambda self: len(self.read) < 6)
    @rule(tenant=st.integers(0, 1), side=st.integers(0, 1))
    def create(self, tenant, side):
        wanted = self.world.plant.new_run(self.tenants[tenant], scheduled_for=self.tick())
        with self.world.stores[side].begin_system() as store:
            assert store.runs.create_many([wanted], self.now) == [wanted.id]
            self.model.runs[wanted.id] = store.runs.get(wanted.tenant_id, wanted.id)
        assert self.model.runs[wanted.id].state is RunState.PENDING
        self.compare([self.model])

    @precondition(lambda self: self.read)
    @rule(wish=wishes(), side=st.integers(0, 1))
    def command(self, wish, side):
        act = self.act(wish)
        model, (expected,) = self.played([act])
        assert self.world.perform(side, act) == expected, act
        self.compare([model])

    @precondition(lambda self: self.read)
    @rule(wish=wishes(), choice=st.integers(0, 20), side=st.integers(0, 1))
    def legal_command(self, wish, choice, side):
        """By chance alone hardly a run would get anywhere."""
        self.command(self.made_legal(wish, choice), side)

    @precondition(lambda self: self.read)
    @rule(
        first=wishes(),
        second=wishes(),
        choice=st.integers(0, 20),
        commit=st.sampled_from([True, True, False]),
    )
    def race(self, first, second, choice, commit):
        """The second command comes while the transaction of the first is open; both read the run before."""
        if choice:
            first = self.made_legal(first, choice)
            second = replace(second, run=first.run)
        if choice % 4:
            second = self.made_legal(second, choice // 3)
        acts = [self.act(first), self.act(second)]
        with ThreadPoolExecutor(1) as pool:
            with self.world.begin(0, acts[0]) as store:
                with nullcontext() if commit else store.connection.transaction(force_rollback=True):
                    result = outcome_of(lambda: COMMANDS[acts[0].name](store, acts[0]))
                    other = pool.submit(self.world.perform, 1, acts[1])
                    early = self.ended_or_waits(other)
            results = [result, other.result(30)]
        self.world.waited += not early
        orders = [self.played(acts, undone=None if commit else 0)]
        if early:
            model, swapped = self.played(acts[::-1], undone=None if commit else 1)
            orders.append((model, swapped[::-1]))
        possible = [model for model, expected in orders if expected == results]
        assert possible, (acts, results, orders)
        self.compare(possible)

    def made_legal(self, wish, choice):
        """A wish that the state of its run allows, mostly by who holds it now; as it was where the run has ended."""
        names = LEGAL.get([*self.read.values()][wish.run % len(self.read)][-1].state)
        if not names:
            return wish
        wish = replace(wish, name=names[choice % len(names)])
        return replace(wish, age=0, wrong="") if wish.honest else wish

    def ended_or_waits(self, other):
        """Whether a command in another thread has ended at once; False when it waits for a row."""
        while not wait([other], timeout=0.002).done:
            if self.admin.execute(WAITING).fetchone()[0]:
                return False
        return True

    def played(self, acts, undone=None):
        """The model after commands one by one, and what each returns; the one named is rolled back."""
        model, results = self.model, []
        for number, act in enumerate(acts):
            after = model.copy()
            results.append(outcome_of(lambda act=act, after=after: after.carry_out(act)))
            if number != undone and not isinstance(results[-1], Refused):
                model = after
        return model, results

    def act(self, wish):
        """The command that was wished for, on a run as somebody read it, perhaps long ago."""
        histories = [*self.read.values()]
        history = histories[wish.run % len(histories)]
        run = history[max(0, len(history) - 1 - wish.age)]
        tenant, known = run.tenant_id, [*self.model.launches]
        launch = run.launch_id or (known[-1] if known else new_id())
        match wish.wrong:
            case "token":
                foreign = self.highest - (run.fencing_token == self.highest)
                run = replace(run, fencing_token=foreign, launch_id=known[0] if known else None)
            case "tenant":
                tenant = next(name for name in self.tenants if name != tenant)
                run = replace(run, tenant_id=tenant) if wish.name in OF_THE_SYSTEM else run
            case "id":
                run, launch = replace(run, id=new_id()), new_id()
        if wish.name == "enqueue":
            launch = new_id()
        state = wish.state
        if wish.name == "end_with_launch" and state is RunState.COMPLETED:
            state = RunState.FAILED
        dagster = "another" if wish.wrong == "owner" else f"dagster-{launch}"
        return Act(wish.name, tenant, run, launch, dagster, self.world.worker, state, self.tick())

    def tick(self):
        self.now += MINUTE
        return self.now

    def compare(self, possible):
        """One of the possible models is what the database holds; it is the model from now on."""
        with self.world.stores[self.world.done % 2].begin_system() as store:
            rows = {run.id: run for tenant in self.tenants for run in store.runs.list(tenant).items}
            launches = {one: store.launches.get(one) for one in possible[0].launches}
        taken = {one: (launch.state, launch.dagster_run_id) for one, launch in launches.items()}
        actual = Model(rows, taken)
        expected = [self.with_tokens(model, rows) for model in possible]
        assert actual in expected, (actual, expected)
        self.model = actual
        for run in rows.values():
            check_shape(run)
            history = self.read.setdefault(run.id, [])
            if history[-1:] != [run]:
                history.append(run)
        tokens = [run.fencing_token for run in rows.values() if run.fencing_token]
        assert len(tokens) == len({*tokens})
        self.highest = max([self.highest, *tokens])
        self.world.done += 1

    def with_tokens(self, model, rows):
        """The model with the tokens that were drawn in this step: any that is higher than all before."""
        runs = {}
        for run in model.runs.values():
            token = run.fencing_token
            if token == DRAWN and (rows[run.id].fencing_token or 0) > self.highest:
                token = rows[run.id].fencing_token
            runs[run.id] = replace(run, fencing_token=token)
        return Model(runs, model.launches)


def test_random_commands_from_two_stores_leave_what_the_model_says(module_database, planter, capsys):
    world = World(make_conninfo(module_database, user="scheduler"), planter)
    settings = hypothesis.settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS_AN_EXAMPLE,
        phases=[
            Phase.generate
        ],  # to shrink what failed would take minutes: its steps are printed as they were
        suppress_health_check=list(HealthCheck),
    )
    with psycopg.connect(module_database, autocommit=True) as admin:
        run_state_machine_as_test(lambda: RunMachine(world, admin), settings=settings)
    for store in world.stores:
        store.close()
    with capsys.disabled():
        print(f" {world.done} steps, in {world.waited} of them one store waited for the other ", end="")
    assert world.done >= STEPS
    assert world.waited > 0
