-- +goose Up

-- A list that the auditor asked for, in the engagement's file. The nonce is
-- empty until it is revealed; until then it lies sealed under secret.
CREATE TABLE population (
	org_id        TEXT   NOT NULL,
	id            TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	code          TEXT   NOT NULL,
	title         TEXT   NOT NULL,
	controls      TEXT   NOT NULL,
	commitment    TEXT   NOT NULL,
	commit_entry  BIGINT NOT NULL,
	secret        TEXT   NOT NULL,
	nonce         TEXT   NOT NULL,
	revealed      BIGINT NOT NULL,
	revealed_by   TEXT   NOT NULL,
	abandoned     BIGINT NOT NULL,
	reason        TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	created       BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX population_live ON population (org_id, engagement_id, code) WHERE abandoned = 0;
CREATE INDEX population_of ON population (org_id, engagement_id, code);
-- What the client built from: the rows lie in blobs, pieces says where each
-- begins. Of another tenant than its population, so without a foreign key.
CREATE TABLE population_version (
	org_id        TEXT   NOT NULL,
	population_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	engagement_id TEXT   NOT NULL,
	status        TEXT   NOT NULL,
	row_count     BIGINT NOT NULL,
	digest        TEXT   NOT NULL,
	root          TEXT   NOT NULL,
	manifest      TEXT   NOT NULL,
	problems      TEXT   NOT NULL,
	checks        TEXT   NOT NULL,
	list          TEXT   NOT NULL,
	records       TEXT   NOT NULL,
	pieces        TEXT   NOT NULL,
	evidence_id   TEXT   NOT NULL,
	entry         BIGINT NOT NULL,
	built         BIGINT NOT NULL,
	sealed        BIGINT NOT NULL,
	actor         TEXT   NOT NULL,
	PRIMARY KEY (org_id, population_id, version)
);
CREATE INDEX population_version_of ON population_version (org_id, engagement_id, population_id);
-- What the auditor did to see whether a version is whole and right.
CREATE TABLE population_check (
	org_id        TEXT   NOT NULL,
	population_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	number        BIGINT NOT NULL,
	procedure     TEXT   NOT NULL,
	result        TEXT   NOT NULL,
	note          TEXT   NOT NULL,
	items         TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	PRIMARY KEY (org_id, population_id, version, number),
	FOREIGN KEY (org_id, population_id) REFERENCES population (org_id, id)
);
-- What the auditor decided of a version. The newest decision holds.
CREATE TABLE population_decision (
	org_id        TEXT   NOT NULL,
	population_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	number        BIGINT NOT NULL,
	decision      TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	entry         BIGINT NOT NULL,
	PRIMARY KEY (org_id, population_id, version, number),
	FOREIGN KEY (org_id, population_id) REFERENCES population (org_id, id)
);
