-- The schema as the migrations leave it, for reading. Written by
--	go test ./internal/db -run Schema -update
-- and compared by every run of that test. PostgreSQL has the same tables and,
-- on each with an org_id, row-level security.

CREATE TABLE blob (
	org_id  TEXT   NOT NULL,
	address TEXT   NOT NULL,
	file_key BYTEA NOT NULL,
	size    BIGINT NOT NULL,
	sealed_sha256 TEXT NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (org_id, address)
);

CREATE TABLE blob_org_key (
	org_id  TEXT  PRIMARY KEY,
	wrapped BYTEA NOT NULL
);

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
CREATE INDEX evidence_captured ON evidence (org_id, captured);
CREATE INDEX evidence_newest ON evidence (org_id, entry);
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

CREATE TABLE job (
	id           TEXT   PRIMARY KEY,
	org_id       TEXT   NOT NULL,
	kind         TEXT   NOT NULL,
	args         TEXT   NOT NULL,
	unique_key   TEXT   NOT NULL,
	state        TEXT   NOT NULL,
	attempt      BIGINT NOT NULL,
	max_attempts BIGINT NOT NULL,
	run_at       BIGINT NOT NULL,
	lease_until  BIGINT NOT NULL,
	worker       TEXT   NOT NULL,
	error        TEXT   NOT NULL,
	progress     TEXT   NOT NULL,
	created      BIGINT NOT NULL,
	finished     BIGINT NOT NULL
);
CREATE INDEX job_due ON job (state, run_at, id);
CREATE UNIQUE INDEX job_unique ON job (org_id, kind, unique_key) WHERE state IN ('ready', 'running') AND unique_key <> '';

CREATE TABLE job_schedule (
	org_id   TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	args     TEXT   NOT NULL,
	every    BIGINT NOT NULL,
	next_run BIGINT NOT NULL,
	PRIMARY KEY (org_id, name)
);
CREATE INDEX job_schedule_due ON job_schedule (next_run);

CREATE TABLE ledger_checkpoint (
	org_id TEXT   NOT NULL,
	log_id TEXT   NOT NULL,
	size   BIGINT NOT NULL,
	note   TEXT   NOT NULL,
	signed BIGINT NOT NULL,
	PRIMARY KEY (org_id, log_id, size)
);

CREATE TABLE ledger_hash (
	org_id TEXT   NOT NULL,
	log_id TEXT   NOT NULL,
	pos    BIGINT NOT NULL,
	hash   BYTEA  NOT NULL,
	PRIMARY KEY (org_id, log_id, pos)
);

CREATE TABLE ledger_head (
	org_id   TEXT   NOT NULL,
	log_id   TEXT   NOT NULL,
	size     BIGINT NOT NULL,
	recorded BIGINT NOT NULL,
	PRIMARY KEY (org_id, log_id)
);

CREATE TABLE ledger_leaf (
	org_id   TEXT   NOT NULL,
	log_id   TEXT   NOT NULL,
	idx      BIGINT NOT NULL,
	kind     TEXT   NOT NULL,
	recorded BIGINT NOT NULL,
	leaf     BYTEA  NOT NULL,
	PRIMARY KEY (org_id, log_id, idx)
);
CREATE INDEX ledger_leaf_kind ON ledger_leaf (org_id, log_id, kind, idx);

CREATE TABLE ledger_log (
	org_id     TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	origin     TEXT    NOT NULL UNIQUE,
	epoch      BIGINT  NOT NULL,
	generation BIGINT  NOT NULL,
	public_key BYTEA   NOT NULL,
	demo       BOOLEAN NOT NULL,
	created    BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id)
);

CREATE TABLE ledger_opening (
	org_id  TEXT   NOT NULL,
	log_id  TEXT   NOT NULL,
	idx     BIGINT NOT NULL,
	label   TEXT   NOT NULL,
	salt    BYTEA  NOT NULL,
	payload TEXT   NOT NULL,
	PRIMARY KEY (org_id, log_id, idx, label)
);

CREATE TABLE members (
	org_id  TEXT   NOT NULL REFERENCES orgs (org_id),
	user_id TEXT   NOT NULL REFERENCES users (id),
	roles   TEXT   NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id)
);

CREATE TABLE op_key (
	org_id TEXT   NOT NULL,
	actor  TEXT   NOT NULL,
	key    TEXT   NOT NULL,
	op     TEXT   NOT NULL,
	input  TEXT   NOT NULL,
	output TEXT   NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (org_id, actor, key)
);
CREATE INDEX op_key_at ON op_key (at);

CREATE TABLE orgs (
	org_id  TEXT   PRIMARY KEY,
	name    TEXT   NOT NULL,
	zone    TEXT   NOT NULL,
	version BIGINT NOT NULL,
	created BIGINT NOT NULL
);

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

CREATE TABLE sessions (
	id      BYTEA  PRIMARY KEY,
	user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_id  TEXT   NOT NULL,
	agent   TEXT   NOT NULL,
	created BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	expires BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE setup (
	id         BIGINT PRIMARY KEY,
	token_hash BYTEA  NOT NULL,
	expires    BIGINT NOT NULL,
	used       BIGINT NOT NULL
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

CREATE TABLE tokens (
	org_id  TEXT   NOT NULL,
	id      TEXT   NOT NULL,
	user_id TEXT   NOT NULL,
	name    TEXT   NOT NULL,
	hash    BYTEA  NOT NULL UNIQUE,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	revoked BIGINT NOT NULL,
	PRIMARY KEY (org_id, id),
	FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id)
);

CREATE TABLE users (
	id            TEXT    PRIMARY KEY,
	email         TEXT    NOT NULL UNIQUE,
	name          TEXT    NOT NULL,
	password_hash TEXT    NOT NULL,
	created       BIGINT  NOT NULL,
	disabled      BOOLEAN NOT NULL
);
