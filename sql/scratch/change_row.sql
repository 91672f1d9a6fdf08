-- Changes one row without moving it. Guard: none, on purpose: it is the trigger legal_edges that is tried.
UPDATE {table} SET created_at = created_at - interval '1 second' WHERE id = %(id)s
