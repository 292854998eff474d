-- +goose Up

-- What the organization has: in the scope of the examination or out of it.
-- folded is the name as it is searched and ordered; place orders by
-- criticality and then by name. scope is what holds; wish is what somebody
-- asked for and another has not agreed to yet.
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

-- Every version of an asset, in full.
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

-- Which resource of a source an asset stands for, and when the source last
-- showed it. A resource belongs to one asset.
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
CREATE INDEX asset_sighting_of ON asset_sighting (org_id, asset_id, seen);
CREATE INDEX asset_sighting_kind ON asset_sighting (org_id, kind, source_id, key, asset_id, seen);

-- A resource that is no asset, and why.
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

-- After how many days without being shown an asset is stale.
CREATE TABLE asset_setting (
	org_id     TEXT   PRIMARY KEY,
	stale_days BIGINT NOT NULL,
	version    BIGINT NOT NULL
);

-- Reconciliation reads what sources show kind by kind.
CREATE INDEX source_resource_kind ON source_resource (org_id, kind, source_id, key);
