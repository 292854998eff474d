-- +goose Up

-- What outsiders said of a checkpoint. The entry of the log has their very
-- words; said is the time they gave.
CREATE TABLE anchor (
	org_id    TEXT   NOT NULL,
	id        TEXT   NOT NULL,
	log_id    TEXT   NOT NULL,
	kind      TEXT   NOT NULL,
	authority TEXT   NOT NULL,
	size      BIGINT NOT NULL,
	entry     BIGINT NOT NULL,
	said      BIGINT NOT NULL,
	recorded  BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX anchor_size ON anchor (org_id, log_id, size);

-- How each outsider that is asked has answered of late. failing is 0 if it did.
CREATE TABLE anchor_authority (
	org_id    TEXT   NOT NULL,
	kind      TEXT   NOT NULL,
	authority TEXT   NOT NULL,
	log_id    TEXT   NOT NULL,
	size      BIGINT NOT NULL,
	good      BIGINT NOT NULL,
	tried     BIGINT NOT NULL,
	failing   BIGINT NOT NULL,
	error     TEXT   NOT NULL,
	PRIMARY KEY (org_id, kind, authority)
);
