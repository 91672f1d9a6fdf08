-- Keeps a graph once per digest. Guard: a graph that exists is left as it is.
INSERT INTO inventory.graphs (tenant_id, digest, root, node_count, edge_count, max_depth, content, created_at)
VALUES (%(tenant_id)s, %(digest)s, %(root)s, %(node_count)s, %(edge_count)s, %(max_depth)s, %(content)s, %(now)s)
ON CONFLICT (tenant_id, digest) DO NOTHING
