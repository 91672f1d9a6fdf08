-- Images with an SBOM that a text names: by their whole name, else by name without registry or tag, else by a part of it.
SELECT tenant_id, id, registry, repository, digest, tag, namespace, labels, sbom_id
FROM (
    SELECT i.*
    FROM inventory.images AS i,
        LATERAL (SELECT concat_ws('/', nullif(registry, ''), repository), coalesce(':' || tag, ''), coalesce('@' || digest, ''))
            AS named (place, of_tag, of_digest)
    WHERE tenant_id = %(tenant_id)s AND sbom_id IS NOT NULL
      AND (strpos(place || of_tag || of_digest, %(text)s) > 0 OR strpos(place || of_digest, %(text)s) > 0)
    ORDER BY CASE
        WHEN %(text)s IN (place || of_tag || of_digest, place || of_tag, place || of_digest) THEN 0
        WHEN %(text)s IN (place, repository || of_tag, repository || of_digest, repository) THEN 1
        ELSE 2 END
    FETCH FIRST 1 ROW WITH TIES) AS nearest
ORDER BY registry, repository, identity
LIMIT %(limit)s
