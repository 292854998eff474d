-- +goose Up

-- When a member last looked at the first page, and how long the log was then;
-- before that, where the look before ended. It is no record of the program:
-- nothing rests on it, and it leaves no entry.
CREATE TABLE view_look (
	org_id     TEXT   NOT NULL,
	user_id    TEXT   NOT NULL,
	seen       BIGINT NOT NULL,
	size       BIGINT NOT NULL,
	since      BIGINT NOT NULL,
	since_size BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id)
);

-- The sidebar of every page says how many controls are in force, and how many
-- are the reader's.
CREATE INDEX control_in_force ON control (org_id, retired, owner_id);
