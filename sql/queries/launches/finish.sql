-- Ends a launch whose runs are all written. Guard: state = 'acknowledged' by this Dagster run.
UPDATE scheduler.launches
SET state = 'finished', finished_at = %(now)s
WHERE id = %(id)s AND state = 'acknowledged' AND dagster_run_id = %(dagster_run_id)s
RETURNING id
