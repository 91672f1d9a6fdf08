-- A graph, compressed with zlib.
SELECT content
FROM inventory.graphs
WHERE tenant_id = %(tenant_id)s AND digest = %(digest)s
