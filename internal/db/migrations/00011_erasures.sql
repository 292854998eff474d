-- +goose Up

-- What remains of an erased record says when, by which entry and why. erased
-- is 0 while it stands.
ALTER TABLE evidence ADD COLUMN erased BIGINT NOT NULL DEFAULT 0;
ALTER TABLE evidence ADD COLUMN erased_by BIGINT NOT NULL DEFAULT 0;
ALTER TABLE evidence ADD COLUMN erased_basis TEXT NOT NULL DEFAULT '';
-- Who erases bytes asks which other entries vouch for them.
CREATE INDEX ledger_opening_content ON ledger_opening (org_id, log_id, payload) WHERE label = 'content';

-- A request to erase, its second approval or refusal, and what came of it.
-- targets lists ids of records and numbers of entries; done is what went, as
-- ids and counts, and never in words.
CREATE TABLE erasure (
	org_id   TEXT    NOT NULL,
	id       TEXT    NOT NULL,
	basis    TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	targets  TEXT    NOT NULL,
	asker_id TEXT    NOT NULL,
	asker    TEXT    NOT NULL,
	asked    BIGINT  NOT NULL,
	state    TEXT    NOT NULL,
	second_id TEXT   NOT NULL,
	second   TEXT    NOT NULL,
	alone    BOOLEAN NOT NULL,
	note     TEXT    NOT NULL,
	settled  BIGINT  NOT NULL,
	entry    BIGINT  NOT NULL,
	done     TEXT    NOT NULL,
	cleared  BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX erasure_newest ON erasure (org_id, asked);
-- Objects whose key is gone, until the store has let go of them.
CREATE TABLE erasure_object (
	org_id     TEXT   NOT NULL,
	erasure_id TEXT   NOT NULL,
	object     TEXT   NOT NULL,
	tries      BIGINT NOT NULL,
	problem    TEXT   NOT NULL,
	PRIMARY KEY (org_id, erasure_id, object)
);
-- How long things are kept, in versions; the last one holds.
CREATE TABLE erasure_policy (
	org_id          TEXT   NOT NULL,
	version         BIGINT NOT NULL,
	evidence_years  BIGINT NOT NULL,
	file_years      BIGINT NOT NULL,
	personal_months BIGINT NOT NULL,
	reason          TEXT   NOT NULL,
	actor           TEXT   NOT NULL,
	at              BIGINT NOT NULL,
	PRIMARY KEY (org_id, version)
);
-- What a daily look found to have come to the end of its time. It proposes;
-- people ask and approve.
CREATE TABLE erasure_due (
	org_id      TEXT   NOT NULL,
	evidence_id TEXT   NOT NULL,
	due         BIGINT NOT NULL,
	rule        TEXT   NOT NULL,
	since       BIGINT NOT NULL,
	PRIMARY KEY (org_id, evidence_id)
);
CREATE INDEX erasure_due_order ON erasure_due (org_id, due, evidence_id);
-- A hold keeps everything in its scope from being erased until it is released.
CREATE TABLE hold (
	org_id      TEXT    NOT NULL,
	id          TEXT    NOT NULL,
	scope       TEXT    NOT NULL,
	targets     TEXT    NOT NULL,
	reason      TEXT    NOT NULL,
	placer_id   TEXT    NOT NULL,
	placer      TEXT    NOT NULL,
	placed      BIGINT  NOT NULL,
	entry       BIGINT  NOT NULL,
	asked       BIGINT  NOT NULL,
	releaser    TEXT    NOT NULL,
	alone       BOOLEAN NOT NULL,
	note        TEXT    NOT NULL,
	released    BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX hold_standing ON hold (org_id, released);
