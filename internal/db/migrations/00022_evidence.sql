-- +goose Up

-- What a person says of evidence beside the bytes: whose account the source
-- showed it to, what it shows (operation, policy, review, tile), for a review
-- what was reviewed and what came of it, and how many rows the source counted
-- (-1: nobody said). submitter is the id of who handed it in; ticket the code
-- that was in the picture.
ALTER TABLE evidence ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN shows TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN reviewed TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN outcome TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN source_count BIGINT NOT NULL DEFAULT -1;
ALTER TABLE evidence ADD COLUMN submitter TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN ticket TEXT NOT NULL DEFAULT '';
-- A redacted copy names its original and the digest of that one's bytes. A
-- restricted record is such an original: its bytes are opened with a right of
-- their own, and stay out of bundles.
ALTER TABLE evidence ADD COLUMN redacts TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN redacts_sha256 TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence ADD COLUMN restricted BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX evidence_digest ON evidence (org_id, sha256);
CREATE INDEX evidence_redacts ON evidence (org_id, redacts);

-- What reviewers decided, one after the other. codes are those of the remarks
-- for which it was returned, with spaces between.
CREATE TABLE evidence_review (
	org_id      TEXT   NOT NULL,
	evidence_id TEXT   NOT NULL,
	entry       BIGINT NOT NULL,
	at          BIGINT NOT NULL,
	actor_id    TEXT   NOT NULL,
	actor       TEXT   NOT NULL,
	decision    TEXT   NOT NULL,
	codes       TEXT   NOT NULL,
	words       TEXT   NOT NULL,
	PRIMARY KEY (org_id, evidence_id, entry)
);
-- What the machine remarked on a record: the code of the reason for which
-- auditors return it, what it is here, and what would settle it.
CREATE TABLE evidence_remark (
	org_id      TEXT NOT NULL,
	evidence_id TEXT NOT NULL,
	code        TEXT NOT NULL,
	text        TEXT NOT NULL,
	settles     TEXT NOT NULL,
	PRIMARY KEY (org_id, evidence_id, code)
);
-- Codes to be visible in a picture, each good once. evidence_id is empty until
-- then.
CREATE TABLE evidence_ticket (
	org_id      TEXT   NOT NULL,
	code        TEXT   NOT NULL,
	user_id     TEXT   NOT NULL,
	issued      BIGINT NOT NULL,
	evidence_id TEXT   NOT NULL,
	PRIMARY KEY (org_id, code)
);
-- A link may be made and ended later than the record: from when until when
-- (0: it stands), and why it ended.
ALTER TABLE evidence_control ADD COLUMN linked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE evidence_control ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE evidence_control ADD COLUMN reason TEXT NOT NULL DEFAULT '';
