-- +goose Up

-- What an organization has decided about a check, and why: a change of its own,
-- values of parameters, out of force or in again. Rows are only added; the
-- newest one of a check holds.
CREATE TABLE check_setting (
	org_id    TEXT    NOT NULL,
	check_id  TEXT    NOT NULL,
	effective BIGINT  NOT NULL,
	act       TEXT    NOT NULL,
	off       BOOLEAN NOT NULL,
	params    TEXT    NOT NULL,
	digest    TEXT    NOT NULL,
	why       TEXT    NOT NULL,
	actor     TEXT    NOT NULL,
	PRIMARY KEY (org_id, check_id, effective)
);

-- An exception may name several resources, as a JSON list, and may go on from
-- one before it.
ALTER TABLE check_exception ADD COLUMN keys TEXT NOT NULL DEFAULT '';
ALTER TABLE check_exception ADD COLUMN renews TEXT NOT NULL DEFAULT '';
CREATE INDEX check_exception_ends ON check_exception (org_id, ends, id);

-- What a check said of its runs, in order of time, and which intervals touch a
-- stretch of time.
CREATE INDEX check_interval_time ON check_interval (org_id, check_id, status, ends, key, source_id, starts);
-- It serves those that last as well: (…, status, ends) is their beginning.
DROP INDEX check_interval_open;
