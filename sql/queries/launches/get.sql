-- One launch by its id.
SELECT id, owner, kind, state, offers, offered_at, dagster_run_id, created_at, acknowledged_at, finished_at
FROM scheduler.launches
WHERE id = %(id)s
