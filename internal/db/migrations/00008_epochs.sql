-- +goose Up

-- An organization's log may be continued by another. Entries are numbered
-- through all of them: base is the number of a log's entry 0.
ALTER TABLE ledger_log ADD COLUMN base BIGINT NOT NULL DEFAULT 0;

-- The head of a log that was continued takes no more entries.
ALTER TABLE ledger_head ADD COLUMN closed BOOLEAN NOT NULL DEFAULT FALSE;

-- Every key that a log ever had, each in force from the entry that brought it.
-- The log's own row has the newest.
CREATE TABLE ledger_key (
	org_id     TEXT   NOT NULL,
	log_id     TEXT   NOT NULL,
	generation BIGINT NOT NULL,
	idx        BIGINT NOT NULL,
	public_key BYTEA  NOT NULL,
	created    BIGINT NOT NULL,
	PRIMARY KEY (org_id, log_id, generation)
);
INSERT INTO ledger_key (org_id, log_id, generation, idx, public_key, created)
	SELECT org_id, id, generation, 0, public_key, created FROM ledger_log;
