CREATE TABLE orgexport_schema (
	version    BIGINT  NOT NULL PRIMARY KEY,
	applied_at BIGINT  NOT NULL
);

CREATE TABLE orgexport_jobs (
	id                TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
	version           BIGINT  NOT NULL, -- counts writes
	request           BYTEA   NOT NULL, -- digest of organization_id, format, sections and retry_of
	organization_id   TEXT    NOT NULL,
	organization_slug TEXT    NOT NULL,
	organization_name TEXT    NOT NULL,
	format            TEXT    NOT NULL,
	sections          JSONB   NOT NULL,
	retry_of          TEXT    NOT NULL,
	requester         TEXT    NOT NULL,
	created_at        BIGINT  NOT NULL,
	as_of             BIGINT,
	status            TEXT    NOT NULL,
	attempt           BIGINT  NOT NULL,
	failures          BIGINT  NOT NULL,
	lease_owner       TEXT    NOT NULL,
	lease_until       BIGINT,
	due_at            BIGINT, -- when somebody has to see to the job: lease over, or something to purge
	progress          JSONB   NOT NULL,
	parts             JSONB   NOT NULL,
	results           JSONB   NOT NULL,
	error             TEXT    NOT NULL,
	finished_at       BIGINT,
	filename          TEXT    NOT NULL,
	object_key        TEXT    NOT NULL,
	size              BIGINT  NOT NULL,
	sha256            BYTEA,
	expires_at        BIGINT,
	purge_at          BIGINT
);

CREATE UNIQUE INDEX orgexport_jobs_in_flight ON orgexport_jobs (request) WHERE status IN ('pending', 'processing');
CREATE INDEX orgexport_jobs_newest ON orgexport_jobs (organization_id, created_at, id);
CREATE INDEX orgexport_jobs_due ON orgexport_jobs (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE orgexport_keys (
	id              TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
	hash            BYTEA   NOT NULL UNIQUE,
	kind            TEXT    NOT NULL,
	organization_id TEXT    NOT NULL,
	role            TEXT    NOT NULL,
	user_id         TEXT    NOT NULL,
	name            TEXT    NOT NULL,
	created_at      BIGINT  NOT NULL,
	expires_at      BIGINT,
	revoked_at      BIGINT,
	last_used_at    BIGINT
);

CREATE INDEX orgexport_keys_oldest ON orgexport_keys (organization_id, created_at, id);

CREATE TABLE orgexport_members (
	organization_id TEXT NOT NULL,
	subject         TEXT COLLATE "C" NOT NULL,
	role            TEXT NOT NULL,
	PRIMARY KEY (organization_id, subject)
);

CREATE TABLE orgexport_audit (
	id              BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at              BIGINT  NOT NULL,
	action          TEXT    NOT NULL,
	actor           TEXT    NOT NULL,
	organization_id TEXT    NOT NULL,
	job_id          TEXT    NOT NULL,
	address         TEXT    NOT NULL,
	byte_range      TEXT    NOT NULL,
	bytes           BIGINT  NOT NULL,
	complete        BOOLEAN NOT NULL
);

CREATE INDEX orgexport_audit_newest ON orgexport_audit (organization_id, at, id);
