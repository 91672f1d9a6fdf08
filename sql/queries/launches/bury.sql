-- Marks a launch that ended without finishing. Guard: state in offered, acknowledged.
UPDATE scheduler.launches
SET state = 'dead', finished_at = %(now)s
WHERE id = %(id)s AND state IN ('offered', 'acknowledged')
RETURNING id
