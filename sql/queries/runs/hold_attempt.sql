-- Holds a running attempt in place while its results are written. Guard: state = 'running' and its fencing token.
SELECT cancel_requested_at
FROM scheduler.runs
WHERE tenant_id = %(tenant_id)s AND id = %(id)s AND state = 'running' AND fencing_token = %(token)s
FOR SHARE
