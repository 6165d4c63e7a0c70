-- The lowest schema of programs that work with this one: see migrate.go.
ALTER TABLE orgexport_schema ADD COLUMN compatible INTEGER NOT NULL DEFAULT 0;

-- Which database this is, and whether it is a demo's. There is one row.
CREATE TABLE orgexport_identity (
	id   TEXT    NOT NULL PRIMARY KEY,
	demo INTEGER NOT NULL
) STRICT;

-- When something was last done, such as that a worker looked for jobs.
CREATE TABLE orgexport_marks (
	name TEXT    NOT NULL PRIMARY KEY,
	at   INTEGER NOT NULL
) STRICT;

ALTER TABLE orgexport_jobs ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN keys TEXT NOT NULL DEFAULT '[]'; -- JSON
ALTER TABLE orgexport_jobs ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_jobs ADD COLUMN unable_since INTEGER;
ALTER TABLE orgexport_jobs ADD COLUMN damaged_at INTEGER;

-- A cancelled job counts for the day. The index of before serves older programs.
CREATE INDEX orgexport_jobs_used ON orgexport_jobs (organization_id, created_at) WHERE status <> 'failed' OR cancelled;

-- By which damaged archives are counted.
CREATE INDEX orgexport_jobs_damaged ON orgexport_jobs (damaged_at) WHERE damaged_at IS NOT NULL;

-- By which ended jobs are removed.
CREATE INDEX orgexport_jobs_ended ON orgexport_jobs (finished_at) WHERE finished_at IS NOT NULL;

-- How many requests an entry stands for, if there are several.
ALTER TABLE orgexport_audit ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
