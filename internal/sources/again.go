package sources

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done with a file that was not read at once, or not to its end.
var (
	ImportRead   = op.Write("imports.read", "Read a file that was handed in and has waited for a mapping.", auth.SourcesWrite, importRead)
	ImportCancel = op.Write("imports.cancel", "Stop the reading of a file that was handed in. Nothing of it is taken; the file itself is kept.", auth.SourcesWrite, importCancel)
	ImportRetry  = op.Write("imports.retry", "Read a file again, from the bytes that are kept, whose reading failed, was stopped or was refused.", auth.SourcesWrite, importRetry).Before(stillHad)
)

const (
	readImport   = `UPDATE source_import SET source_id = ?, job_id = ?, refused = '', cancelled = '' WHERE org_id = ? AND id = ? AND run_id = ''`
	cancelImport = `UPDATE source_import SET cancelled = ?, source_id = ? WHERE org_id = ? AND id = ? AND run_id = '' AND refused = '' AND cancelled = ''`
	retryImport  = `UPDATE source_import SET job_id = ?, skip_bad = ?, refused = '', cancelled = '' WHERE org_id = ? AND id = ? AND run_id = ''`
)

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
	j, err := queueImport(c, i.ID)
	if err != nil {
		return Started{}, err
	}
	n, err := c.Tx.Exec(readImport, s.ID, j, c.Org, i.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("%s has been read already. Hand it in again to read it again.", i.Name)
	}
	return Started{j}, err
}

// importCancel stops the job that reads a file. Where it is known which source
// the file feeds, that it was stopped is a gap of the source. A source that this
// very reading has connected, and that has shown nothing, goes with it.
func importCancel(c *op.Call, in Ref) (Import, error) {
	i, err := importGet(c, in)
	if err != nil {
		return Import{}, err
	}
	late := fault.Conflict("%s is not being read.", i.Name)
	if i.Reading == nil {
		return Import{}, late
	}
	why := "cancelled by " + c.Actor.Name
	stopped, err := job.Cancel(c.Tx, c.Org, i.Reading.ID, why, c.Now)
	if err == nil && !stopped {
		err = late
	}
	if err != nil {
		return Import{}, err
	}
	from := i.Reading.Created
	if from.After(c.Now) {
		from = c.Now
	}
	if i.Source != "" {
		s, err := One(c, i.Source)
		if err != nil {
			return Import{}, err
		}
		if s.Latest == nil && i.connected(s) {
			i.Source = ""
			_, err = remove(c, Ref{string(s.ID)})
		} else {
			_, err = gap(c, Failure{Source: s, Collector: i.Format, Started: from.Truncate(time.Millisecond)}, RunCancelled, why)
		}
		if err != nil {
			return Import{}, err
		}
	}
	n, err := c.Tx.Exec(cancelImport, why, i.Source, c.Org, i.ID)
	if err == nil && n == 0 {
		err = late // it was recorded, and its job is about to end
	}
	if err != nil {
		return Import{}, err
	}
	return importGet(c, in)
}

// connected reports whether a source was connected by reading the file, rather
// than by a person.
func (i Import) connected(s Source) bool {
	var of struct{ Tool *string }
	return s.Kind != KindFile && !s.Created.Before(i.Created) && s.Every == 0 && json.Unmarshal(s.Settings, &of) == nil && of.Tool != nil
}

// Retry says how a file is to be read this time.
type Retry struct {
	ID      string `json:"id" doc:"The file's id, upl_…."`
	SkipBad bool   `json:"skip_bad,omitempty" doc:"Leave out rows that cannot be taken, and record which; as before, if left out."`
}

func importRetry(c *op.Call, in Retry) (Import, error) {
	i, err := importGet(c, Ref{in.ID})
	if err != nil {
		return Import{}, err
	}
	switch i.Status {
	case ImportTaken:
		return Import{}, fault.Conflict("%s has been read already, as run %s. Hand it in again to read it again.", i.Name, i.Run)
	case ImportReading:
		return Import{}, fault.Conflict("%s is being read.", i.Name)
	case ImportWaiting:
		return Import{}, fault.Conflict("%s has not been read yet: say first how it is to be read, with imports.start.", i.Name)
	}
	if i.Source != "" {
		if err := takes(c, i.Source, i.Format); err != nil {
			return Import{}, err
		}
	}
	j, err := queueImport(c, i.ID)
	if err != nil {
		return Import{}, err
	}
	n, err := c.Tx.Exec(retryImport, j, i.SkipBad || in.SkipBad, c.Org, i.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("%s has been read already. Hand it in again to read it again.", i.Name)
	}
	if err != nil {
		return Import{}, err
	}
	return importGet(c, Ref{in.ID})
}

// stillHad refuses a file whose bytes cannot be had any more, before a job
// finds that out.
func stillHad(ctx context.Context, desk *op.Desk, in Retry) error {
	i, err := ImportGet.Do(ctx, desk, Ref{in.ID})
	if err != nil || i.Run != "" {
		return err // importRetry says it
	}
	if i.address == "" {
		return fault.Conflict("The bytes of %s were never kept, so it cannot be read again. Hand the file in anew.", i.Name)
	}
	kept := func(address string) error {
		had, err := desk.Vault.Has(ctx, desk.Org, address)
		if err == nil && !had {
			err = fault.Conflict("The bytes of %s are not kept any more, so it cannot be read again. Hand the file in anew.", i.Name)
		}
		return err
	}
	if err := kept(i.address); err != nil {
		return err
	}
	if !i.pieced {
		return nil
	}
	text, err := desk.Vault.Get(ctx, desk.Org, i.address)
	if err != nil {
		return err
	}
	list, err := canon.ParseChunks(text)
	if err != nil {
		return err
	}
	for _, piece := range list {
		at, err := desk.Vault.AddressOf(ctx, desk.Org, piece.SHA256)
		if err != nil {
			return err
		}
		if err := kept(at); err != nil {
			return err
		}
	}
	return nil
}
