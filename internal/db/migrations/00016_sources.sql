-- +goose Up

-- What opens a source, sealed with the organization's key: a password, a token,
-- a private key. The settings of the source say the rest.
CREATE TABLE source_secret (
	org_id    TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	name      TEXT   NOT NULL,
	sealed    BYTEA  NOT NULL,
	since     BIGINT NOT NULL,
	PRIMARY KEY (org_id, source_id, name),
	FOREIGN KEY (org_id, source_id) REFERENCES source (org_id, id)
);

-- A source is read every so many milliseconds, or at a time of day, or of one
-- day of the week, where its organization is. paused is 0 while it is read.
ALTER TABLE source ADD COLUMN day_time TEXT NOT NULL DEFAULT '';
ALTER TABLE source ADD COLUMN weekday TEXT NOT NULL DEFAULT '';
ALTER TABLE source ADD COLUMN paused BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job_schedule ADD COLUMN day_time TEXT NOT NULL DEFAULT '';
ALTER TABLE job_schedule ADD COLUMN weekday TEXT NOT NULL DEFAULT '';

-- What a run changed of each kind since the run before.
ALTER TABLE source_run_kind ADD COLUMN added BIGINT NOT NULL DEFAULT 0;
ALTER TABLE source_run_kind ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE source_run_kind ADD COLUMN gone BIGINT NOT NULL DEFAULT 0;
-- Success rates are counted over the days behind.
CREATE INDEX source_run_history ON source_run (org_id, source_id, id);
