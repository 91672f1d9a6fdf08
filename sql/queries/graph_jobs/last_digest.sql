-- The digest of the graph that was built last of an image's SBOM.
SELECT result_digest
FROM scheduler.graph_jobs
WHERE tenant_id = %(tenant_id)s AND image_id = %(image_id)s AND sbom_id = %(sbom_id)s AND status = 'completed'
ORDER BY id DESC
LIMIT 1
