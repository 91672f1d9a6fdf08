-- Adds the work items of a graph run, one an image. Guard: an item that exists is left as it is.
INSERT INTO scheduler.graph_jobs (tenant_id, id, run_id, kind, image_id, sbom_id, status, created_at)
SELECT %(tenant_id)s, id, %(run_id)s, %(kind)s, image_id, sbom_id, 'pending', %(now)s
FROM unnest(%(ids)s::uuid[], %(images)s::uuid[], %(sboms)s::uuid[]) AS new (id, image_id, sbom_id)
ON CONFLICT (tenant_id, run_id, image_id, kind) DO NOTHING
