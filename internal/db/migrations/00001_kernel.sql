-- +goose Up

-- The one-time right to create the first organization.
CREATE TABLE setup (
	id         BIGINT PRIMARY KEY,
	token_hash BYTEA  NOT NULL,
	expires    BIGINT NOT NULL,
	used       BIGINT NOT NULL
);

-- People who can sign in. An email is stored folded to lower case.
CREATE TABLE users (
	id            TEXT    PRIMARY KEY,
	email         TEXT    NOT NULL UNIQUE,
	name          TEXT    NOT NULL,
	password_hash TEXT    NOT NULL,
	created       BIGINT  NOT NULL,
	disabled      BOOLEAN NOT NULL
);

-- Signed-in browsers, by the hash of their cookie.
CREATE TABLE sessions (
	id      BYTEA  PRIMARY KEY,
	user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_id  TEXT   NOT NULL,
	agent   TEXT   NOT NULL,
	created BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE orgs (
	org_id  TEXT   PRIMARY KEY,
	name    TEXT   NOT NULL,
	zone    TEXT   NOT NULL,
	version BIGINT NOT NULL,
	created BIGINT NOT NULL
);

-- Who belongs to which organization, and as what.
CREATE TABLE members (
	org_id  TEXT   NOT NULL REFERENCES orgs (org_id),
	user_id TEXT   NOT NULL REFERENCES users (id),
	roles   TEXT   NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id)
);

-- Programs that may act for a member, by the hash of their secret.
CREATE TABLE tokens (
	org_id  TEXT   NOT NULL,
	id      TEXT   NOT NULL,
	user_id TEXT   NOT NULL,
	name    TEXT   NOT NULL,
	hash    BYTEA  NOT NULL UNIQUE,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	revoked BIGINT NOT NULL,
	PRIMARY KEY (org_id, id),
	FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id)
);

-- What an operation answered to an idempotency key, for 30 days.
CREATE TABLE op_key (
	org_id TEXT   NOT NULL,
	actor  TEXT   NOT NULL,
	key    TEXT   NOT NULL,
	op     TEXT   NOT NULL,
	input  TEXT   NOT NULL,
	output TEXT   NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (org_id, actor, key)
);
CREATE INDEX op_key_at ON op_key (at);

-- An organization's key, wrapped by the installation's root key.
CREATE TABLE blob_org_key (
	org_id  TEXT  PRIMARY KEY,
	wrapped BYTEA NOT NULL
);

-- Stored bytes. The file key is here and nowhere else: without this row every
-- copy of the bytes is unreadable.
CREATE TABLE blob (
	org_id  TEXT   NOT NULL,
	address TEXT   NOT NULL,
	file_key BYTEA NOT NULL,
	size    BIGINT NOT NULL,
	sealed_sha256 TEXT NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (org_id, address)
);

-- The Merkle logs. docs/ledger.md is their specification.
CREATE TABLE ledger_log (
	org_id     TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	origin     TEXT    NOT NULL UNIQUE,
	epoch      BIGINT  NOT NULL,
	generation BIGINT  NOT NULL,
	public_key BYTEA   NOT NULL,
	demo       BOOLEAN NOT NULL,
	created    BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE TABLE ledger_head (
	org_id   TEXT   NOT NULL,
	log_id   TEXT   NOT NULL,
	size     BIGINT NOT NULL,
	recorded BIGINT NOT NULL,
	PRIMARY KEY (org_id, log_id)
);
CREATE TABLE ledger_leaf (
	org_id   TEXT   NOT NULL,
	log_id   TEXT   NOT NULL,
	idx      BIGINT NOT NULL,
	kind     TEXT   NOT NULL,
	recorded BIGINT NOT NULL,
	leaf     BYTEA  NOT NULL,
	PRIMARY KEY (org_id, log_id, idx)
);
CREATE INDEX ledger_leaf_kind ON ledger_leaf (org_id, log_id, kind, idx);
CREATE TABLE ledger_hash (
	org_id TEXT   NOT NULL,
	log_id TEXT   NOT NULL,
	pos    BIGINT NOT NULL,
	hash   BYTEA  NOT NULL,
	PRIMARY KEY (org_id, log_id, pos)
);
CREATE TABLE ledger_opening (
	org_id  TEXT   NOT NULL,
	log_id  TEXT   NOT NULL,
	idx     BIGINT NOT NULL,
	label   TEXT   NOT NULL,
	salt    BYTEA  NOT NULL,
	payload TEXT   NOT NULL,
	PRIMARY KEY (org_id, log_id, idx, label)
);
CREATE TABLE ledger_checkpoint (
	org_id TEXT   NOT NULL,
	log_id TEXT   NOT NULL,
	size   BIGINT NOT NULL,
	note   TEXT   NOT NULL,
	signed BIGINT NOT NULL,
	PRIMARY KEY (org_id, log_id, size)
);

-- Work of the machine.
CREATE TABLE job (
	id           TEXT   PRIMARY KEY,
	org_id       TEXT   NOT NULL,
	kind         TEXT   NOT NULL,
	args         TEXT   NOT NULL,
	unique_key   TEXT   NOT NULL,
	state        TEXT   NOT NULL,
	attempt      BIGINT NOT NULL,
	max_attempts BIGINT NOT NULL,
	run_at       BIGINT NOT NULL,
	lease_until  BIGINT NOT NULL,
	worker       TEXT   NOT NULL,
	error        TEXT   NOT NULL,
	progress     TEXT   NOT NULL,
	created      BIGINT NOT NULL,
	finished     BIGINT NOT NULL
);
CREATE INDEX job_due ON job (state, run_at, id);
CREATE UNIQUE INDEX job_unique ON job (org_id, kind, unique_key) WHERE state IN ('ready', 'running') AND unique_key <> '';
CREATE TABLE job_schedule (
	org_id   TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	args     TEXT   NOT NULL,
	every    BIGINT NOT NULL,
	next_run BIGINT NOT NULL,
	PRIMARY KEY (org_id, name)
);
CREATE INDEX job_schedule_due ON job_schedule (next_run);
