-- Fails the runs of a launch that ended before it opened them. Guard: state = 'queued'; returns the ids failed.
UPDATE scheduler.runs
SET state = 'failed', error = %(error)s, finished_at = %(now)s
WHERE launch_id = %(launch_id)s AND state = 'queued'
RETURNING id
