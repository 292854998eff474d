-- The schema as the migrations leave it, for reading. Written by
--	go test ./internal/db -run Schema -update
-- and compared by every run of that test. PostgreSQL has the same tables and,
-- on each with an org_id, row-level security.

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

CREATE TABLE asset (
	org_id      TEXT    NOT NULL,
	id          TEXT    NOT NULL,
	version     BIGINT  NOT NULL,
	type        TEXT    NOT NULL,
	name        TEXT    NOT NULL,
	folded      TEXT    NOT NULL,
	place       TEXT    NOT NULL,
	words       TEXT    NOT NULL,
	environment TEXT    NOT NULL,
	owner_id    TEXT    NOT NULL,
	custodian   TEXT    NOT NULL,
	criticality BIGINT  NOT NULL,
	class       TEXT    NOT NULL,
	flags       TEXT    NOT NULL,
	location    TEXT    NOT NULL,
	supplier    TEXT    NOT NULL,
	lifecycle   TEXT    NOT NULL,
	planned_for TEXT    NOT NULL,
	live_from   TEXT    NOT NULL,
	retired_on  TEXT    NOT NULL,
	disposed_on TEXT    NOT NULL,
	scope       TEXT    NOT NULL,
	wish        TEXT    NOT NULL,
	reason      TEXT    NOT NULL,
	asker_id    TEXT    NOT NULL,
	asker       TEXT    NOT NULL,
	asked       BIGINT  NOT NULL,
	approver_id TEXT    NOT NULL,
	approver    TEXT    NOT NULL,
	approved    BIGINT  NOT NULL,
	created     BIGINT  NOT NULL,
	updated     BIGINT  NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX asset_name ON asset (org_id, folded, id);
CREATE INDEX asset_place ON asset (org_id, place, id);
CREATE INDEX asset_scope ON asset (org_id, scope, lifecycle, folded, id);

CREATE TABLE asset_ignored (
	org_id    TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	kind      TEXT   NOT NULL,
	key       TEXT   NOT NULL,
	reason    TEXT   NOT NULL,
	actor     TEXT   NOT NULL,
	at        BIGINT NOT NULL,
	PRIMARY KEY (org_id, source_id, kind, key)
);

CREATE TABLE asset_setting (
	org_id     TEXT   PRIMARY KEY,
	stale_days BIGINT NOT NULL,
	version    BIGINT NOT NULL
);

CREATE TABLE asset_sighting (
	org_id    TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	kind      TEXT   NOT NULL,
	key       TEXT   NOT NULL,
	asset_id  TEXT   NOT NULL,
	seen      BIGINT NOT NULL,
	linked    BIGINT NOT NULL,
	actor     TEXT   NOT NULL,
	PRIMARY KEY (org_id, source_id, kind, key),
	FOREIGN KEY (org_id, asset_id) REFERENCES asset (org_id, id)
);
CREATE INDEX asset_sighting_kind ON asset_sighting (org_id, kind, source_id, key, asset_id, seen);
CREATE INDEX asset_sighting_of ON asset_sighting (org_id, asset_id, seen);

CREATE TABLE asset_version (
	org_id    TEXT   NOT NULL,
	asset_id  TEXT   NOT NULL,
	version   BIGINT NOT NULL,
	effective BIGINT NOT NULL,
	act       TEXT   NOT NULL,
	body      TEXT   NOT NULL,
	actor     TEXT   NOT NULL,
	PRIMARY KEY (org_id, asset_id, version),
	FOREIGN KEY (org_id, asset_id) REFERENCES asset (org_id, id)
);

CREATE TABLE backup_run (
	org_id   TEXT   NOT NULL,
	id       TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	outcome  TEXT   NOT NULL,
	problem  TEXT   NOT NULL,
	taken    BIGINT NOT NULL,
	started  BIGINT NOT NULL,
	finished BIGINT NOT NULL,
	entries  BIGINT NOT NULL,
	blobs    BIGINT NOT NULL,
	size     BIGINT NOT NULL,
	sha256   TEXT   NOT NULL,
	entry    BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);

CREATE TABLE backup_unfinished (
	id      BIGINT PRIMARY KEY,
	started BIGINT NOT NULL
);

CREATE TABLE blob (
	org_id  TEXT   NOT NULL,
	address TEXT   NOT NULL,
	file_key BYTEA NOT NULL,
	size    BIGINT NOT NULL,
	sealed_sha256 TEXT NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (org_id, address)
);

CREATE TABLE blob_installation (
	id      BIGINT PRIMARY KEY,
	wrapped BYTEA  NOT NULL
);

CREATE TABLE blob_org_key (
	org_id  TEXT  PRIMARY KEY,
	wrapped BYTEA NOT NULL
);

CREATE TABLE channel (
	org_id  TEXT   NOT NULL,
	id      TEXT   NOT NULL,
	kind    TEXT   NOT NULL,
	name    TEXT   NOT NULL,
	address BYTEA  NOT NULL,
	host    TEXT   NOT NULL,
	secret  BYTEA  NOT NULL,
	kinds   TEXT   NOT NULL,
	state   TEXT   NOT NULL,
	failing BIGINT NOT NULL,
	reason  TEXT   NOT NULL,
	version BIGINT NOT NULL,
	created BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
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
	created  BIGINT NOT NULL, asker_id TEXT NOT NULL DEFAULT '', asker TEXT NOT NULL DEFAULT '', approver_id TEXT NOT NULL DEFAULT '', keys TEXT NOT NULL DEFAULT '', renews TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (org_id, id)
);
CREATE INDEX check_exception_ends ON check_exception (org_id, ends, id);
CREATE INDEX check_exception_of ON check_exception (org_id, check_id);
CREATE INDEX check_exception_standing ON check_exception (org_id, ended, ends, id);

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
CREATE INDEX check_interval_time ON check_interval (org_id, check_id, status, ends, key, source_id, starts);

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

CREATE TABLE check_setting (
	org_id    TEXT    NOT NULL,
	check_id  TEXT    NOT NULL,
	effective BIGINT  NOT NULL,
	act       TEXT    NOT NULL,
	off       BOOLEAN NOT NULL,
	params    TEXT    NOT NULL,
	digest    TEXT    NOT NULL,
	why       TEXT    NOT NULL,
	actor     TEXT    NOT NULL,
	PRIMARY KEY (org_id, check_id, effective)
);

CREATE TABLE comment (
	org_id    TEXT   NOT NULL,
	id        TEXT   NOT NULL,
	object    TEXT   NOT NULL,
	author_id TEXT   NOT NULL,
	author    TEXT   NOT NULL,
	text      TEXT   NOT NULL,
	at        BIGINT NOT NULL,
	edited    BIGINT NOT NULL,
	removed   BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX comment_author ON comment (org_id, author_id, id);
CREATE INDEX comment_thread ON comment (org_id, object, id);

CREATE TABLE comment_mention (
	org_id     TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	comment_id TEXT NOT NULL,
	PRIMARY KEY (org_id, user_id, comment_id)
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
CREATE INDEX control_in_force ON control (org_id, retired, owner_id);
CREATE INDEX control_stamp ON control (org_id, owner_id, version, updated);

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

CREATE TABLE engagement (
	org_id      TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	name        TEXT   NOT NULL,
	type        TEXT   NOT NULL,
	categories  TEXT   NOT NULL,
	catalogue   TEXT   NOT NULL,
	system      TEXT   NOT NULL,
	as_of       TEXT   NOT NULL,
	starts      TEXT   NOT NULL,
	ends        TEXT   NOT NULL,
	zone        TEXT   NOT NULL,
	firm_org    TEXT   NOT NULL,
	firm_name   TEXT   NOT NULL,
	client_org  TEXT   NOT NULL,
	client_name TEXT   NOT NULL,
	partner     TEXT   NOT NULL,
	profile     TEXT   NOT NULL,
	plan        TEXT   NOT NULL,
	version     BIGINT NOT NULL,
	state       TEXT   NOT NULL,
	since       BIGINT NOT NULL,
	created     BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);

CREATE TABLE engagement_methodology (
	org_id  TEXT   NOT NULL,
	version BIGINT NOT NULL,
	body    TEXT   NOT NULL,
	reason  TEXT   NOT NULL,
	at      BIGINT NOT NULL,
	actor   TEXT   NOT NULL,
	PRIMARY KEY (org_id, version)
);

CREATE TABLE engagement_side (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	file_org      TEXT   NOT NULL,
	other_org     TEXT   NOT NULL,
	side          TEXT   NOT NULL,
	PRIMARY KEY (org_id, engagement_id)
);

CREATE TABLE engagement_state (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	seq           BIGINT NOT NULL,
	state         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	actor         TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	PRIMARY KEY (org_id, engagement_id, seq),
	FOREIGN KEY (org_id, engagement_id) REFERENCES engagement (org_id, id)
);

CREATE TABLE engagement_version (
	org_id        TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	body          TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	actor         TEXT   NOT NULL,
	PRIMARY KEY (org_id, engagement_id, version),
	FOREIGN KEY (org_id, engagement_id) REFERENCES engagement (org_id, id)
);

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

CREATE TABLE erasure_due (
	org_id      TEXT   NOT NULL,
	evidence_id TEXT   NOT NULL,
	due         BIGINT NOT NULL,
	rule        TEXT   NOT NULL,
	since       BIGINT NOT NULL,
	PRIMARY KEY (org_id, evidence_id)
);
CREATE INDEX erasure_due_order ON erasure_due (org_id, due, evidence_id);

CREATE TABLE erasure_object (
	org_id     TEXT   NOT NULL,
	erasure_id TEXT   NOT NULL,
	object     TEXT   NOT NULL,
	tries      BIGINT NOT NULL,
	problem    TEXT   NOT NULL,
	PRIMARY KEY (org_id, erasure_id, object)
);

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
	superseded_by  TEXT    NOT NULL, erased BIGINT NOT NULL DEFAULT 0, erased_by BIGINT NOT NULL DEFAULT 0, erased_basis TEXT NOT NULL DEFAULT '', account TEXT NOT NULL DEFAULT '', shows TEXT NOT NULL DEFAULT '', reviewed TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT '', source_count BIGINT NOT NULL DEFAULT -1, submitter TEXT NOT NULL DEFAULT '', ticket TEXT NOT NULL DEFAULT '', redacts TEXT NOT NULL DEFAULT '', redacts_sha256 TEXT NOT NULL DEFAULT '', restricted BOOLEAN NOT NULL DEFAULT FALSE,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX evidence_captured ON evidence (org_id, captured);
CREATE INDEX evidence_digest ON evidence (org_id, sha256);
CREATE INDEX evidence_newest ON evidence (org_id, entry);
CREATE INDEX evidence_redacts ON evidence (org_id, redacts);
CREATE INDEX evidence_run ON evidence (org_id, run_id);

CREATE TABLE evidence_control (
	org_id      TEXT   NOT NULL,
	evidence_id TEXT   NOT NULL,
	control_id  TEXT   NOT NULL,
	entry       BIGINT NOT NULL, linked BIGINT NOT NULL DEFAULT 0, ended BIGINT NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (org_id, evidence_id, control_id),
	FOREIGN KEY (org_id, evidence_id) REFERENCES evidence (org_id, id),
	FOREIGN KEY (org_id, control_id) REFERENCES control (org_id, id)
);
CREATE INDEX evidence_control_of ON evidence_control (org_id, control_id);

CREATE TABLE evidence_remark (
	org_id      TEXT NOT NULL,
	evidence_id TEXT NOT NULL,
	code        TEXT NOT NULL,
	text        TEXT NOT NULL,
	settles     TEXT NOT NULL,
	PRIMARY KEY (org_id, evidence_id, code)
);

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

CREATE TABLE evidence_ticket (
	org_id      TEXT   NOT NULL,
	code        TEXT   NOT NULL,
	user_id     TEXT   NOT NULL,
	issued      BIGINT NOT NULL,
	evidence_id TEXT   NOT NULL,
	PRIMARY KEY (org_id, code)
);

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

CREATE TABLE invitation (
	org_id   TEXT   NOT NULL,
	id       TEXT   NOT NULL,
	hash     BYTEA  NOT NULL UNIQUE,
	role     TEXT   NOT NULL,
	note     TEXT   NOT NULL,
	actor    TEXT   NOT NULL,
	created  BIGINT NOT NULL,
	expires  BIGINT NOT NULL,
	used     BIGINT NOT NULL,
	user_id  TEXT   NOT NULL,
	firm_org TEXT   NOT NULL,
	revoked  BIGINT NOT NULL, email TEXT NOT NULL DEFAULT '', sent BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (org_id, id)
);

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
CREATE INDEX item_link_digest ON item_link (org_id, procedure_id, sha256, ordinal);
CREATE INDEX item_link_order ON item_link (org_id, procedure_id, ordinal);

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
CREATE INDEX job_list ON job (org_id, id);
CREATE UNIQUE INDEX job_unique ON job (org_id, kind, unique_key) WHERE state IN ('ready', 'running') AND unique_key <> '';

CREATE TABLE job_schedule (
	org_id   TEXT   NOT NULL,
	name     TEXT   NOT NULL,
	kind     TEXT   NOT NULL,
	args     TEXT   NOT NULL,
	every    BIGINT NOT NULL,
	next_run BIGINT NOT NULL, day_time TEXT NOT NULL DEFAULT '', weekday TEXT NOT NULL DEFAULT '',
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
	recorded BIGINT NOT NULL, closed BOOLEAN NOT NULL DEFAULT FALSE,
	PRIMARY KEY (org_id, log_id)
);

CREATE TABLE ledger_key (
	org_id     TEXT   NOT NULL,
	log_id     TEXT   NOT NULL,
	generation BIGINT NOT NULL,
	idx        BIGINT NOT NULL,
	public_key BYTEA  NOT NULL,
	created    BIGINT NOT NULL,
	PRIMARY KEY (org_id, log_id, generation)
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
	created    BIGINT  NOT NULL, base BIGINT NOT NULL DEFAULT 0,
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
CREATE INDEX ledger_opening_content ON ledger_opening (org_id, log_id, payload) WHERE label = 'content';

CREATE TABLE letter (
	org_id     TEXT   NOT NULL,
	id         TEXT   NOT NULL,
	channel_id TEXT   NOT NULL,
	user_id    TEXT   NOT NULL,
	kind       TEXT   NOT NULL,
	recipient  TEXT   NOT NULL,
	body       BYTEA  NOT NULL,
	state      TEXT   NOT NULL,
	tries      BIGINT NOT NULL,
	next_try   BIGINT NOT NULL,
	lease      BIGINT NOT NULL,
	status     BIGINT NOT NULL,
	problem    TEXT   NOT NULL,
	created    BIGINT NOT NULL,
	settled    BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE INDEX letter_lane ON letter (org_id, channel_id, state, next_try, id);
CREATE INDEX letter_newest ON letter (org_id, channel_id, id);

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

CREATE TABLE members (
	org_id  TEXT   NOT NULL REFERENCES orgs (org_id),
	user_id TEXT   NOT NULL REFERENCES users (id),
	roles   TEXT   NOT NULL,
	created BIGINT NOT NULL, resting TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (org_id, user_id)
);

CREATE TABLE notice (
	org_id  TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	user_id TEXT    NOT NULL,
	kind    TEXT    NOT NULL,
	text    TEXT    NOT NULL,
	link    TEXT    NOT NULL,
	object  TEXT    NOT NULL,
	day     TEXT    NOT NULL,
	at      BIGINT  NOT NULL,
	state   TEXT    NOT NULL,
	seen    BIGINT  NOT NULL,
	mail    TEXT    NOT NULL,
	PRIMARY KEY (org_id, id),
	UNIQUE (org_id, user_id, object, kind, day)
);
CREATE INDEX notice_digest ON notice (org_id, user_id, mail, id);
CREATE INDEX notice_inbox ON notice (org_id, user_id, state, id);
CREATE INDEX notice_person ON notice (org_id, user_id, id);

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

CREATE TABLE op_subject (
	org_id  TEXT   NOT NULL,
	subject TEXT   NOT NULL,
	entry   BIGINT NOT NULL,
	PRIMARY KEY (org_id, subject, entry)
);

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

CREATE TABLE orgs (
	org_id  TEXT   PRIMARY KEY,
	name    TEXT   NOT NULL,
	zone    TEXT   NOT NULL,
	version BIGINT NOT NULL,
	created BIGINT NOT NULL
, kind TEXT NOT NULL DEFAULT 'service');

CREATE TABLE orgs_door (
	org_id        TEXT    PRIMARY KEY,
	second_factor BOOLEAN NOT NULL,
	idle_hours    BIGINT  NOT NULL,
	version       BIGINT  NOT NULL,
	changed       BIGINT  NOT NULL
);

CREATE TABLE population (
	org_id        TEXT   NOT NULL,
	id            TEXT   NOT NULL,
	engagement_id TEXT   NOT NULL,
	code          TEXT   NOT NULL,
	title         TEXT   NOT NULL,
	controls      TEXT   NOT NULL,
	commitment    TEXT   NOT NULL,
	commit_entry  BIGINT NOT NULL,
	secret        TEXT   NOT NULL,
	nonce         TEXT   NOT NULL,
	revealed      BIGINT NOT NULL,
	revealed_by   TEXT   NOT NULL,
	abandoned     BIGINT NOT NULL,
	reason        TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	created       BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX population_live ON population (org_id, engagement_id, code) WHERE abandoned = 0;
CREATE INDEX population_of ON population (org_id, engagement_id, code);

CREATE TABLE population_check (
	org_id        TEXT   NOT NULL,
	population_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	number        BIGINT NOT NULL,
	procedure     TEXT   NOT NULL,
	result        TEXT   NOT NULL,
	note          TEXT   NOT NULL,
	items         TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	PRIMARY KEY (org_id, population_id, version, number),
	FOREIGN KEY (org_id, population_id) REFERENCES population (org_id, id)
);

CREATE TABLE population_decision (
	org_id        TEXT   NOT NULL,
	population_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	number        BIGINT NOT NULL,
	decision      TEXT   NOT NULL,
	reason        TEXT   NOT NULL,
	actor         TEXT   NOT NULL,
	at            BIGINT NOT NULL,
	entry         BIGINT NOT NULL,
	PRIMARY KEY (org_id, population_id, version, number),
	FOREIGN KEY (org_id, population_id) REFERENCES population (org_id, id)
);

CREATE TABLE population_version (
	org_id        TEXT   NOT NULL,
	population_id TEXT   NOT NULL,
	version       BIGINT NOT NULL,
	engagement_id TEXT   NOT NULL,
	status        TEXT   NOT NULL,
	row_count     BIGINT NOT NULL,
	digest        TEXT   NOT NULL,
	root          TEXT   NOT NULL,
	manifest      TEXT   NOT NULL,
	problems      TEXT   NOT NULL,
	checks        TEXT   NOT NULL,
	list          TEXT   NOT NULL,
	records       TEXT   NOT NULL,
	pieces        TEXT   NOT NULL,
	evidence_id   TEXT   NOT NULL,
	entry         BIGINT NOT NULL,
	built         BIGINT NOT NULL,
	sealed        BIGINT NOT NULL,
	actor         TEXT   NOT NULL,
	PRIMARY KEY (org_id, population_id, version)
);
CREATE INDEX population_version_of ON population_version (org_id, engagement_id, population_id);

CREATE TABLE preference (
	org_id     TEXT   NOT NULL,
	user_id    TEXT   NOT NULL,
	mail       TEXT   NOT NULL,
	quiet_from TEXT   NOT NULL,
	quiet_to   TEXT   NOT NULL,
	digest_at  TEXT   NOT NULL,
	digest_day BIGINT NOT NULL,
	version    BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id)
);

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

CREATE TABLE scrub_finding (
	org_id   TEXT   NOT NULL,
	layer    TEXT   NOT NULL,
	place    TEXT   NOT NULL,
	since    BIGINT NOT NULL,
	text     TEXT   NOT NULL,
	pass     BIGINT NOT NULL,
	seen     BIGINT NOT NULL,
	told     BIGINT NOT NULL,
	resolved BIGINT NOT NULL,
	PRIMARY KEY (org_id, layer, place, since)
);
CREATE INDEX scrub_finding_open ON scrub_finding (org_id, resolved);

CREATE TABLE scrub_row (
	org_id TEXT NOT NULL,
	kind   TEXT NOT NULL,
	key    TEXT NOT NULL,
	digest TEXT NOT NULL,
	PRIMARY KEY (org_id, kind, key)
);

CREATE TABLE scrub_state (
	org_id  TEXT   NOT NULL,
	layer   TEXT   NOT NULL,
	pass    BIGINT NOT NULL,
	place   TEXT   NOT NULL,
	done    BIGINT NOT NULL,
	about   BIGINT NOT NULL,
	started BIGINT NOT NULL,
	moved   BIGINT NOT NULL,
	ended   BIGINT NOT NULL,
	whole   BIGINT NOT NULL,
	found   BIGINT NOT NULL,
	PRIMARY KEY (org_id, layer)
);

CREATE TABLE sessions (
	id      BYTEA  PRIMARY KEY,
	user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_id  TEXT   NOT NULL,
	agent   TEXT   NOT NULL,
	created BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	expires BIGINT NOT NULL
, address TEXT NOT NULL DEFAULT '', signed BIGINT NOT NULL DEFAULT 0, factor TEXT NOT NULL DEFAULT '');
CREATE INDEX sessions_expires ON sessions (expires);
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
	removed  BIGINT NOT NULL, day_time TEXT NOT NULL DEFAULT '', weekday TEXT NOT NULL DEFAULT '', paused BIGINT NOT NULL DEFAULT 0, expected TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (org_id, id)
);

CREATE TABLE source_import (
	org_id    TEXT    NOT NULL,
	id        TEXT    NOT NULL,
	name      TEXT    NOT NULL,
	format    TEXT    NOT NULL,
	looks     TEXT    NOT NULL,
	size      BIGINT  NOT NULL,
	sha256    TEXT    NOT NULL,
	address   TEXT    NOT NULL,
	pieced    BOOLEAN NOT NULL,
	skip_bad  BOOLEAN NOT NULL,
	source_id TEXT    NOT NULL,
	job_id    TEXT    NOT NULL,
	run_id    TEXT    NOT NULL,
	refused   TEXT    NOT NULL,
	actor     TEXT    NOT NULL,
	created   BIGINT  NOT NULL, cancelled TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (org_id, id)
);

CREATE TABLE source_mapping (
	org_id    TEXT   NOT NULL,
	id        TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	version   BIGINT NOT NULL,
	body      TEXT   NOT NULL,
	actor     TEXT   NOT NULL,
	created   BIGINT NOT NULL,
	PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX source_mapping_version ON source_mapping (org_id, source_id, version);

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
CREATE INDEX source_resource_key ON source_resource (org_id, key, source_id, kind);
CREATE INDEX source_resource_kind ON source_resource (org_id, kind, source_id, key);

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
CREATE INDEX source_run_history ON source_run (org_id, source_id, id);
CREATE INDEX source_run_latest ON source_run (org_id, source_id, ended);

CREATE TABLE source_run_kind (
	org_id  TEXT   NOT NULL,
	run_id  TEXT   NOT NULL,
	kind    TEXT   NOT NULL,
	count   BIGINT NOT NULL,
	address TEXT   NOT NULL, added BIGINT NOT NULL DEFAULT 0, changed BIGINT NOT NULL DEFAULT 0, gone BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (org_id, run_id, kind),
	FOREIGN KEY (org_id, run_id) REFERENCES source_run (org_id, id)
);

CREATE TABLE source_secret (
	org_id    TEXT   NOT NULL,
	source_id TEXT   NOT NULL,
	name      TEXT   NOT NULL,
	sealed    BYTEA  NOT NULL,
	since     BIGINT NOT NULL,
	PRIMARY KEY (org_id, source_id, name),
	FOREIGN KEY (org_id, source_id) REFERENCES source (org_id, id)
);

CREATE TABLE source_statement (
	org_id    TEXT NOT NULL,
	import_id TEXT NOT NULL,
	body      TEXT NOT NULL,
	PRIMARY KEY (org_id, import_id)
);

CREATE TABLE task (
	org_id     TEXT   NOT NULL,
	id         TEXT   NOT NULL,
	title      TEXT   NOT NULL,
	text       TEXT   NOT NULL,
	words      TEXT   NOT NULL,
	owner_id   TEXT   NOT NULL,
	due        TEXT   NOT NULL,
	place      TEXT   NOT NULL,
	object     TEXT   NOT NULL,
	state      TEXT   NOT NULL,
	reason     TEXT   NOT NULL,
	every      BIGINT NOT NULL,
	unit       TEXT   NOT NULL,
	anchor     TEXT   NOT NULL,
	series     TEXT   NOT NULL,
	nth        BIGINT NOT NULL,
	remind     BIGINT NOT NULL,
	reminded   TEXT   NOT NULL,
	escalate   BIGINT NOT NULL,
	escalate_to TEXT  NOT NULL,
	escalated  BIGINT NOT NULL,
	missed     BIGINT NOT NULL,
	creator_id TEXT   NOT NULL,
	creator    TEXT   NOT NULL,
	created    BIGINT NOT NULL,
	settled    BIGINT NOT NULL,
	settled_by TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	PRIMARY KEY (org_id, id),
	UNIQUE (org_id, series, nth)
);
CREATE INDEX task_creator ON task (org_id, creator_id, state, place, id);
CREATE INDEX task_due ON task (org_id, state, due, id);
CREATE INDEX task_object ON task (org_id, object, id);
CREATE INDEX task_order ON task (org_id, state, place, id);
CREATE INDEX task_owner ON task (org_id, owner_id, state, place, id);
CREATE INDEX task_place ON task (org_id, place, id);

CREATE TABLE task_event (
	org_id  TEXT   NOT NULL,
	task_id TEXT   NOT NULL,
	entry   BIGINT NOT NULL,
	at      BIGINT NOT NULL,
	actor   TEXT   NOT NULL,
	what    TEXT   NOT NULL,
	PRIMARY KEY (org_id, task_id, entry)
);

CREATE TABLE tokens (
	org_id  TEXT   NOT NULL,
	id      TEXT   NOT NULL,
	user_id TEXT   NOT NULL,
	name    TEXT   NOT NULL,
	hash    BYTEA  NOT NULL UNIQUE,
	created BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	revoked BIGINT NOT NULL, access TEXT NOT NULL DEFAULT 'write',
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

CREATE TABLE users_code (
	user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	hash    BYTEA  NOT NULL,
	used    BIGINT NOT NULL,
	PRIMARY KEY (user_id, hash)
);

CREATE TABLE users_passkey (
	id         TEXT   PRIMARY KEY,
	user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	name       TEXT   NOT NULL,
	credential TEXT   NOT NULL,
	created    BIGINT NOT NULL,
	used       BIGINT NOT NULL
);
CREATE INDEX users_passkey_user ON users_passkey (user_id);

CREATE TABLE users_recovery (
	hash    BYTEA   PRIMARY KEY,
	user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	org_id  TEXT    NOT NULL,
	factors BOOLEAN NOT NULL,
	actor   TEXT    NOT NULL,
	created BIGINT  NOT NULL,
	expires BIGINT  NOT NULL,
	used    BIGINT  NOT NULL
);
CREATE INDEX users_recovery_user ON users_recovery (user_id);

CREATE TABLE users_spent (
	hash    BYTEA  PRIMARY KEY,
	expires BIGINT NOT NULL
);

CREATE TABLE users_totp (
	user_id   TEXT   PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
	sealed    BYTEA  NOT NULL,
	step      BIGINT NOT NULL,
	created   BIGINT NOT NULL,
	confirmed BIGINT NOT NULL,
	used      BIGINT NOT NULL
);

CREATE TABLE view_look (
	org_id     TEXT   NOT NULL,
	user_id    TEXT   NOT NULL,
	seen       BIGINT NOT NULL,
	size       BIGINT NOT NULL,
	since      BIGINT NOT NULL,
	since_size BIGINT NOT NULL,
	PRIMARY KEY (org_id, user_id)
);

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

CREATE TABLE view_usual (
	org_id  TEXT NOT NULL,
	user_id TEXT NOT NULL,
	list    TEXT NOT NULL,
	view_id TEXT NOT NULL,
	PRIMARY KEY (org_id, user_id, list),
	FOREIGN KEY (org_id, view_id) REFERENCES view_saved (org_id, id)
);
CREATE INDEX view_usual_of ON view_usual (org_id, view_id);
