-- Lets one roll-up of a schedule run at a time: a later one then sees what this one's transaction finished.
SELECT pg_advisory_xact_lock(hashtextextended(
    'scheduler.run_summaries ' || %(tenant_id)s || ' ' || %(kind)s || ' ' || coalesce(%(schedule_id)s::text, ''), 0))
