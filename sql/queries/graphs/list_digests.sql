-- The digests of graphs that begin with some digits, in order. A prefix is a range: digests are 64 digits from 0 to f.
SELECT digest
FROM inventory.graphs
WHERE tenant_id = %(tenant_id)s AND digest BETWEEN rpad(%(prefix)s, 64, '0') AND rpad(%(prefix)s, 64, 'f')
ORDER BY digest
LIMIT %(limit)s
