-- A page of this owner's launches that Dagster should know by now: offered before an instant (or a minute after it and more, by a clock that was set back since), or acknowledged and not finished.
SELECT id, owner, kind, state, offers, offered_at, dagster_run_id, created_at, acknowledged_at, finished_at
FROM scheduler.launches
WHERE owner = %(owner)s AND (%(after_id)s::uuid IS NULL OR id > %(after_id)s)
  AND (state = 'acknowledged' OR (state = 'offered' AND (
        offered_at <= %(before)s OR offered_at > %(before)s::timestamptz + interval '1 minute')))
ORDER BY id
LIMIT %(limit)s
