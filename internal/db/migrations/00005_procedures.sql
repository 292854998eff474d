-- +goose Up

-- How a control is tested: the workpaper, in the engagement's file. Text and
-- criteria are the control's as it was when planned. touched is the newest entry
-- of what a conclusion rests on.
CREATE TABLE procedure (
	org_id          TEXT    NOT NULL,
	id              TEXT    NOT NULL,
	control         TEXT    NOT NULL,
	control_version BIGINT  NOT NULL,
	title           TEXT    NOT NULL,
	text            TEXT    NOT NULL,
	criteria        TEXT    NOT NULL,
	key_control     BOOLEAN NOT NULL,
	basis           TEXT    NOT NULL,
	population      TEXT    NOT NULL,
	cadence         TEXT    NOT NULL,
	risk            TEXT    NOT NULL,
	attributes      TEXT    NOT NULL,
	roles           TEXT    NOT NULL,
	fields          TEXT    NOT NULL,
	tester          TEXT    NOT NULL,
	tester_name     TEXT    NOT NULL,
	version         BIGINT  NOT NULL,
	entry           BIGINT  NOT NULL,
	touched         BIGINT  NOT NULL,
	created         BIGINT  NOT NULL,
	updated         BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id),
	UNIQUE (org_id, control)
);
-- Each version of a plan in full.
CREATE TABLE procedure_version (
	org_id       TEXT   NOT NULL,
	procedure_id TEXT   NOT NULL,
	version      BIGINT NOT NULL,
	body         TEXT   NOT NULL,
	actor        TEXT   NOT NULL,
	at           BIGINT NOT NULL,
	PRIMARY KEY (org_id, procedure_id, version),
	FOREIGN KEY (org_id, procedure_id) REFERENCES procedure (org_id, id)
);
-- An attribute held against every item of a list. items and unsure count what
-- deviates or is unknown in any attribute run until then.
CREATE TABLE procedure_run (
	org_id       TEXT   NOT NULL,
	procedure_id TEXT   NOT NULL,
	number       BIGINT NOT NULL,
	attribute    TEXT   NOT NULL,
	version      BIGINT NOT NULL,
	digest       TEXT   NOT NULL,
	expression   TEXT   NOT NULL,
	total        BIGINT NOT NULL,
	agrees       BIGINT NOT NULL,
	deviates     BIGINT NOT NULL,
	unknown      BIGINT NOT NULL,
	items        BIGINT NOT NULL,
	unsure       BIGINT NOT NULL,
	listed       BIGINT NOT NULL,
	unknowns     TEXT   NOT NULL,
	why          TEXT   NOT NULL,
	actor        TEXT   NOT NULL,
	actor_id     TEXT   NOT NULL,
	at           BIGINT NOT NULL,
	entry        BIGINT NOT NULL,
	PRIMARY KEY (org_id, procedure_id, number),
	FOREIGN KEY (org_id, procedure_id) REFERENCES procedure (org_id, id)
);
CREATE TABLE procedure_conclusion (
	org_id       TEXT   NOT NULL,
	procedure_id TEXT   NOT NULL,
	version      BIGINT NOT NULL,
	proposal     TEXT   NOT NULL,
	decision     TEXT   NOT NULL,
	reason       TEXT   NOT NULL,
	tested       BIGINT NOT NULL,
	deviations   BIGINT NOT NULL,
	facts        TEXT   NOT NULL,
	actor        TEXT   NOT NULL,
	actor_id     TEXT   NOT NULL,
	at           BIGINT NOT NULL,
	entry        BIGINT NOT NULL,
	PRIMARY KEY (org_id, procedure_id, version),
	FOREIGN KEY (org_id, procedure_id) REFERENCES procedure (org_id, id)
);
CREATE TABLE procedure_review (
	org_id       TEXT   NOT NULL,
	procedure_id TEXT   NOT NULL,
	version      BIGINT NOT NULL,
	comment      TEXT   NOT NULL,
	actor        TEXT   NOT NULL,
	actor_id     TEXT   NOT NULL,
	at           BIGINT NOT NULL,
	entry        BIGINT NOT NULL,
	PRIMARY KEY (org_id, procedure_id, version),
	FOREIGN KEY (org_id, procedure_id, version) REFERENCES procedure_conclusion (org_id, procedure_id, version)
);

-- What was drawn, once for each workpaper. seal is the list's entry in the
-- client's log; rows_id the record that holds its rows, rows_link the entry that
-- links it to all items, or -1.
CREATE TABLE sample (
	org_id          TEXT   NOT NULL,
	id              TEXT   NOT NULL,
	procedure_id    TEXT   NOT NULL,
	population_id   TEXT   NOT NULL,
	version         BIGINT NOT NULL,
	digest          TEXT   NOT NULL,
	commitment      TEXT   NOT NULL,
	nonce           TEXT   NOT NULL,
	seed            TEXT   NOT NULL,
	period          TEXT   NOT NULL,
	method          TEXT   NOT NULL,
	strata_by       TEXT   NOT NULL,
	first_size      BIGINT NOT NULL,
	size            BIGINT NOT NULL,
	total           BIGINT NOT NULL,
	missed          BIGINT NOT NULL,
	profile         TEXT   NOT NULL,
	profile_version BIGINT NOT NULL,
	risk            TEXT   NOT NULL,
	look_back       TEXT   NOT NULL,
	warnings        TEXT   NOT NULL,
	seal            BIGINT NOT NULL,
	rows_id         TEXT   NOT NULL,
	rows_link       BIGINT NOT NULL,
	entry           BIGINT NOT NULL,
	actor           TEXT   NOT NULL,
	actor_id        TEXT   NOT NULL,
	at              BIGINT NOT NULL,
	extended        BIGINT NOT NULL,
	extended_by     TEXT   NOT NULL,
	extension_entry BIGINT NOT NULL,
	reason          TEXT   NOT NULL,
	PRIMARY KEY (org_id, id),
	UNIQUE (org_id, procedure_id),
	FOREIGN KEY (org_id, procedure_id) REFERENCES procedure (org_id, id)
);
-- An item drawn. marked and deviates count its attributes that bear a mark, and
-- a deviation, so that a long sample need not be read to know where it stands.
CREATE TABLE item (
	org_id       TEXT    NOT NULL,
	procedure_id TEXT    NOT NULL,
	ordinal      BIGINT  NOT NULL,
	item         TEXT    NOT NULL,
	rank         BIGINT  NOT NULL,
	stratum      TEXT    NOT NULL,
	label        TEXT    NOT NULL,
	source_key   TEXT    NOT NULL,
	happened     BIGINT  NOT NULL,
	record       TEXT    NOT NULL,
	asked        BIGINT  NOT NULL,
	extension    BOOLEAN NOT NULL,
	missed       BOOLEAN NOT NULL,
	late         BOOLEAN NOT NULL,
	marked       BIGINT  NOT NULL,
	deviates     BIGINT  NOT NULL,
	PRIMARY KEY (org_id, procedure_id, ordinal),
	UNIQUE (org_id, procedure_id, item),
	FOREIGN KEY (org_id, procedure_id) REFERENCES procedure (org_id, id)
);
CREATE INDEX item_tally ON item (org_id, procedure_id, marked, deviates);
-- Which record of evidence shows what of which item. The client's answers are
-- rows of the client, so there is no foreign key to the item.
CREATE TABLE item_link (
	org_id        TEXT   NOT NULL,
	procedure_id  TEXT   NOT NULL,
	item          TEXT   NOT NULL,
	evidence_id   TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	ordinal       BIGINT NOT NULL,
	entry         BIGINT NOT NULL,
	sealing       BIGINT NOT NULL,
	sha256        TEXT   NOT NULL,
	level         BIGINT NOT NULL,
	named         BIGINT NOT NULL,
	counted       BIGINT NOT NULL,
	codes         TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	PRIMARY KEY (org_id, procedure_id, item, evidence_id)
);
CREATE INDEX item_link_order ON item_link (org_id, procedure_id, ordinal);
CREATE INDEX item_link_digest ON item_link (org_id, procedure_id, sha256, ordinal);

-- Every mark that was ever set on a cell.
CREATE TABLE mark (
	org_id       TEXT    NOT NULL,
	procedure_id TEXT    NOT NULL,
	ordinal      BIGINT  NOT NULL,
	attribute    TEXT    NOT NULL,
	seq          BIGINT  NOT NULL,
	mark         TEXT    NOT NULL,
	reason       TEXT    NOT NULL,
	code         TEXT    NOT NULL,
	confirmed    BOOLEAN NOT NULL,
	actor        TEXT    NOT NULL,
	actor_id     TEXT    NOT NULL,
	at           BIGINT  NOT NULL,
	entry        BIGINT  NOT NULL,
	PRIMARY KEY (org_id, procedure_id, ordinal, attribute, seq),
	FOREIGN KEY (org_id, procedure_id, ordinal) REFERENCES item (org_id, procedure_id, ordinal)
);
-- The newest of them.
CREATE TABLE mark_now (
	org_id       TEXT    NOT NULL,
	procedure_id TEXT    NOT NULL,
	ordinal      BIGINT  NOT NULL,
	attribute    TEXT    NOT NULL,
	seq          BIGINT  NOT NULL,
	mark         TEXT    NOT NULL,
	reason       TEXT    NOT NULL,
	code         TEXT    NOT NULL,
	actor        TEXT    NOT NULL,
	at           BIGINT  NOT NULL,
	entry        BIGINT  NOT NULL,
	PRIMARY KEY (org_id, procedure_id, ordinal, attribute),
	FOREIGN KEY (org_id, procedure_id, ordinal) REFERENCES item (org_id, procedure_id, ordinal)
);

-- An item that failed an attribute. withdrawn is when the mark was taken back.
CREATE TABLE deviation (
	org_id       TEXT    NOT NULL,
	id           TEXT    NOT NULL,
	procedure_id TEXT    NOT NULL,
	ordinal      BIGINT  NOT NULL,
	item         TEXT    NOT NULL,
	label        TEXT    NOT NULL,
	attribute    TEXT    NOT NULL,
	text         TEXT    NOT NULL,
	code         TEXT    NOT NULL,
	note         TEXT    NOT NULL,
	raised       BIGINT  NOT NULL,
	raised_by    TEXT    NOT NULL,
	withdrawn    BIGINT  NOT NULL,
	classified   BIGINT  NOT NULL,
	actor        TEXT    NOT NULL,
	actor_id     TEXT    NOT NULL,
	cause        TEXT    NOT NULL,
	extent       TEXT    NOT NULL,
	why          TEXT    NOT NULL,
	expected     TEXT    NOT NULL,
	actual       TEXT    NOT NULL,
	starts       TEXT    NOT NULL,
	ends         TEXT    NOT NULL,
	detection    TEXT    NOT NULL,
	fraud        BOOLEAN NOT NULL,
	impact       TEXT    NOT NULL,
	compensating TEXT    NOT NULL,
	remediation  TEXT    NOT NULL,
	disclosure   TEXT    NOT NULL,
	version      BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id),
	FOREIGN KEY (org_id, procedure_id) REFERENCES procedure (org_id, id)
);
CREATE INDEX deviation_of ON deviation (org_id, procedure_id, ordinal);
-- What management says to a deviation: rows of the client.
CREATE TABLE deviation_response (
	org_id        TEXT   NOT NULL,
	deviation_id  TEXT   NOT NULL,
	number        BIGINT NOT NULL,
	engagement_id TEXT   NOT NULL,
	text          TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	PRIMARY KEY (org_id, deviation_id, number)
);
CREATE INDEX deviation_response_of ON deviation_response (org_id, engagement_id);
