ALTER TABLE orgexport_keys ADD COLUMN limit_per_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orgexport_keys ADD COLUMN limit_per_day INTEGER NOT NULL DEFAULT 0;

ALTER TABLE orgexport_audit ADD COLUMN object TEXT NOT NULL DEFAULT '';

-- What the jobs of an organization take up is counted whenever one is created.
CREATE INDEX orgexport_jobs_usage ON orgexport_jobs (organization_id, created_at) WHERE status <> 'failed';
CREATE INDEX orgexport_jobs_flying ON orgexport_jobs (organization_id) WHERE status IN ('pending', 'processing');

CREATE TABLE orgexport_sessions (
	id         TEXT    NOT NULL PRIMARY KEY,
	hash       BLOB    NOT NULL UNIQUE,
	subject    TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX orgexport_sessions_oldest ON orgexport_sessions (subject, created_at, id);
CREATE INDEX orgexport_sessions_expired ON orgexport_sessions (expires_at);

CREATE TABLE orgexport_windows (
	key     BLOB    NOT NULL, -- SHA-256
	length  INTEGER NOT NULL, -- milliseconds
	ends_at INTEGER NOT NULL,
	count   INTEGER NOT NULL,
	PRIMARY KEY (key, length)
) STRICT, WITHOUT ROWID;

CREATE INDEX orgexport_windows_over ON orgexport_windows (ends_at);
