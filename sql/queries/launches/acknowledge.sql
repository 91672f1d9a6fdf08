-- Lets one Dagster run take a launch. Guard: state = 'offered'.
UPDATE scheduler.launches
SET state = 'acknowledged', dagster_run_id = %(dagster_run_id)s, acknowledged_at = %(now)s
WHERE id = %(id)s AND state = 'offered'
RETURNING id
