-- Every run of a launch, in the order of tenant and id.
SELECT r.*
FROM scheduler.ledger AS r
WHERE r.launch_id = %(launch_id)s
ORDER BY r.tenant_id, r.id
