-- additive
-- Jobs that several workers export at once.
ALTER TABLE orgexport_jobs ADD COLUMN claims BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN worker BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN fan_out TEXT NOT NULL DEFAULT '';
ALTER TABLE orgexport_jobs ADD COLUMN shared_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN shards JSONB NOT NULL DEFAULT '[]';
ALTER TABLE orgexport_jobs ADD COLUMN helpers JSONB NOT NULL DEFAULT '[]';
ALTER TABLE orgexport_jobs ADD COLUMN snapshot JSONB NOT NULL DEFAULT '{}';

-- Whether workers may come to help, if shared_by is the attempt, and how many have.
ALTER TABLE orgexport_jobs ADD COLUMN offers BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE orgexport_jobs ADD COLUMN helping BIGINT NOT NULL DEFAULT 0;
