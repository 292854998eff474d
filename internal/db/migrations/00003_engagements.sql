-- +goose Up

-- An organization is examined, or examines.
ALTER TABLE orgs ADD COLUMN kind TEXT NOT NULL DEFAULT 'service';

-- A place kept for somebody, or for a CPA firm, by the hash of its secret.
CREATE TABLE invitation (
	org_id   TEXT   NOT NULL,
	id       TEXT   NOT NULL,
	hash     BYTEA  NOT NULL UNIQUE,
	role     TEXT   NOT NULL,
	note     TEXT   NOT NULL,
	actor    TEXT   NOT NULL,
	created  BIGINT NOT NULL,
	expires  BIGINT NOT NULL,
	used     BIGINT NOT NULL,
	user_id  TEXT   NOT NULL,
	firm_org TEXT   NOT NULL,
	revoked  BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);

-- An engagement as it stands. Its organization is the engagement's file: the
-- firm's side, with a key and a log of its own.
CREATE TABLE engagement (
	org_id      TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	name        TEXT   NOT NULL,
	type        TEXT   NOT NULL,
	categories  TEXT   NOT NULL,
	catalogue   TEXT   NOT NULL,
	system      TEXT   NOT NULL,
	as_of       TEXT   NOT NULL,
	starts      TEXT   NOT NULL,
	ends        TEXT   NOT NULL,
	zone        TEXT   NOT NULL,
	firm_org    TEXT   NOT NULL,
	firm_name   TEXT   NOT NULL,
	client_org  TEXT   NOT NULL,
	client_name TEXT   NOT NULL,
	partner     TEXT   NOT NULL,
	profile     TEXT   NOT NULL,
	plan        TEXT   NOT NULL,
	version     BIGINT NOT NULL,
	state       TEXT   NOT NULL,
	since       BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
-- The states it went through, with who took it there.
CREATE TABLE engagement_state (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	seq           BIGINT NOT NULL,
	state         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	actor         TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	PRIMARY KEY (org_id, engagement_id, seq),
	FOREIGN KEY (org_id, engagement_id) REFERENCES engagement (org_id, id)
);
-- Each agreed version of its dates and scope.
CREATE TABLE engagement_version (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	body          TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	actor         TEXT   NOT NULL,
	PRIMARY KEY (org_id, engagement_id, version),
	FOREIGN KEY (org_id, engagement_id) REFERENCES engagement (org_id, id)
);
-- Where each of the two organizations finds it.
CREATE TABLE engagement_side (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	file_org      TEXT   NOT NULL,
	other_org     TEXT   NOT NULL,
	side          TEXT   NOT NULL,
	PRIMARY KEY (org_id, engagement_id)
);
-- A firm's methodology, version by version.
CREATE TABLE engagement_methodology (
	org_id  TEXT   NOT NULL,
	version BIGINT NOT NULL,
	body    TEXT   NOT NULL,
	reason  TEXT   NOT NULL,
	at      BIGINT NOT NULL,
	actor   TEXT   NOT NULL,
	PRIMARY KEY (org_id, version)
);
