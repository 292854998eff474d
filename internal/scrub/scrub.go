// Package scrub reads everything back, day and night: the log against what was
// signed, the blobs against their digests, and the rows against the log. What
// is not as it was recorded is told to everybody who may read the log.
package scrub

import (
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be asked of the scrub, and what it does of itself.
var (
	Get   = op.Read("scrubs.get", "Show how far the reading back of log, blobs and rows has come, and what it found.", auth.LogRead, get)
	Start = op.Write("scrubs.start", "Read log, blobs and rows back now.", auth.AnchorWrite, start)
	Keep  = op.Work("scrubs.keep", "Seal the digests of rows whose fields no entry repeats.", auth.LogRead, keep)
	Tell  = op.Work("scrubs.tell", "Record what was found not to be as recorded, or to be whole again.", auth.LogRead, tell)

	Operations = []op.Operation{Get, Start, Keep, Tell}
)

// The layers of a pass, in the order in which they are read.
const (
	Log   = "log"   // entries, hashes, heads, openings; and the rows that name an entry
	Rows  = "rows"  // rows that no entry repeats, against what was seen before
	Blobs = "blobs" // objects, digests, keys
)

var layers = []string{Log, Rows, Blobs}

// A Layer is how far one part of the pass has come.
type Layer struct {
	Layer   string    `json:"layer"`
	Pass    int64     `json:"pass"`
	Done    int64     `json:"done"`
	Of      int64     `json:"of"`
	Running bool      `json:"running"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"` // when it was last read to its end
	Found   int64     `json:"found"`          // in that pass

	place string
	whole int64
	moved time.Time
}

// A Finding is something that is not as it was recorded.
type Finding struct {
	Layer    string    `json:"layer"`
	Place    string    `json:"place"` // such as "entry 5" or "evidence evd_…"
	Text     string    `json:"text"`
	Since    time.Time `json:"since"`
	Seen     time.Time `json:"seen"` // last
	Resolved time.Time `json:"resolved,omitzero"`
}

// State is what is known of an organization.
type State struct {
	Layers []Layer `json:"layers"`
	// Ended is when everything had last been read to its end.
	Ended time.Time `json:"ended,omitzero"`
	Open  int64     `json:"open"` // findings that stand
	// Findings that stand come first.
	Findings []Finding `json:"findings"`
}

const (
	layerColumns  = "layer, pass, place, done, about, started, moved, ended, whole, found"
	selectLayers  = "SELECT " + layerColumns + " FROM scrub_state WHERE org_id = ?"
	selectFound   = "SELECT layer, place, text, since, seen, resolved FROM scrub_finding WHERE org_id = ? ORDER BY CASE WHEN resolved = 0 THEN 0 ELSE 1 END, since DESC, place LIMIT ?"
	countOpen     = "SELECT COUNT(*) FROM scrub_finding WHERE org_id = ? AND resolved = 0"
	countOpenAll  = "SELECT COUNT(*) FROM scrub_finding WHERE resolved = 0"
	shownFindings = 200
)

func scanLayer(scan func(...any) error, l *Layer) error {
	var started, moved, ended int64
	err := scan(&l.Layer, &l.Pass, &l.place, &l.Done, &l.Of, &started, &moved, &ended, &l.whole, &l.Found)
	l.Started, l.moved, l.Ended = clock.FromMillis(started), clock.FromMillis(moved), clock.FromMillis(ended)
	l.Running = l.Pass > l.whole
	return err
}

func scanFinding(scan func(...any) error, f *Finding) error {
	var since, seen, resolved int64
	err := scan(&f.Layer, &f.Place, &f.Text, &since, &seen, &resolved)
	f.Since, f.Seen, f.Resolved = clock.FromMillis(since), clock.FromMillis(seen), clock.FromMillis(resolved)
	return err
}

func get(c *op.Call, _ op.None) (State, error) { return StateOf(c.Tx, c.Org) }

// StateOf reads what is known of an organization, for a page that shows it.
func StateOf(tx *db.Tx, org id.Org) (State, error) {
	s := State{Findings: []Finding{}}
	known, err := layersOf(tx, org)
	if err != nil {
		return s, err
	}
	oldest, all := time.Time{}, true
	for _, name := range layers {
		l := known[name]
		if l == nil {
			l = &Layer{Layer: name}
		}
		if all = all && !l.Ended.IsZero(); all && (oldest.IsZero() || l.Ended.Before(oldest)) {
			oldest = l.Ended
		}
		s.Layers = append(s.Layers, *l)
	}
	if all {
		s.Ended = oldest
	}
	if s.Open, err = Open(tx, org); err != nil {
		return s, err
	}
	s.Findings, err = db.Rows(tx, selectFound, []any{org, shownFindings}, scanFinding)
	if s.Findings == nil {
		s.Findings = []Finding{}
	}
	return s, err
}

// Open counts what stands unresolved in an organization.
func Open(tx *db.Tx, org id.Org) (n int64, err error) {
	return n, tx.Row(countOpen, []any{org}, &n)
}

// OpenAnywhere counts what stands unresolved in the installation, for whoever
// watches the process.
func OpenAnywhere(tx *db.Tx) (n int64, err error) {
	return n, tx.Row(countOpenAll, nil, &n)
}

// An Alarm is what a page says when something is not as it was recorded: one
// place, and how many there are. The zero value is calm.
type Alarm struct {
	Place string
	Open  int64
}

const selectWorst = "SELECT MIN(place), COUNT(*) FROM scrub_finding WHERE org_id = ? AND resolved = 0"

// AlarmOf reads what stands, for every page: it is one look at an index.
func AlarmOf(tx *db.Tx, org id.Org) (a Alarm, err error) {
	var place *string
	err = tx.Row(selectWorst, []any{org}, &place, &a.Open)
	if place != nil {
		a.Place = *place
	}
	return a, err
}

// Alarmed is an operation without a surface: what a page asks for its band.
var Alarmed = op.Read("scrubs.alarm", "Show whether anything is not as it was recorded.", auth.LogRead,
	func(c *op.Call, _ op.None) (Alarm, error) { return AlarmOf(c.Tx, c.Org) })

func layersOf(tx *db.Tx, org id.Org) (map[string]*Layer, error) {
	rows, err := db.Rows(tx, selectLayers, []any{org}, scanLayer)
	out := map[string]*Layer{}
	for i := range rows {
		out[rows[i].Layer] = &rows[i]
	}
	return out, err
}

func start(c *op.Call, _ op.None) (State, error) {
	_, err := job.Enqueue(c.Tx, c.Org, job.Insert{Kind: Job, Args: Order{Now: true}, Unique: "now"}, c.Now)
	if err != nil {
		return State{}, err
	}
	return StateOf(c.Tx, c.Org)
}
