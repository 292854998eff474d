-- +goose Up

-- A backup that was made, or a restore that was tried. Each organization has
-- its own row of it, with figures of its own log and evidence: what the others
-- on the installation have is none of its business.
CREATE TABLE backup_run (
	org_id   TEXT   NOT NULL,
	id       TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	outcome  TEXT   NOT NULL,
	problem  TEXT   NOT NULL,
	taken    BIGINT NOT NULL,
	started  BIGINT NOT NULL,
	finished BIGINT NOT NULL,
	entries  BIGINT NOT NULL,
	blobs    BIGINT NOT NULL,
	size     BIGINT NOT NULL,
	sha256   TEXT   NOT NULL,
	entry    BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);

-- A row is here while a restore fills the database. One that is left over
-- says that the rest is not whole.
CREATE TABLE backup_unfinished (
	id      BIGINT PRIMARY KEY,
	started BIGINT NOT NULL
);
