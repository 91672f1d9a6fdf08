-- Deletes one import that finished before an instant, or was left unfinished before another, with what it staged and left out. Guard: nobody advances it at this moment; whole, so that none goes on with half of what it staged.
DELETE FROM inventory.advisory_imports
WHERE id = ANY(ARRAY(
    SELECT i.id
    FROM inventory.advisory_imports AS i
    WHERE i.finished_at IS NULL AND i.touched_at < %(abandoned)s OR i.finished_at < %(before)s
    ORDER BY i.touched_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED))
