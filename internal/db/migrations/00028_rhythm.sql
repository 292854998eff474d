-- +goose Up

-- Why the reading of a file that was handed in was stopped; empty if it was not.
ALTER TABLE source_import ADD COLUMN cancelled TEXT NOT NULL DEFAULT '';

-- How often a file is expected of a source that is fed: day, week, month or
-- quarter; empty for no rhythm.
ALTER TABLE source ADD COLUMN expected TEXT NOT NULL DEFAULT '';
