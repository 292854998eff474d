package sources

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be done with files that are handed in. Their bytes come by the side
// door of Reader.Deliver.
var (
	ImportGet   = op.Read("imports.get", "Show a file that was handed in, and what became of it.", auth.SourcesRead, importGet)
	ImportList  = op.Read("imports.list", "List the files that were handed in, newest first.", auth.SourcesRead, importList)
	ImportStart = op.Write("imports.start", "Have a file that was handed in read as a run.", auth.SourcesWrite, importStart)

	begin  = op.Work("imports.begin", "Put a file that was handed in, in line to be read.", auth.SourcesWrite, importBegin)
	refuse = op.Work("imports.refuse", "Record that a file could not be taken, and why.", auth.SourcesWrite, importRefuse)
	feed   = op.Work("sources.feed", "Connect the source that a file belongs to, where there is none yet.", auth.SourcesWrite, fedBy)

	imports = []op.Operation{ImportGet, ImportList, ImportStart, ImportCancel, ImportRetry, begin, refuse, feed}
)

// ImportJob reads a file that was handed in.
const ImportJob = "import"

// An Import is a file that was handed in, to become a run.
type Import struct {
	ID      id.Upload `json:"id"`
	Name    string    `json:"name"`
	Format  string    `json:"format"`
	Looks   string    `json:"looks"` // such as "OCSF 1.4 detection findings by Prowler 5.8"
	Size    int64     `json:"size"`
	SHA256  string    `json:"sha256"`
	SkipBad bool      `json:"skip_bad"`
	Source  id.Source `json:"source,omitempty"`
	Job     id.Job    `json:"job,omitempty"`
	Run     id.Run    `json:"run,omitempty"`
	Refused string    `json:"refused,omitempty"`
	// Cancelled says by whom its reading was stopped.
	Cancelled string    `json:"cancelled,omitempty"`
	Actor     string    `json:"actor"`
	Created   time.Time `json:"created"`
	Status    string    `json:"status"`            // what became of it
	Failed    string    `json:"failed,omitempty"`  // why the server gave up, while it remembers
	Reading   *job.Job  `json:"reading,omitempty"` // the job that reads it now

	address string
	pieced  bool // address is that of a list of pieces
}

// What became of a file.
const (
	ImportWaiting   = "waiting" // for somebody to say how it is to be read
	ImportReading   = "reading"
	ImportTaken     = "read"
	ImportRefused   = "refused"
	ImportCancelled = "cancelled"
	ImportFailed    = "failed" // the server gave up, through no fault of the file
)

const (
	importColumns = "id, name, format, looks, size, sha256, address, pieced, skip_bad, source_id, job_id, run_id, refused, cancelled, actor, created"
	insertImport  = "INSERT INTO source_import (org_id, " + importColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', '', ?, ?)"
	selectImport  = "SELECT " + importColumns + " FROM source_import WHERE org_id = ? AND id = ?"
	selectImports = "SELECT " + importColumns + " FROM source_import WHERE org_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
	countImports  = "SELECT COUNT(*) FROM source_import WHERE org_id = ?"
	startImport   = "UPDATE source_import SET format = ?, source_id = ?, skip_bad = ?, job_id = ? WHERE org_id = ? AND id = ? AND job_id = '' AND run_id = '' AND refused = '' AND cancelled = ''"
	feedsImport   = "UPDATE source_import SET source_id = ? WHERE org_id = ? AND id = ? AND run_id = ''"
	refuseImport  = "UPDATE source_import SET refused = ? WHERE org_id = ? AND id = ? AND run_id = '' AND refused = '' AND cancelled = ''"
	finishImport  = "UPDATE source_import SET run_id = ?, source_id = ? WHERE org_id = ? AND id = ? AND run_id = '' AND refused = '' AND cancelled = ''"
)

func scanImport(scan func(...any) error, i *Import) error {
	var created int64
	err := scan(&i.ID, &i.Name, &i.Format, &i.Looks, &i.Size, &i.SHA256, &i.address, &i.pieced, &i.SkipBad, &i.Source, &i.Job, &i.Run,
		&i.Refused, &i.Cancelled, &i.Actor, &created)
	i.Created = clock.FromMillis(created)
	return err
}

func importGet(c *op.Call, in Ref) (Import, error) {
	i, err := id.Parse[id.Upload](in.ID)
	if err != nil {
		return Import{}, err
	}
	rows, err := db.Rows(c.Tx, selectImport, []any{c.Org, i}, scanImport)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("No file was handed in as %s.", i)
	}
	if err != nil {
		return Import{}, err
	}
	return rows[0], rows[0].settle(c)
}

// settle says what became of a file, by its row and the job that reads it.
func (i *Import) settle(c *op.Call) (err error) {
	switch {
	case i.Run != "":
		i.Status = ImportTaken
	case i.Refused != "":
		i.Status = ImportRefused
	case i.Cancelled != "":
		i.Status = ImportCancelled
	case i.Job == "":
		i.Status = ImportWaiting
	default:
		if i.Reading, err = job.Busy(c.Tx, c.Org, ImportJob, string(i.ID)); err != nil || i.Reading != nil {
			i.Status = ImportReading
			return err
		}
		i.Status = ImportFailed
		j, err := job.Get(c.Tx, c.Org, i.Job)
		if err != nil && fault.KindOf(err) != fault.KindNotFound {
			return err
		}
		i.Failed = j.Error
	}
	return nil
}

// ImportFilter pages through the files that were handed in.
type ImportFilter struct {
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

func importList(c *op.Call, in ImportFilter) (op.Page[Import], error) {
	after := in.After
	if after == "" {
		after = "upl_~" // sorts after every id
	}
	n := op.Limit(in.Limit)
	var total int64
	if err := c.Tx.Row(countImports, []any{c.Org}, &total); err != nil {
		return op.Page[Import]{}, err
	}
	rows, err := db.Rows(c.Tx, selectImports, []any{c.Org, after, n + 1}, scanImport)
	for k := 0; k < len(rows) && err == nil; k++ {
		err = rows[k].settle(c)
	}
	return op.PageOf(rows, n, total, func(i Import) string { return string(i.ID) }), err
}

// arrival is a file whose bytes are stored.
type arrival struct {
	Import
	queue     bool // let a worker read it
	statement json.RawMessage
}

func importBegin(c *op.Call, in arrival) (Import, error) {
	i := in.Import
	i.ID, i.Actor, i.Created = id.New[id.Upload](c.Now), c.Actor.Name, c.Now
	if i.Source != "" {
		if err := takes(c, i.Source, i.Format); err != nil {
			return Import{}, err
		}
	}
	if in.queue {
		var err error
		if i.Job, err = queueImport(c, i.ID); err != nil {
			return Import{}, err
		}
	}
	_, err := c.Tx.Exec(insertImport, c.Org, i.ID, i.Name, i.Format, i.Looks, i.Size, i.SHA256, i.address, i.pieced, i.SkipBad, i.Source, i.Job,
		i.Actor, clock.Millis(i.Created))
	c.Note("id", string(i.ID))
	if err == nil {
		err = state(c, i.ID, in.statement)
	}
	if err != nil {
		return Import{}, err
	}
	return i, i.settle(c)
}

// Start says how a file is to be read.
type Start struct {
	ID      string `json:"id" doc:"The file's id, upl_…."`
	Format  string `json:"format,omitempty" maxLength:"40" doc:"Its format; the one that was guessed if left out."`
	Source  string `json:"source,omitempty" maxLength:"40" doc:"The source it feeds. Found by the tool and what it looked at, or connected, if left out."`
	SkipBad bool   `json:"skip_bad,omitempty" doc:"Leave out rows that cannot be taken, and record which."`
}

// importStart lets a worker read a file that waits for somebody to choose.
func importStart(c *op.Call, in Start) (Import, error) {
	i, err := importGet(c, Ref{in.ID})
	if err != nil {
		return Import{}, err
	}
	if in.Format != "" {
		if k, known := KindOf(in.Format); !known || !k.Fed {
			return Import{}, fault.Invalid("format", "there is no format %q that a file could have", in.Format)
		}
		i.Format = in.Format
	}
	if in.Source != "" {
		if i.Source, err = id.Parse[id.Source](in.Source); err != nil {
			return Import{}, fault.Invalid("source", "give the id of a source, src_…, or leave it out").With(err)
		}
		if err := takes(c, i.Source, i.Format); err != nil {
			return Import{}, err
		}
	}
	i.SkipBad = in.SkipBad
	if i.Job, err = queueImport(c, i.ID); err != nil {
		return Import{}, err
	}
	n, err := c.Tx.Exec(startImport, i.Format, i.Source, i.SkipBad, i.Job, c.Org, i.ID)
	if err == nil && n == 0 {
		err = fault.Conflict("%s is being read, or was.", i.Name)
	}
	if err != nil {
		return Import{}, err
	}
	return i, i.settle(c)
}

func queueImport(c *op.Call, i id.Upload) (id.Job, error) {
	return job.Enqueue(c.Tx, c.Org, job.Insert{Kind: ImportJob, Args: reading{i}, Unique: string(i), Attempts: 3}, c.Now)
}

// takes refuses a source that no file of the format can feed.
func takes(c *op.Call, s id.Source, format string) error {
	source, err := One(c, s)
	if err != nil {
		return err
	}
	switch {
	case !source.Removed.IsZero():
		return fault.Conflict("%s is disconnected.", source.Name)
	case source.Kind != format:
		return fault.Invalid("source", "%s is a source of kind %s, and the file is %s: give a source of kind %[3]s, or none, and one is found or connected", source.Name, source.Kind, format)
	}
	return nil
}

// reading is the argument of an import job.
type reading struct {
	Import id.Upload `json:"import"`
}

// refusal is why a file was not taken.
type refusal struct {
	Import id.Upload `json:"import"`
	Reason string    `json:"reason"`

	job *job.Run
}

func importRefuse(c *op.Call, in refusal) (op.None, error) {
	if err := still(c, in.job); err != nil {
		return op.None{}, err
	}
	_, err := c.Tx.Exec(refuseImport, clip(cleanText(in.Reason)), c.Org, in.Import)
	return op.None{}, err
}

// feeding says what a file is about, from which its source follows: two tools,
// or one tool on two targets, are two sources, since a run replaces all that its
// source showed before.
type feeding struct {
	Format string `json:"format"`
	Tool   string `json:"tool"`
	Target string `json:"target"`

	file id.Upload // that is being read
	job  *job.Run
}

// fedBy finds the source that such files feed, or connects it.
func fedBy(c *op.Call, in feeding) (Source, error) {
	if err := still(c, in.job); err != nil {
		return Source{}, err
	}
	rows, err := db.Rows(c.Tx, selectSources, []any{c.Org}, scanSource)
	if err != nil {
		return Source{}, err
	}
	settings, err := json.Marshal(map[string]string{"tool": in.Tool, "target": in.Target})
	if err != nil {
		return Source{}, err
	}
	i := slices.IndexFunc(rows, func(s Source) bool {
		var of feeding
		return s.Kind == in.Format && json.Unmarshal(s.Settings, &of) == nil && of.Tool == in.Tool && of.Target == in.Target
	})
	if i >= 0 {
		c.Note("id", string(rows[i].ID))
		return rows[i], nil
	}
	s := Source{ID: id.New[id.Source](c.Now), Kind: in.Format, Name: in.name(), Settings: settings, Version: 1, Created: c.Now}
	c.Note("id", string(s.ID))
	if _, err = c.Tx.Exec(insertTimed, c.Org, s.ID, s.Kind, s.Name, string(s.Settings), 0, "", "", "", clock.Millis(c.Now)); err != nil {
		return s, err
	}
	_, err = c.Tx.Exec(feedsImport, s.ID, c.Org, in.file)
	return s, err
}

func (f feeding) name() string {
	tool := f.Tool
	if tool == "" {
		tool = strings.ToUpper(f.Format)
	}
	name := []rune(tool)
	if f.Target != "" {
		name = append(name, []rune(": "+f.Target)...)
	}
	if len(name) > 100 {
		name = append(name[:99], '…')
	}
	return string(name)
}
