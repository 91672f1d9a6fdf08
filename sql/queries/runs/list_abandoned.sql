-- Runs that still run by the ledger though their worker is dead or gone.
SELECT r.*
FROM scheduler.ledger AS r
JOIN scheduler.workers AS w ON w.id = r.worker_id
WHERE r.state = 'running' AND w.status IN ('dead', 'gone')
ORDER BY r.tenant_id, r.id
LIMIT %(limit)s
