CREATE TABLE orgexport_schema (
	version    INTEGER NOT NULL PRIMARY KEY,
	applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE orgexport_jobs (
	id                TEXT    NOT NULL PRIMARY KEY,
	version           INTEGER NOT NULL, -- counts writes
	request           BLOB    NOT NULL, -- digest of organization_id, format, sections and retry_of
	organization_id   TEXT    NOT NULL,
	organization_slug TEXT    NOT NULL,
	organization_name TEXT    NOT NULL,
	format            TEXT    NOT NULL,
	sections          TEXT    NOT NULL, -- JSON
	retry_of          TEXT    NOT NULL,
	requester         TEXT    NOT NULL,
	created_at        INTEGER NOT NULL,
	as_of             INTEGER,
	status            TEXT    NOT NULL,
	attempt           INTEGER NOT NULL,
	failures          INTEGER NOT NULL,
	lease_owner       TEXT    NOT NULL,
	lease_until       INTEGER,
	due_at            INTEGER, -- when somebody has to see to the job: lease over, or something to purge
	progress          TEXT    NOT NULL, -- JSON
	parts             TEXT    NOT NULL, -- JSON
	results           TEXT    NOT NULL, -- JSON
	error             TEXT    NOT NULL,
	finished_at       INTEGER,
	filename          TEXT    NOT NULL,
	object_key        TEXT    NOT NULL,
	size              INTEGER NOT NULL,
	sha256            BLOB,
	expires_at        INTEGER,
	purge_at          INTEGER
) STRICT;

CREATE UNIQUE INDEX orgexport_jobs_in_flight ON orgexport_jobs (request) WHERE status IN ('pending', 'processing');
CREATE INDEX orgexport_jobs_newest ON orgexport_jobs (organization_id, created_at, id);
CREATE INDEX orgexport_jobs_due ON orgexport_jobs (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE orgexport_keys (
	id              TEXT    NOT NULL PRIMARY KEY,
	hash            BLOB    NOT NULL UNIQUE,
	kind            TEXT    NOT NULL,
	organization_id TEXT    NOT NULL,
	role            TEXT    NOT NULL,
	user_id         TEXT    NOT NULL,
	name            TEXT    NOT NULL,
	created_at      INTEGER NOT NULL,
	expires_at      INTEGER,
	revoked_at      INTEGER,
	last_used_at    INTEGER
) STRICT;

CREATE INDEX orgexport_keys_oldest ON orgexport_keys (organization_id, created_at, id);

CREATE TABLE orgexport_members (
	organization_id TEXT NOT NULL,
	subject         TEXT NOT NULL,
	role            TEXT NOT NULL,
	PRIMARY KEY (organization_id, subject)
) STRICT;

CREATE TABLE orgexport_audit (
	id              INTEGER PRIMARY KEY AUTOINCREMENT,
	at              INTEGER NOT NULL,
	action          TEXT    NOT NULL,
	actor           TEXT    NOT NULL,
	organization_id TEXT    NOT NULL,
	job_id          TEXT    NOT NULL,
	address         TEXT    NOT NULL,
	byte_range      TEXT    NOT NULL,
	bytes           INTEGER NOT NULL,
	complete        INTEGER NOT NULL
) STRICT;

CREATE INDEX orgexport_audit_newest ON orgexport_audit (organization_id, at, id);
