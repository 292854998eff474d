-- +goose Up

-- What a token may do of what its owner may: "read", or "write" as well.
-- Tokens from before could do both.
ALTER TABLE tokens ADD COLUMN access TEXT NOT NULL DEFAULT 'write';
