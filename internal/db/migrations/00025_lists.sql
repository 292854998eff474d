-- +goose Up

-- Exceptions are listed by how they stand, which their end and the clock decide:
-- those that go on by their end, those that were ended by when.
CREATE INDEX check_exception_standing ON check_exception (org_id, ended, ends, id);
