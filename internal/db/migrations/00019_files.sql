-- +goose Up

-- How the columns of the files that feed a source become fields. A version is
-- never changed: a run names the one it was read by.
CREATE TABLE source_mapping (
	org_id    TEXT   NOT NULL,
	id        TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	version   BIGINT NOT NULL,
	body      TEXT   NOT NULL,
	actor     TEXT   NOT NULL,
	created   BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX source_mapping_version ON source_mapping (org_id, source_id, version);

-- What was said of a file when it was handed in: the query that made it, who
-- ran it and when, how many rows the system itself counts.
CREATE TABLE source_statement (
	org_id    TEXT NOT NULL,
	import_id TEXT NOT NULL,
	body      TEXT NOT NULL,
	PRIMARY KEY (org_id, import_id)
);
