-- +goose Up

-- What the controls of an organization come to, by owner: whether any of them
-- was changed is seen without reading them.
CREATE INDEX control_stamp ON control (org_id, owner_id, version, updated);
