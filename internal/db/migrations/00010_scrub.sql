-- +goose Up

-- How far the continuous reading back has come, layer by layer. whole is the
-- newest pass in which the layer was read to its end.
CREATE TABLE scrub_state (
	org_id  TEXT   NOT NULL,
	layer   TEXT   NOT NULL,
	pass    BIGINT NOT NULL,
	place   TEXT   NOT NULL,
	done    BIGINT NOT NULL,
	about   BIGINT NOT NULL,
	started BIGINT NOT NULL,
	moved   BIGINT NOT NULL,
	ended   BIGINT NOT NULL,
	whole   BIGINT NOT NULL,
	found   BIGINT NOT NULL,
	PRIMARY KEY (org_id, layer)
);
-- What was found not to be as it was recorded. resolved is 0 while it stands.
CREATE TABLE scrub_finding (
	org_id   TEXT   NOT NULL,
	layer    TEXT   NOT NULL,
	place    TEXT   NOT NULL,
	since    BIGINT NOT NULL,
	text     TEXT   NOT NULL,
	pass     BIGINT NOT NULL,
	seen     BIGINT NOT NULL,
	told     BIGINT NOT NULL,
	resolved BIGINT NOT NULL,
	PRIMARY KEY (org_id, layer, place, since)
);
CREATE INDEX scrub_finding_open ON scrub_finding (org_id, resolved);
-- Digests of rows whose fields no entry repeats. Their digest in turn lies in
-- the log.
CREATE TABLE scrub_row (
	org_id TEXT NOT NULL,
	kind   TEXT NOT NULL,
	key    TEXT NOT NULL,
	digest TEXT NOT NULL,
	PRIMARY KEY (org_id, kind, key)
);
