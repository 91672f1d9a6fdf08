-- A digest of the open findings of each of some images: of a line each, in the order of their bytes.
SELECT image_id, encode(sha256(convert_to(string_agg(line, chr(10) ORDER BY line COLLATE "C"), 'UTF8')), 'hex')
FROM (
    SELECT image_id,
        concat_ws(chr(31), policy_id, component_id, advisory_id, policy_revision, match, severity, verdict,
            coalesce(rule, chr(30)), coalesce(message, chr(30))) AS line
    FROM inventory.findings
    WHERE tenant_id = %(tenant_id)s AND image_id = ANY(%(images)s) AND fixed_at IS NULL) AS found
GROUP BY image_id
