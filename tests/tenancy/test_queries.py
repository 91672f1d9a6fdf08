"""Every query file, run as acme with what is globex's: nothing read, nothing changed; and as globex it works."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
import pytest

from resources.queries import load
from tests.tenancy.attack import SHARED, Attacker, Outcome
from tests.tenancy.parameters import OF_QUERY, Parameters, Query, query_names

# The doors themselves: who may open them is in test_doors.py.
DOORS = {"session/become_owner", "session/begin_system", "session/begin_tenant"}
# Queries of which neither result nor rows can show whose they are, and why that is right.
TELLS_NOTHING = {
    "audit_seals/try_lock": "an advisory lock",
    "execution_logs/ensure_partitions": "makes tables, closed to tenants",
    "execution_logs/list_expired_partitions": "names of partitions, which hold all tenants' rows",
    "execution_logs/try_dropping": "an advisory lock",
    "exploits/lock": "an advisory lock",
    "feed/lock": "an advisory lock",
    "imports/hold": "an advisory lock",
    "policy_jobs/lock": "an advisory lock",
    "run_summaries/lock": "an advisory lock",
    "session/backend_pid": "the session's own process",
    "session/keep": "settings of the session",
    "session/limit_waiting": "a setting of the transaction",
    "session/locks_held": "tables that the transaction itself has locked",
    "session/now": "the clock",
}
FORGED = (
    "x', true), set_config('scheduler.tenant', 'globex', true), ('",
    "set_config('scheduler.tenant', 'globex', true)",
    "'; SET LOCAL ROLE scheduler_system; --",
)
QUERIES = [name for name in query_names() if name not in DOORS]


@dataclass(frozen=True)
class Control:
    """Parameters with which a query reaches globex's rows, the room it does so in, and what came of it."""

    room: str
    parameters: Parameters
    outcome: Outcome


class Hostile:
    """The queries of both tenants' world, each with parameters of globex's."""

    def __init__(self, world: Any, dsn: str) -> None:
        self.world, self.attacker = world, Attacker(dsn)
        self.query = cache(self._query)
        self.sets = cache(self._sets)
        self.control = cache(self._control)

    def _query(self, name: str) -> Query:
        return Query(name, self.world.admin)

    def _sets(self, name: str) -> list[Parameters]:
        """Parameters from each of globex's rows, the same ones once."""
        found = list(self.query(name).of_rows(self.world.globex))
        return [one for at, one in enumerate(found) if repr(one) not in map(repr, found[:at])]

    def shared(self, name: str) -> bool:
        """Whether it reads what belongs to everybody, and nothing else."""
        tables = set(self.query(name).tables)
        return bool(tables) and tables <= SHARED

    def run(self, room: str, name: str, parameters: Parameters) -> Outcome:
        return self.attacker.run(room, self.query(name).text, parameters)

    def _control(self, name: str) -> Control | None:
        """The first parameters that work for whom they belong to; None when there are none."""
        for room in ("globex", "system"):
            for parameters in self.sets(name):
                outcome = self.run(room, name, parameters)
                if self._works(name, parameters, outcome):
                    return Control(room, parameters, outcome)
        return None

    def _works(self, name: str, parameters: Parameters, outcome: Outcome) -> bool:
        if outcome.error:
            return False
        if name in TELLS_NOTHING or outcome.changed or self.attacker.stolen(outcome):
            return True
        if self.shared(name):
            return outcome.count > 0
        others = self.run("acme", name, parameters)
        return (outcome.rows, outcome.count) != (others.rows, others.count)


@pytest.fixture(scope="module")
def hostile(world, way):
    attack = Hostile(world, way(world.dsn))
    with attack.attacker.connection:
        yield attack


def test_both_tenants_have_rows_in_every_table(hostile, world):
    for table, owner in hostile.attacker.tables:
        if owner:
            statement = f"SELECT DISTINCT {owner} FROM {table} WHERE {owner} <> ''"
            found = {name for (name,) in world.admin.execute(statement)}
            assert found == {"acme", "globex"}, f"plant {table} in tests/tenancy/world.py"
    assert len(hostile.attacker.markers) > 100


@pytest.mark.parametrize("name", QUERIES)
def test_with_its_own_parameters_a_query_reaches_its_rows(hostile, name):
    tried = [(one, hostile.run("globex", name, one).error) for one in hostile.sets(name)[:3]]
    assert hostile.control(name), (
        f"give {name} better parameters in tests/tenancy/parameters.py; tried {tried}"
    )


@pytest.mark.parametrize("name", QUERIES)
def test_with_anothers_parameters_a_query_reads_and_changes_nothing(hostile, name):
    for parameters in hostile.sets(name):
        outcome = hostile.run("acme", name, parameters)
        assert outcome.error is None or outcome.refused, outcome.error
        assert not outcome.changed
        assert hostile.attacker.stolen(outcome, parameters.values() if outcome.error else ()) == set()
        if "tenant_id" in parameters:
            nobodys = hostile.run("nobody", name, parameters)
            assert (outcome.rows, outcome.count) == (nobodys.rows, nobodys.count)


@pytest.mark.parametrize("name", QUERIES)
def test_anothers_ids_under_ones_own_name_reach_nothing(hostile, name):
    for parameters in hostile.sets(name):
        mixed = {key: own(value) for key, value in parameters.items()}
        outcome = hostile.run("acme", name, mixed)
        assert outcome.error is None or outcome.refused or isinstance(outcome.error, psycopg.IntegrityError)
        assert not outcome.changed
        assert hostile.attacker.stolen(outcome, mixed.values()) == set()


@pytest.mark.parametrize("name", QUERIES)
def test_a_forged_set_config_in_a_parameter_is_only_data(hostile, name):
    parameters = hostile.control(name).parameters
    texts = {key: value for key, value in parameters.items() if is_text(value)}
    for key, forged in ((key, forged) for key in texts for forged in FORGED):
        outcome = hostile.run(
            "acme", name, parameters | {key: forged if isinstance(texts[key], str) else [forged]}
        )
        assert not outcome.changed
        assert outcome.room_after in (("scheduler_tenant", "acme"), None)
        assert hostile.attacker.stolen(outcome, parameters.values()) == set()


@pytest.mark.parametrize("reused", [False, True], ids=["fresh connection", "reused connection"])
def test_without_a_tenant_every_query_is_an_error(hostile, world, way, reused):
    silent = []
    with psycopg.connect(way(world.dsn), prepare_threshold=None) as connection:
        if reused:
            connection.execute(load("session/begin_tenant"), {"tenant": "globex"})
            connection.commit()
        for name in set(QUERIES) - set(TELLS_NOTHING):
            control = hostile.control(name)
            connection.execute("SET LOCAL ROLE scheduler_tenant")
            try:
                connection.execute(hostile.query(name).text, control.parameters)
            except psycopg.errors.InsufficientPrivilege:
                silent += [name] if control.room != "system" else []
            except psycopg.Error as error:
                silent += [name] if error.sqlstate != "SC001" else []
            else:
                silent.append(name)
            connection.rollback()
    assert {name for name in silent if not hostile.shared(name)} == set()


def test_the_parameters_that_are_given_by_hand_are_still_asked_for(hostile):
    unasked = [
        (name, key)
        for name, given in OF_QUERY.items()
        for key in given
        if name not in QUERIES or key not in hostile.query(name).types
    ]
    assert unasked == []
    assert set(TELLS_NOTHING) <= set(QUERIES)


def own(value: Any) -> Any:
    """The value, with the other tenant's name replaced by one's own."""
    if isinstance(value, list):
        return [own(one) for one in value]
    return "acme" if value == "globex" else value


def is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and any(isinstance(one, str) for one in value))
