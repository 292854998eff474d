-- +goose Up

-- The key under which secrets of the installation itself are sealed: those of
-- people, who belong to several organizations. Root wraps it, so that a change of
-- the root key wraps one row anew and leaves what it seals alone.
CREATE TABLE blob_installation (
	id      BIGINT PRIMARY KEY,
	wrapped BYTEA  NOT NULL
);

-- A program that makes codes (RFC 6238). step is the newest that was used: no
-- code opens the door twice. Until it is confirmed it opens nothing.
CREATE TABLE users_totp (
	user_id   TEXT   PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
	sealed    BYTEA  NOT NULL,
	step      BIGINT NOT NULL,
	created   BIGINT NOT NULL,
	confirmed BIGINT NOT NULL,
	used      BIGINT NOT NULL
);

-- A passkey: what the authenticator said of itself, which is no secret.
CREATE TABLE users_passkey (
	id         TEXT   PRIMARY KEY,
	user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name       TEXT   NOT NULL,
	credential TEXT   NOT NULL,
	created    BIGINT NOT NULL,
	used       BIGINT NOT NULL
);
CREATE INDEX users_passkey_user ON users_passkey (user_id);

-- Recovery codes, hashed. Each opens the door once.
CREATE TABLE users_code (
	user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	hash    BYTEA  NOT NULL,
	used    BIGINT NOT NULL,
	PRIMARY KEY (user_id, hash)
);

-- A link with which a person chooses a new password, once. org_id is whose log
-- says so.
CREATE TABLE users_recovery (
	hash    BYTEA   PRIMARY KEY,
	user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_id  TEXT    NOT NULL,
	factors BOOLEAN NOT NULL,
	actor   TEXT    NOT NULL,
	created BIGINT  NOT NULL,
	expires BIGINT  NOT NULL,
	used    BIGINT  NOT NULL
);
CREATE INDEX users_recovery_user ON users_recovery (user_id);

-- What was good once and has been used, until it would have run out anyway.
CREATE TABLE users_spent (
	hash    BYTEA  PRIMARY KEY,
	expires BIGINT NOT NULL
);

-- signed is when the person last said who they are; factor is how besides the
-- password.
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN signed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN factor TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_expires ON sessions (expires);

-- The roles of a member who is deactivated: roles is empty meanwhile, so that
-- whatever asks who may finds nobody.
ALTER TABLE members ADD COLUMN resting TEXT NOT NULL DEFAULT '';

ALTER TABLE invitation ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE invitation ADD COLUMN sent BIGINT NOT NULL DEFAULT 0;

-- What an organization demands of whoever signs in to it.
CREATE TABLE orgs_door (
	org_id        TEXT    PRIMARY KEY,
	second_factor BOOLEAN NOT NULL,
	idle_hours    BIGINT  NOT NULL,
	version       BIGINT  NOT NULL,
	changed       BIGINT  NOT NULL
);
