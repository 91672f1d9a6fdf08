-- Takes this owner's launches that no Dagster run has acknowledged, none again before its lease is over; one offered further ahead than that was so by a clock that was set back since. Guard: state = 'offered'.
-- MATERIALIZED: evaluated once whatever the plan, so that no more than the limit is locked and taken.
WITH due AS MATERIALIZED (
    SELECT id
    FROM scheduler.launches
    WHERE owner = %(owner)s AND state = 'offered'
      AND (offered_at IS NULL OR offered_at <= %(now)s - %(lease)s::interval OR offered_at > %(now)s + %(lease)s::interval)
    ORDER BY offered_at NULLS FIRST, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE scheduler.launches AS l
SET offers = l.offers + 1, offered_at = %(now)s
FROM due
WHERE l.id = due.id
RETURNING l.id
