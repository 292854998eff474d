-- +goose Up

-- A view of a list that somebody kept under a name: its filters, order and
-- columns, as the address carries them.
CREATE TABLE view_saved (
	org_id  TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	list    TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	query   TEXT    NOT NULL,
	shared  BOOLEAN NOT NULL,
	owner_id TEXT   NOT NULL,
	owner   TEXT    NOT NULL,
	created BIGINT  NOT NULL,
	updated BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX view_saved_name ON view_saved (org_id, owner_id, list, name);
CREATE INDEX view_saved_of ON view_saved (org_id, list, name);

-- The view a person's list opens with.
CREATE TABLE view_usual (
	org_id  TEXT NOT NULL,
	user_id TEXT NOT NULL,
	list    TEXT NOT NULL,
	view_id TEXT NOT NULL,
	PRIMARY KEY (org_id, user_id, list),
	FOREIGN KEY (org_id, view_id) REFERENCES view_saved (org_id, id)
);
CREATE INDEX view_usual_of ON view_usual (org_id, view_id);

-- What a source showed is looked for by its key, among all sources at once.
CREATE INDEX source_resource_key ON source_resource (org_id, key, source_id, kind);

-- Which entries of the log mention an object, by its id or its code: the
-- timeline of the object. It says nothing that the entries do not say.
CREATE TABLE op_subject (
	org_id  TEXT   NOT NULL,
	subject TEXT   NOT NULL,
	entry   BIGINT NOT NULL,
	PRIMARY KEY (org_id, subject, entry)
);
