-- A policy can be taken out: runs leave it out, its revisions stay, and a document of its name brings it back.

ALTER TABLE inventory.policies ADD COLUMN deleted_at timestamptz;
COMMENT ON COLUMN inventory.policies.deleted_at IS 'When the policy was removed; NULL while runs evaluate it.';
