-- +goose Up

-- What people held of a criterion, each time anew. The last version stands, as
-- long as nothing it rests on was concluded after it.
CREATE TABLE opinion_criterion (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	criterion     TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	proposal      TEXT   NOT NULL,
	decision      TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	compensating  TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	user_id       TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	entry         BIGINT NOT NULL,
	PRIMARY KEY (org_id, engagement_id, criterion, version)
);
-- What people held of a part of the opinion, likewise.
CREATE TABLE opinion_part (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	part          TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	proposal      TEXT   NOT NULL,
	decision      TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	user_id       TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	entry         BIGINT NOT NULL,
	PRIMARY KEY (org_id, engagement_id, part, version)
);

-- A printed report: drafts and the one that was issued. Never changed.
CREATE TABLE report (
	org_id        TEXT   NOT NULL,
	id            TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	number        BIGINT NOT NULL,
	kind          TEXT   NOT NULL,
	sha256        TEXT   NOT NULL,
	address       TEXT   NOT NULL,
	size          BIGINT NOT NULL,
	sections      TEXT   NOT NULL,
	covers        BIGINT NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	entry         BIGINT NOT NULL,
	PRIMARY KEY (org_id, id),
	UNIQUE (org_id, engagement_id, number)
);
-- The words that a side has supplied for a place of the report, each version.
-- Those of the firm lie in its file, those of the client with the client.
CREATE TABLE report_text (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	place         TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	text          TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	PRIMARY KEY (org_id, engagement_id, place, version)
);
-- What management asserted, on which draft.
CREATE TABLE assertion (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	report_id     TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	draft_sha256  TEXT   NOT NULL,
	text          TEXT   NOT NULL,
	sha256        TEXT   NOT NULL,
	name          TEXT   NOT NULL,
	title         TEXT   NOT NULL,
	user_id       TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	entry         BIGINT NOT NULL,
	PRIMARY KEY (org_id, engagement_id, version)
);
