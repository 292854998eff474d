-- +goose Up

-- The jobs of one organization are counted and paged without reading those of
-- the others.
CREATE INDEX job_list ON job (org_id, id);
