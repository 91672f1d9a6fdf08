"""What Dagster and its workers do to runs, for all of them at once: set-based, along legal edges only."""

from datetime import datetime, timedelta
from uuid import UUID

from resources.ids import new_id

CHANCE = "(hashtextextended(r.tenant_id || r.scheduled_for || r.attempt, %(salt)s) & 1023) < 1024 *"
"""The same for the same occurrence and salt, whatever ids the run and its launch have."""

TAKE = """
    UPDATE scheduler.launches SET state = 'acknowledged', dagster_run_id = 'sim-' || id, acknowledged_at = %(now)s
    WHERE state = 'offered'"""
LOSE = f"""
    UPDATE scheduler.runs AS r SET state = 'pending', launch_id = NULL
    WHERE r.state = 'queued' AND {CHANCE} 0.02"""
OPEN = f"""
    UPDATE scheduler.runs AS r
    SET state = 'running', fencing_token = nextval('scheduler.fencing_tokens'), started_at = %(now)s,
        dagster_run_id = l.dagster_run_id, worker_id = %(worker)s
    FROM scheduler.launches AS l
    WHERE r.launch_id = l.id AND r.state = 'queued' AND l.state = 'acknowledged' AND {CHANCE} 0.9"""
END = f"""
    UPDATE scheduler.runs AS r
    SET state = CASE WHEN r.cancel_requested_at IS NOT NULL THEN 'cancelled'
                     WHEN {CHANCE} 0.05 THEN 'failed' ELSE 'completed' END,
        error = CASE WHEN r.cancel_requested_at IS NULL AND {CHANCE} 0.05 THEN 'simulated' END,
        finished_at = greatest(%(now)s, r.started_at)
    WHERE r.state = 'running' AND (r.cancel_requested_at IS NOT NULL OR {CHANCE} %(share)s)"""
RETRY = f"""
    UPDATE scheduler.runs AS r
    SET state = 'pending', attempt = attempt + 1, available_at = %(later)s, launch_id = NULL, fencing_token = NULL,
        started_at = NULL, dagster_run_id = NULL, worker_id = NULL
    WHERE r.state = 'running' AND r.cancel_requested_at IS NULL AND {CHANCE} 0.02"""
FINISH = """
    UPDATE scheduler.launches AS l SET state = 'finished', finished_at = %(now)s
    WHERE l.state = 'acknowledged'
      AND NOT EXISTS (SELECT FROM scheduler.runs AS r WHERE r.launch_id = l.id AND r.state IN ('queued', 'running'))"""


class Carrier:
    """Opens what was launched and ends most of what runs; a few runs lose their launch or their worker."""

    def __init__(self, admin, seed: int, now: datetime) -> None:
        self.admin, self.seed, self.turn = admin, seed, 0
        self.worker: UUID = new_id()
        admin.execute(
            "INSERT INTO scheduler.workers (id, host, pid, kinds, capacity, version, status, registered_at,"
            " last_heartbeat_at) VALUES (%s, 'sim', 1, '{graph}', 1, '0', 'active', %s, %s)",
            [self.worker, now, now],
        )

    def carry(self, now: datetime, share: float = 0.85) -> None:
        """Ends a share of what ran before, opens what is new, and ends half of that at once."""
        with self.admin.transaction():
            for statement, part in ((END, share), (RETRY, 0), (TAKE, 0), (LOSE, 0), (OPEN, 0), (END, 0.5)):
                self.turn += 1
                self._execute(statement, now, part)
            self._execute(FINISH, now, 0)

    def _execute(self, statement: str, now: datetime, share: float) -> None:
        parameters = {"now": now, "later": now + timedelta(minutes=5), "worker": self.worker, "share": share}
        self.admin.execute(statement, parameters | {"salt": self.seed * 1_000_003 + self.turn})
