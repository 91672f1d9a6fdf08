-- Deletes what people were to be told before an instant, at most a batch. Guard: nobody delivers it at this moment; what is locked stays where it is.
DELETE FROM scheduler.notifications
WHERE ctid = ANY(ARRAY(
    SELECT n.ctid
    FROM scheduler.notifications AS n
    WHERE n.created_at < %(before)s
    ORDER BY n.created_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED))
