-- Launches that nobody opened and whose owner's daemon has been silent for longer than the limit, or never claimed.
SELECT l.id, l.owner, l.kind, l.state, l.offers, l.offered_at, l.dagster_run_id, l.created_at, l.acknowledged_at, l.finished_at
FROM scheduler.launches AS l
LEFT JOIN scheduler.instances AS i ON i.owner = l.owner
WHERE l.state = 'offered' AND l.created_at < %(now)s - %(silent_for)s::interval
  AND (i.owner IS NULL OR i.last_seen_at < %(now)s - %(silent_for)s::interval)
ORDER BY l.owner, l.offered_at NULLS FIRST
LIMIT %(limit)s
