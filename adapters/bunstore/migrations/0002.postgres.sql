ALTER TABLE orgexport_keys ADD COLUMN limit_per_minute BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orgexport_keys ADD COLUMN limit_per_day BIGINT NOT NULL DEFAULT 0;

ALTER TABLE orgexport_audit ADD COLUMN object TEXT NOT NULL DEFAULT '';

-- What the jobs of an organization take up is counted whenever one is created.
CREATE INDEX orgexport_jobs_usage ON orgexport_jobs (organization_id, created_at) WHERE status <> 'failed';
CREATE INDEX orgexport_jobs_flying ON orgexport_jobs (organization_id) WHERE status IN ('pending', 'processing');

CREATE TABLE orgexport_sessions (
	id         TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
	hash       BYTEA  NOT NULL UNIQUE,
	subject    TEXT   NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);

CREATE INDEX orgexport_sessions_oldest ON orgexport_sessions (subject, created_at, id);
CREATE INDEX orgexport_sessions_expired ON orgexport_sessions (expires_at);

-- Every request writes here. UNLOGGED, it waits for no disk; after a crash of the
-- server, or on a standby that takes over, the table is empty and counting begins
-- anew. The room that fillfactor leaves lets an update stay in its page, and touch
-- no index.
CREATE UNLOGGED TABLE orgexport_windows (
	key     BYTEA  NOT NULL, -- SHA-256
	length  BIGINT NOT NULL, -- milliseconds
	ends_at BIGINT NOT NULL,
	count   BIGINT NOT NULL,
	PRIMARY KEY (key, length)
) WITH (fillfactor = 70);

CREATE INDEX orgexport_windows_over ON orgexport_windows (ends_at);
