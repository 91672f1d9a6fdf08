"""The verdict on a scenario: by the auditor of fires, a second count, row invariants, and records beside the ledger."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from resources.database import Database
from scheduler_defs.auditing.matching import Window
from scheduler_defs.auditing.tallies import Fault
from scheduler_defs.fire_audits import audit_fires
from tests.faults.records import STEPS, pid_of, read_journals
from tests.faults.world import World
from tests.simulation.accounts import audit, explain
from tests.simulation.invariants import BOUNDED, WHOLE, check

NEVER = {
    "a run was ended twice": """
        SELECT run_id, count(*) FROM faults.moves
        WHERE became IN ('completed', 'failed', 'cancelled') GROUP BY run_id HAVING count(*) > 1""",
    "a run was completed by an attempt that was not its newest": """
        SELECT e.run_id, e.token, o.token FROM faults.moves AS e
        JOIN faults.moves AS o ON o.run_id = e.run_id AND o.became = 'running' AND o.token > e.token
        WHERE e.became = 'completed'""",
    "a run was opened while it was running": """
        SELECT run_id, token FROM faults.moves WHERE was = 'running' AND became = 'running'""",
    "a run did not leave the state that it was in": """
        SELECT * FROM (
            SELECT run_id, was, became, lag(became) OVER (PARTITION BY run_id ORDER BY id) AS before
            FROM faults.moves) AS of_run
        WHERE before IS NOT NULL AND before <> was""",
    "an attempt of a completed run wrote other than all its steps once": f"""
        SELECT r.id, r.fencing_token, array_agg(s.step ORDER BY s.step) FROM scheduler.runs AS r
        LEFT JOIN faults.steps AS s ON s.run_id = r.id AND s.token = r.fencing_token
        WHERE r.state = 'completed' AND %(trivial)s
        GROUP BY r.id, r.fencing_token HAVING array_agg(s.step ORDER BY s.step) <> ARRAY{[*range(STEPS)]}""",
    "an earlier attempt wrote after a later one": """
        SELECT * FROM (
            SELECT run_id, token, lag(token) OVER (PARTITION BY run_id ORDER BY id) AS token_before
            FROM faults.steps) AS of_run
        WHERE token < token_before""",
    "a write committed though the run was no longer its attempt's": "SELECT * FROM faults.stale",
    "two runs account for one occurrence": """
        SELECT trigger_id, scheduled_for FROM scheduler.runs WHERE trigger_id IS NOT NULL
        GROUP BY trigger_id, scheduled_for HAVING count(*) > 1""",
}
"""What must not be found at any time."""
IN_THE_END = {
    "a launch is still open": "SELECT id, state FROM scheduler.launches WHERE state IN ('offered', 'acknowledged')",
    "a run is still open": "SELECT id, state FROM scheduler.runs WHERE finished_at IS NULL",
}
BY_IDS = "a trigger fired out of order"
"""Ids begin with the time of the process that made them."""
LATE_WRITES = "SELECT count(*) FROM scheduler.audit WHERE action = 'refuse_late_write'"
RESCUES = """
    SELECT worker_id, min(at) FROM faults.moves
    WHERE was = 'running' AND became IN ('pending', 'failed') GROUP BY worker_id"""


@dataclass(frozen=True)
class Verdict:
    """One line of the table; rescue times in seconds, from the kill to the first of its runs that waits again."""

    fault: str
    times: int
    expected: int
    completed: int
    skipped: int
    missing: int
    extra: int
    refused: int
    rescue_p50: float | None
    rescue_p95: float | None
    problems: list[str]

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def judge(
    fault: str,
    times: int,
    database: Database,
    admin,
    world: World,
    place: Path,
    killed: dict[int, float],
    *,
    trivial: bool = True,
    ordered: bool = True,
) -> Verdict:
    """Looks at everything; ``problems`` is empty when all of it holds.

    ``trivial`` says that the engine of the tests carried the runs, ``ordered`` that every process that made ids had
    the right time.
    """
    with database.begin_system() as store:
        # A clock that jumped ahead may have fired all of it before it is over by the right one.
        now = max(store.now(), world.until + timedelta(seconds=1))
    window = Window(world.since - timedelta(days=1), now, now)
    report = audit_fires(database.begin_system, world.tenants, window)
    accounts = audit(admin, now)
    problems = [explain(admin, found) for found in (accounts.missing, accounts.extra) if found] + _of_rows(
        admin, now, trivial, ordered
    )
    missing = max(report.total.faults[Fault.MISSING], len(accounts.missing))
    extra = max(report.total.faults[Fault.EXTRA], len(accounts.extra))
    if (report.total.expected, accounts.expected) != (world.fires, world.fires):
        problems.append(f"expected {world.fires}: {report.total.expected}, {accounts.expected}")
    if missing or extra:
        problems.append(f"missing {missing}, extra {extra}")
    problems += of_journals(admin, place)
    states = dict(admin.execute("SELECT state, count(*) FROM scheduler.runs GROUP BY state").fetchall())
    if states != {"completed": world.fires}:
        errors = admin.execute(
            "SELECT DISTINCT kind, error FROM scheduler.runs WHERE error IS NOT NULL LIMIT 5"
        )
        problems.append(f"runs ended as {states}, not all {world.fires} completed: {errors.fetchall()}")
    (refused,) = admin.execute(LATE_WRITES).fetchone()
    p50, p95 = _rescue_times(admin, place, killed)
    return Verdict(
        fault,
        times,
        world.fires,
        states.get("completed", 0),
        sum(report.total.skipped.values()),
        missing,
        extra,
        refused,
        p50,
        p95,
        problems,
    )


def _of_rows(admin, now, trivial: bool, ordered: bool) -> list[str]:
    problems = []
    whole = {rule: said for rule, said in WHOLE.items() if ordered or rule != BY_IDS}
    for rules in (BOUNDED, whole):
        try:
            check(admin, now, rules)
        except AssertionError as found:
            problems.append(str(found))
    return problems + broken(admin, NEVER | IN_THE_END, trivial)


def broken(admin, rules: dict[str, str], trivial: bool = True) -> list[str]:
    """The rules that are broken, with the first rows that break them."""
    found = {rule: admin.execute(said, {"trivial": trivial}).fetchmany(3) for rule, said in rules.items()}
    return [f"{rule}: {rows}" for rule, rows in found.items() if rows]


def of_journals(admin, place: Path) -> list[str]:
    """What the workers say they completed, against the rows: each run once, by the attempt in the row."""
    said_so = [*read_journals(place, "completed")]
    rows = {
        str(run): (attempt, token)
        for run, attempt, token in admin.execute(
            "SELECT id, attempt, fencing_token FROM scheduler.runs WHERE state = 'completed'"
        )
    }
    problems, seen = [], set()
    for said in said_so:
        if said["run"] in seen:
            problems.append(f"two workers completed run {said['run']}")
        seen.add(said["run"])
        if rows.get(said["run"]) != (said["attempt"], said["token"]):
            problems.append(f"a worker completed {said}, the row says {rows.get(said['run'])}")
    return problems


def _rescue_times(admin, place: Path, killed: dict[int, float]) -> tuple[float | None, float | None]:
    pids = {said["worker"]: pid_of(said) for said in read_journals(place, "registered")}
    waits = sorted(
        at.timestamp() - killed[pids[str(worker)]]
        for worker, at in admin.execute(RESCUES)
        if pids.get(str(worker)) in killed and at.timestamp() > killed[pids[str(worker)]]
    )
    if not waits:
        return None, None
    return tuple(round(waits[min(len(waits) - 1, int(len(waits) * share))], 2) for share in (0.5, 0.95))
