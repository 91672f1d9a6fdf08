-- Keeps a revision of a policy as it was written. Guard: a revision is written once.
INSERT INTO inventory.policy_revisions (tenant_id, policy_id, revision, document, digest, created_at, created_by)
VALUES (%(tenant_id)s, %(policy_id)s, %(revision)s, %(document)s, %(digest)s, %(now)s, %(actor)s)
