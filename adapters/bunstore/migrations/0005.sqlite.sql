-- additive
-- Jobs that several workers export at once. What is JSON is a text.
ALTER TABLE orgexport_jobs ADD COLUMN claims INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN worker INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN fan_out TEXT NOT NULL DEFAULT '';
ALTER TABLE orgexport_jobs ADD COLUMN shared_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN shards TEXT NOT NULL DEFAULT '[]';
ALTER TABLE orgexport_jobs ADD COLUMN helpers TEXT NOT NULL DEFAULT '[]';
ALTER TABLE orgexport_jobs ADD COLUMN snapshot TEXT NOT NULL DEFAULT '{}';

-- Whether workers may come to help, if shared_by is the attempt, and how many have.
ALTER TABLE orgexport_jobs ADD COLUMN offers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN helping INTEGER NOT NULL DEFAULT 0;
