// Package populations is the lists that samples are drawn from. The auditor
// asks for one and commits to a secret number; the client builds the list and
// seals it; the auditor judges whether it is whole and right. Only then is the
// number revealed and the sample drawn. docs/populations.md tells it to both.
package populations

import (
	"encoding/json"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Everything that can be done with populations.
var (
	List    = op.Read("populations.list", "List the populations of an engagement, with their versions.", auth.EngageRead, list)
	Get     = op.Read("populations.get", "Show a population: what was asked for, every version, what was decided.", auth.EngageRead, get)
	Rows    = op.Read("populations.rows", "List the rows of a version, by item.", auth.EngageRead, rows)
	Export  = op.Read("populations.export", "Return the lines of item and commitment that a sample is recomputed from.", auth.EngageRead, export)
	Request = op.Write("populations.request", "Ask for a population and commit to the number that its sample will be drawn with.", auth.AuditWrite, request)
	Build   = op.Write("populations.build", "Build a draft of a population from a run, a file or the calendar. Nothing is sealed.", auth.ListsWrite, build).Before(prepare)
	Seal    = op.Write("populations.seal", "Seal a draft: from then on neither side can change the list unseen.", auth.ListsWrite, seal).Before(settleSeal)
	Judge   = op.Write("populations.check", "Record a procedure that shows whether a sealed version is whole and right.", auth.AuditWrite, check)
	Accept  = op.Write("populations.accept", "Decide whether a sealed version is complete and accurate.", auth.AuditWrite, accept).Before(settleAccept)

	Operations = []op.Operation{List, Get, Rows, Export, Request, Build, Seal, Judge, Accept}
)

// States of a version.
const (
	Draft      = "draft"
	Sealed     = "sealed"
	Superseded = "superseded"
)

// Decisions on a version. None is the empty text.
const (
	Complete  = "complete"
	Explained = "explained"
	Rejected  = "rejected"
)

// A Population is a list that the auditor asked for.
type Population struct {
	ID          id.Population `json:"id"`
	Engagement  id.Engagement `json:"engagement"`
	Code        string        `json:"code"`
	Title       string        `json:"title"`
	Controls    []string      `json:"controls"`
	Commitment  string        `json:"commitment"`
	CommitEntry int64         `json:"commit_entry"` // of the file's log
	Nonce       string        `json:"nonce,omitempty"`
	Revealed    time.Time     `json:"revealed,omitzero"`
	RevealedBy  string        `json:"revealed_by,omitempty"`
	Requested   time.Time     `json:"requested"`
	Actor       string        `json:"actor"`
	// Abandoned says when another request took its place, and Reason why.
	Abandoned time.Time `json:"abandoned,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	// Versions are those the client built, the oldest first.
	Versions []Version `json:"versions"`
	// Earlier are the requests of the same code that were abandoned.
	Earlier []Population `json:"earlier,omitempty"`

	secret string
}

// A Version is one list that the client built for a population.
type Version struct {
	Population id.Population `json:"population"`
	Version    int           `json:"version"`
	Status     string        `json:"status"`
	Digest     string        `json:"digest"`
	Root       string        `json:"root"`
	Rows       int64         `json:"rows"`
	Entry      int64         `json:"entry,omitempty"` // of the client's log
	Evidence   id.Evidence   `json:"evidence,omitempty"`
	Built      time.Time     `json:"built"`
	Sealed     time.Time     `json:"sealed,omitzero"`
	Actor      string        `json:"actor"`
	Manifest   Manifest      `json:"manifest"`
	Problems   []Problem     `json:"problems,omitempty"`
	Checks     []Check       `json:"checks,omitempty"`
	// Decision is the newest one. One that nobody took is the program's: a list
	// that misses what its source counted is rejected until somebody explains it.
	Decision      string    `json:"decision,omitempty"`
	Reason        string    `json:"reason,omitempty"`
	DecidedBy     string    `json:"decided_by,omitempty"`
	Decided       time.Time `json:"decided,omitzero"`
	DecisionEntry int64     `json:"decision_entry,omitempty"` // of the file's log

	list, records string
	pieces        []piece
}

// Blocked counts the problems that keep a draft from being sealed.
func (v Version) Blocked() int {
	n := 0
	for _, p := range v.Problems {
		if p.Blocking {
			n++
		}
	}
	return n
}

// Newest is the version that was built last, or nil.
func (p Population) Newest() *Version {
	if len(p.Versions) == 0 {
		return nil
	}
	return &p.Versions[len(p.Versions)-1]
}

// Current is the sealed version in force, or nil.
func (p Population) Current() *Version {
	for i := range p.Versions {
		if p.Versions[i].Status == Sealed {
			return &p.Versions[i]
		}
	}
	return nil
}

// Accepted is the sealed version that the auditor found complete, as it is or
// with exceptions explained, or nil. Samples are drawn from no other.
func (p Population) Accepted() *Version {
	v := p.Current()
	if v == nil || v.DecidedBy == "" || v.Decision != Complete && v.Decision != Explained {
		return nil
	}
	return v
}

// A Problem is what is wrong with a draft, or worth a look, and what would be
// accepted.
type Problem struct {
	Code     string   `json:"code"`
	Text     string   `json:"text"`
	Count    int64    `json:"count"`
	Lines    []string `json:"lines,omitempty"` // the first of them
	Blocking bool     `json:"blocking"`
}

// A Manifest is where a list comes from and what it holds.
type Manifest struct {
	From        string    `json:"from"`
	Source      string    `json:"source,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Query       string    `json:"query,omitempty"`
	Parameters  string    `json:"parameters,omitempty"`
	Zone        string    `json:"zone"`
	Period      string    `json:"period"`
	Starts      time.Time `json:"starts,omitzero"` // inclusive
	Ends        time.Time `json:"ends,omitzero"`   // exclusive
	Snapshot    bool      `json:"snapshot,omitempty"`
	Extracted   time.Time `json:"extracted"`
	Extractor   string    `json:"extractor"`
	Rows        int64     `json:"rows"`
	Distinct    int64     `json:"distinct"`
	Nulls       int64     `json:"nulls"`
	First       time.Time `json:"first,omitzero"`
	Last        time.Time `json:"last,omitzero"`
	Months      []Month   `json:"months,omitempty"`
	Digest      string    `json:"digest"`
	// SourceCount is how many the source itself counts; CountedBy says how, and
	// is empty if nobody counted.
	SourceCount int64  `json:"source_count,omitempty"`
	CountedBy   string `json:"counted_by,omitempty"`
	// Key, Time and Label name the columns or fields that these were read from.
	Key       string `json:"key,omitempty"`
	Time      string `json:"time,omitempty"`
	Label     string `json:"label,omitempty"`
	Surrogate bool   `json:"surrogate,omitempty"`
	Kind      string `json:"kind,omitempty"`

	Run      id.Run      `json:"run,omitempty"`
	Evidence id.Evidence `json:"evidence,omitempty"` // the file it was read from
	Bytes    string      `json:"sha256,omitempty"`   // of that file
	Size     int64       `json:"size,omitempty"`

	Calendar *Calendar `json:"calendar,omitempty"`
}

// A Month counts rows.
type Month struct {
	Month string `json:"month"` // 2026-01, in the engagement's zone
	Rows  int64  `json:"rows"`
}

// A Calendar is what a scheduled control should have done, and did.
type Calendar struct {
	Cadence   string   `json:"cadence"`
	Expected  int      `json:"expected"`
	Performed int      `json:"performed"`
	Missing   []string `json:"missing,omitempty"`
	Late      []string `json:"late,omitempty"`
	// Last is when it operated before the period, where nothing is expected in it.
	Last         string      `json:"last,omitempty"`
	LastEvidence id.Evidence `json:"last_evidence,omitempty"`
	LastDays     int         `json:"last_days,omitempty"` // before the end of the period
	LastWithin   bool        `json:"last_within,omitempty"`
}

// A Check is a procedure that shows whether a version is whole and right.
type Check struct {
	Procedure string    `json:"procedure"`
	Result    string    `json:"result"`
	Text      string    `json:"text"`
	Items     []string  `json:"items,omitempty"`
	Blocking  bool      `json:"blocking,omitempty"`
	By        string    `json:"by,omitempty"` // empty: computed when it was sealed
	At        time.Time `json:"at,omitzero"`
}

// A Row is an item of a list.
type Row struct {
	Item       string    `json:"item"`
	At         time.Time `json:"at,omitzero"` // when it happened; of what did not, when it was due
	Label      string    `json:"label,omitempty"`
	Key        string    `json:"key,omitempty"` // the source's key, where the item has a surrogate
	Kind       string    `json:"kind,omitempty"`
	Line       int64     `json:"line,omitempty"` // of the file
	Performed  bool      `json:"performed"`      // true of all that is not from a calendar
	Late       bool      `json:"late,omitempty"`
	Early      bool      `json:"early,omitempty"`
	Evidence   string    `json:"evidence,omitempty"`
	Commitment string    `json:"commitment"`
	// Record has the fields as the source gave them: texts of a file's columns,
	// attributes of a resource.
	Record json.RawMessage `json:"record"`
}
