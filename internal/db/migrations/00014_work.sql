-- +goose Up

-- A letter leaves the house: by mail to one person, or to a channel. Its text
-- is sealed, and forgotten once it is sent or given up. channel_id is empty for
-- mail; there is one lane for each channel, so that a slow one holds up itself.
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

-- What one person is told. The same thing is told once a day.
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
CREATE INDEX notice_inbox ON notice (org_id, user_id, state, id);
CREATE INDEX notice_person ON notice (org_id, user_id, id);
CREATE INDEX notice_digest ON notice (org_id, user_id, mail, id);

-- How a person wants to be told. Who has no row wants what is usual.
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

-- Where an organization is told, beside its people. The address is a secret:
-- who knows it can write there.
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

-- Tasks. missed is when its day passed before the next one of a recurring task
-- began; it is set once. place orders them: nobody's first, then by day.
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
CREATE INDEX task_order ON task (org_id, state, place, id);
CREATE INDEX task_place ON task (org_id, place, id);
CREATE INDEX task_owner ON task (org_id, owner_id, state, place, id);
CREATE INDEX task_creator ON task (org_id, creator_id, state, place, id);
CREATE INDEX task_object ON task (org_id, object, id);
CREATE INDEX task_due ON task (org_id, state, due, id);

-- What happened to a task, each with the number of its entry in the log.
CREATE TABLE task_event (
	org_id  TEXT   NOT NULL,
	task_id TEXT   NOT NULL,
	entry   BIGINT NOT NULL,
	at      BIGINT NOT NULL,
	actor   TEXT   NOT NULL,
	what    TEXT   NOT NULL,
	PRIMARY KEY (org_id, task_id, entry)
);

-- What people say to each other beside a thing. A removed one keeps its place
-- without its words; the log keeps both.
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
CREATE INDEX comment_thread ON comment (org_id, object, id);
CREATE INDEX comment_author ON comment (org_id, author_id, id);
CREATE TABLE comment_mention (
	org_id     TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	comment_id TEXT NOT NULL,
	PRIMARY KEY (org_id, user_id, comment_id)
);
