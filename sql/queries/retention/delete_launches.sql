-- Deletes launches that ended before an instant, at most a batch. Guard: no run names them (OFFSET 0: looked up one by one, by the index, not by reading every run).
DELETE FROM scheduler.launches
WHERE id = ANY(ARRAY(
    SELECT l.id
    FROM scheduler.launches AS l
    WHERE l.finished_at < %(before)s AND NOT EXISTS (SELECT FROM scheduler.runs AS r WHERE r.launch_id = l.id OFFSET 0)
    ORDER BY l.finished_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED))
