-- +goose Up

-- An exception is asked for by one person and approved by another. Until then
-- its starts is 0; those from before were in force from the moment they were
-- asked for, and stay so.
ALTER TABLE check_exception ADD COLUMN asker_id TEXT NOT NULL DEFAULT '';
ALTER TABLE check_exception ADD COLUMN asker TEXT NOT NULL DEFAULT '';
ALTER TABLE check_exception ADD COLUMN approver_id TEXT NOT NULL DEFAULT '';
