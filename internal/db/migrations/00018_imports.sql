-- +goose Up

-- A file that was handed in to become a run of a source: what it is, where its
-- bytes lie, and what became of it. run_id and refused are empty until then.
CREATE TABLE source_import (
	org_id    TEXT    NOT NULL,
	id        TEXT    NOT NULL,
	name      TEXT    NOT NULL,
	format    TEXT    NOT NULL,
	looks     TEXT    NOT NULL,
	size      BIGINT  NOT NULL,
	sha256    TEXT    NOT NULL,
	address   TEXT    NOT NULL,
	pieced    BOOLEAN NOT NULL,
	skip_bad  BOOLEAN NOT NULL,
	source_id TEXT    NOT NULL,
	job_id    TEXT    NOT NULL,
	run_id    TEXT    NOT NULL,
	refused   TEXT    NOT NULL,
	actor     TEXT    NOT NULL,
	created   BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id)
);
