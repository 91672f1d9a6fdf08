-- Puts one row into a state, whatever state it is in. Guard: none, on purpose: it is the trigger legal_edges that is tried.
UPDATE {table} SET {column} = %(state)s WHERE id = %(id)s
