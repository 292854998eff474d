package sources

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// ImportRead puts a file in line once it is known what its columns mean.
var ImportRead = op.Write("imports.read", "Read a file that was handed in and has waited for a mapping.", auth.SourcesWrite, importRead)

const readImport = `UPDATE source_import SET source_id = ?, job_id = ? WHERE org_id = ? AND id = ? AND run_id = '' AND refused = ''`

// Waiting names a file and the source that it feeds.
type Waiting struct {
	ID     string `json:"id" doc:"The id of the file, upl_…"`
	Source string `json:"source" doc:"The id of the source that it feeds."`
}

func importRead(c *op.Call, in Waiting) (Started, error) {
	i, err := importGet(c, Ref{in.ID})
	if err != nil {
		return Started{}, err
	}
	s, err := get(c, Ref{in.Source})
	if err != nil {
		return Started{}, err
	}
	if err := takes(c, s.ID, i.Format); err != nil {
		return Started{}, err
	}
	if i.Source != "" && i.Source != s.ID {
		return Started{}, fault.Invalid("source", "%s was handed in for another source", i.Name)
	}
	j, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: ImportJob, Args: reading{i.ID}, Unique: string(i.ID), Attempts: 3}, c.Now)
	if err != nil {
		return Started{}, err
	}
	n, err := c.Tx.Exec(readImport, s.ID, j, c.Org, i.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("%s has been read already. Hand it in again to read it again.", i.Name)
	}
	return Started{id.Job(j)}, err
}
