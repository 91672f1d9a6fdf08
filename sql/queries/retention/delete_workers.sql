-- Deletes workers that ended before an instant, at most a batch. Guard: no run names them (OFFSET 0: looked up one by one, by the index, not by reading every run).
DELETE FROM scheduler.workers
WHERE id = ANY(ARRAY(
    SELECT w.id
    FROM scheduler.workers AS w
    WHERE w.ended_at < %(before)s AND NOT EXISTS (SELECT FROM scheduler.runs AS r WHERE r.worker_id = w.id OFFSET 0)
    ORDER BY w.ended_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED))
