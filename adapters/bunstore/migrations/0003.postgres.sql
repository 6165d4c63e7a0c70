ALTER TABLE orgexport_jobs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN put_off BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE orgexport_jobs ADD COLUMN claimed_at BIGINT;

-- When an organization's turn was last.
CREATE INDEX orgexport_jobs_claimed ON orgexport_jobs (organization_id, claimed_at) WHERE claimed_at IS NOT NULL;

-- By which old entries are removed.
CREATE INDEX orgexport_audit_oldest ON orgexport_audit (at);
