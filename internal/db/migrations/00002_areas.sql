-- +goose Up

-- What is examined, as decided from time to time. The newest version holds.
CREATE TABLE scope (
	org_id      TEXT   NOT NULL,
	version     BIGINT NOT NULL,
	requester   TEXT   NOT NULL,
	report_type TEXT   NOT NULL,
	categories  TEXT   NOT NULL,
	as_of       TEXT   NOT NULL,
	starts      TEXT   NOT NULL,
	ends        TEXT   NOT NULL,
	system      TEXT   NOT NULL,
	included    TEXT   NOT NULL,
	excluded    TEXT   NOT NULL,
	catalogue   TEXT   NOT NULL,
	actor       TEXT   NOT NULL,
	effective   BIGINT NOT NULL,
	PRIMARY KEY (org_id, version)
);

-- A control the organization has adopted, as it stands now.
CREATE TABLE control (
	org_id         TEXT    NOT NULL,
	id             TEXT    NOT NULL,
	code           TEXT    NOT NULL,
	version        BIGINT  NOT NULL,
	title          TEXT    NOT NULL,
	text           TEXT    NOT NULL,
	type           TEXT    NOT NULL,
	nature         TEXT    NOT NULL,
	frequency      TEXT    NOT NULL,
	owner_id       TEXT    NOT NULL,
	owner_role     TEXT    NOT NULL,
	population     TEXT    NOT NULL,
	key_control    BOOLEAN NOT NULL,
	implemented    BIGINT  NOT NULL,
	implementation TEXT    NOT NULL,
	implemented_by TEXT    NOT NULL,
	adopted        BIGINT  NOT NULL,
	retired        BIGINT  NOT NULL,
	updated        BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id),
	UNIQUE (org_id, code)
);
CREATE TABLE control_criterion (
	org_id     TEXT NOT NULL,
	control_id TEXT NOT NULL,
	criterion  TEXT NOT NULL,
	strength   TEXT NOT NULL,
	PRIMARY KEY (org_id, control_id, criterion),
	FOREIGN KEY (org_id, control_id) REFERENCES control (org_id, id)
);
-- Each version of a control in full, with the time from which it held.
CREATE TABLE control_version (
	org_id     TEXT   NOT NULL,
	control_id TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	effective  BIGINT NOT NULL,
	body       TEXT   NOT NULL,
	actor      TEXT   NOT NULL,
	PRIMARY KEY (org_id, control_id, version),
	FOREIGN KEY (org_id, control_id) REFERENCES control (org_id, id)
);

CREATE TABLE source (
	org_id   TEXT   NOT NULL,
	id       TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	settings TEXT   NOT NULL,
	every    BIGINT NOT NULL,
	version  BIGINT NOT NULL,
	created  BIGINT NOT NULL,
	removed  BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
-- One reading of a source. A run that found nothing is a fact too.
CREATE TABLE source_run (
	org_id    TEXT   NOT NULL,
	id        TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	collector TEXT   NOT NULL,
	started   BIGINT NOT NULL,
	ended     BIGINT NOT NULL,
	status    TEXT   NOT NULL,
	error     TEXT   NOT NULL,
	resources BIGINT NOT NULL,
	missing   TEXT   NOT NULL,
	scope     TEXT   NOT NULL,
	manifest  TEXT   NOT NULL,
	entry     BIGINT NOT NULL,
	PRIMARY KEY (org_id, id),
	FOREIGN KEY (org_id, source_id) REFERENCES source (org_id, id)
);
CREATE INDEX source_run_latest ON source_run (org_id, source_id, ended);
CREATE TABLE source_run_kind (
	org_id  TEXT   NOT NULL,
	run_id  TEXT   NOT NULL,
	kind    TEXT   NOT NULL,
	count   BIGINT NOT NULL,
	address TEXT   NOT NULL,
	PRIMARY KEY (org_id, run_id, kind),
	FOREIGN KEY (org_id, run_id) REFERENCES source_run (org_id, id)
);
-- What each source showed when it was last read.
CREATE TABLE source_resource (
	org_id     TEXT   NOT NULL,
	source_id  TEXT   NOT NULL,
	kind       TEXT   NOT NULL,
	key        TEXT   NOT NULL,
	digest     TEXT   NOT NULL,
	body       TEXT   NOT NULL,
	first_seen BIGINT NOT NULL,
	changed    BIGINT NOT NULL,
	PRIMARY KEY (org_id, source_id, kind, key),
	FOREIGN KEY (org_id, source_id) REFERENCES source (org_id, id)
);

CREATE TABLE evidence (
	org_id         TEXT    NOT NULL,
	id             TEXT    NOT NULL,
	entry          BIGINT  NOT NULL,
	title          TEXT    NOT NULL,
	media_type     TEXT    NOT NULL,
	size           BIGINT  NOT NULL,
	sha256         TEXT    NOT NULL,
	address        TEXT    NOT NULL,
	captured       BIGINT  NOT NULL,
	sealed         BIGINT  NOT NULL,
	collector      TEXT    NOT NULL,
	method         TEXT    NOT NULL,
	origin         TEXT    NOT NULL,
	environment    TEXT    NOT NULL,
	location       TEXT    NOT NULL,
	query          TEXT    NOT NULL,
	parameters     TEXT    NOT NULL,
	zone           TEXT    NOT NULL,
	row_count      BIGINT  NOT NULL,
	covers_from    BIGINT  NOT NULL,
	covers_to      BIGINT  NOT NULL,
	level          BIGINT  NOT NULL,
	classification TEXT    NOT NULL,
	personal       BOOLEAN NOT NULL,
	retention      TEXT    NOT NULL,
	source_id      TEXT    NOT NULL,
	run_id         TEXT    NOT NULL,
	resource_kind  TEXT    NOT NULL,
	actor          TEXT    NOT NULL,
	supersedes     TEXT    NOT NULL,
	superseded_by  TEXT    NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX evidence_newest ON evidence (org_id, entry);
CREATE INDEX evidence_captured ON evidence (org_id, captured);
CREATE INDEX evidence_run ON evidence (org_id, run_id);
CREATE TABLE evidence_control (
	org_id      TEXT   NOT NULL,
	evidence_id TEXT   NOT NULL,
	control_id  TEXT   NOT NULL,
	entry       BIGINT NOT NULL,
	PRIMARY KEY (org_id, evidence_id, control_id),
	FOREIGN KEY (org_id, evidence_id) REFERENCES evidence (org_id, id),
	FOREIGN KEY (org_id, control_id) REFERENCES control (org_id, id)
);
CREATE INDEX evidence_control_of ON evidence_control (org_id, control_id);

-- Every version of a check that was ever in force.
CREATE TABLE check_definition (
	org_id    TEXT    NOT NULL,
	check_id  TEXT    NOT NULL,
	digest    TEXT    NOT NULL,
	own       BOOLEAN NOT NULL,
	body      TEXT    NOT NULL,
	effective BIGINT  NOT NULL,
	ended     BIGINT  NOT NULL,
	PRIMARY KEY (org_id, check_id, effective)
);
-- What a check said about a resource, from when until when. A row is written
-- only when the answer changes.
CREATE TABLE check_interval (
	org_id    TEXT   NOT NULL,
	check_id  TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	key       TEXT   NOT NULL,
	starts    BIGINT NOT NULL,
	ends      BIGINT NOT NULL,
	status    TEXT   NOT NULL,
	class     TEXT   NOT NULL,
	reason    TEXT   NOT NULL,
	digest    TEXT   NOT NULL,
	run_id    TEXT   NOT NULL,
	PRIMARY KEY (org_id, check_id, source_id, key, starts)
);
CREATE INDEX check_interval_open ON check_interval (org_id, check_id, ends, status);
-- What a check said about a whole run.
CREATE TABLE check_result (
	org_id         TEXT   NOT NULL,
	check_id       TEXT   NOT NULL,
	source_id      TEXT   NOT NULL,
	at             BIGINT NOT NULL,
	run_id         TEXT   NOT NULL,
	digest         TEXT   NOT NULL,
	status         TEXT   NOT NULL,
	total          BIGINT NOT NULL,
	passing        BIGINT NOT NULL,
	failing        BIGINT NOT NULL,
	unknown        BIGINT NOT NULL,
	not_applicable BIGINT NOT NULL,
	summary        TEXT   NOT NULL,
	reason         TEXT   NOT NULL,
	remedy         TEXT   NOT NULL,
	PRIMARY KEY (org_id, check_id, source_id, at)
);
CREATE TABLE check_exception (
	org_id   TEXT   NOT NULL,
	id       TEXT   NOT NULL,
	check_id TEXT   NOT NULL,
	key      TEXT   NOT NULL,
	reason   TEXT   NOT NULL,
	owner    TEXT   NOT NULL,
	approver TEXT   NOT NULL,
	starts   BIGINT NOT NULL,
	ends     BIGINT NOT NULL,
	ended    BIGINT NOT NULL,
	created  BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX check_exception_of ON check_exception (org_id, check_id);
