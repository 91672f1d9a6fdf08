-- Registers a process that carries runs. Guard: its id is new.
INSERT INTO scheduler.workers (id, host, pid, kinds, capacity, version, dagster_run_id, status, registered_at, last_heartbeat_at)
VALUES (%(id)s, %(host)s, %(pid)s, %(kinds)s, %(capacity)s, %(version)s, %(dagster_run_id)s, 'active', %(now)s, %(now)s)
