-- Deletes what people were to be told before an instant, at most a batch. Guard: nobody delivers it at this moment.
DELETE FROM scheduler.notifications
WHERE (tenant_id, id) IN (
    SELECT n.tenant_id, n.id
    FROM scheduler.notifications AS n
    WHERE n.created_at < %(before)s
    ORDER BY n.created_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED)
