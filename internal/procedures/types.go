package procedures

import (
	"time"

	"github.com/tickmark/tickmark/internal/id"
)

// What a procedure looks at: a sample, every item by expression, or the control
// itself, as with a policy or a setting.
const (
	BySample     = "sample"
	InFull       = "full"
	ByInspection = "inspection"
)

// Marks. Untested takes an earlier one back.
const (
	Agrees        = "agrees"
	Deviates      = "deviation"
	NotApplicable = "not_applicable"
	Reperformed   = "reperformed"
	Untested      = "untested"
)

// Decisions. Judgement is proposed, never decided.
const (
	Effective        = "effective"
	WithDeviations   = "effective_with_deviations"
	NotEffective     = "not_effective"
	NotDesigned      = "not_suitably_designed"
	NoOccurrence     = "no_occurrence"
	Undetermined     = "undetermined"
	Judgement        = "judgement"
	MissingEvidence  = "missing" // code of a deviation: nobody could show evidence
	MissedOccurrence = "missed"  // code of a deviation: the control did not operate when it was due
)

// An Attribute is one thing that must hold of every item.
type Attribute struct {
	Letter string `json:"letter"` // A to Z
	Text   string `json:"text"`
	// Expression is CEL over the item's record r, and proposes a mark. Asof is
	// the end of the period.
	Expression string `json:"expression,omitempty"`
}

// Planning says how a control is tested. Attributes are lines of a letter, a
// space and the text, as in "A asked for in a ticket"; expressions are lines of
// the same letter, a space and CEL over r. Roles name fields of the record, as
// in "approver=approved_by"; well-known names need none.
type Planning struct {
	Engagement  string   `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control     string   `json:"control" maxLength:"40" doc:"Code of the client's control, such as CHG-01."`
	Basis       string   `json:"basis" enum:"sample,full,inspection" doc:"A sample, every item by expression, or the control itself."`
	Population  string   `json:"population,omitempty" maxLength:"40" doc:"Code of the list, such as POP-08; none for an inspection."`
	Cadence     string   `json:"cadence,omitempty" enum:"annual,semi-annual,quarterly,monthly,semi-monthly,weekly,daily,many-a-day,automated,event" doc:"How often the control operates; taken from the control if left out."`
	Risk        string   `json:"risk,omitempty" enum:"low,moderate,high" doc:"How much rests on the control; moderate if left out."`
	Attributes  []string `json:"attributes" minItems:"1" maxItems:"12" doc:"Lines such as: A asked for in a ticket."`
	Expressions []string `json:"expressions,omitempty" maxItems:"12" doc:"Lines such as: D timestamp(r.approved_at) < timestamp(r.deployed_at)."`
	Roles       []string `json:"roles,omitempty" maxItems:"8" doc:"Fields of the record that say who and when, such as approver=approved_by. Known are approver, author, approved, acted."`
	Tester      string   `json:"tester,omitempty" maxLength:"40" doc:"Id of the member of the firm who will test; you, if left out."`
	Version     int64    `json:"version,omitempty" minimum:"0" doc:"The version of the plan that was read, to change one."`
}

// A Ref names the workpaper of a control.
type Ref struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
}

// Whole names an engagement.
type Whole struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
}

// A Procedure is the workpaper of a control with where it stands.
type Procedure struct {
	ID             id.Procedure `json:"id"`
	Control        string       `json:"control"` // its code when planned, as are the next
	ControlVersion int64        `json:"control_version"`
	Title          string       `json:"title"`
	Text           string       `json:"text"`
	Criteria       []string     `json:"criteria"`
	Key            bool         `json:"key"`
	Basis          string       `json:"basis"`
	Population     string       `json:"population,omitempty"`
	Cadence        string       `json:"cadence"`
	Risk           string       `json:"risk"`
	Attributes     []Attribute  `json:"attributes"`
	Roles          []string     `json:"roles,omitempty"`
	Tester         id.User      `json:"tester"`
	TesterName     string       `json:"tester_name"`
	Version        int64        `json:"version"`
	Entry          int64        `json:"entry"` // of the plan, in the engagement's log
	Created        time.Time    `json:"created"`
	Updated        time.Time    `json:"updated"`

	Sample     *Sample     `json:"sample,omitempty"`
	Runs       []FullTest  `json:"runs,omitempty"` // by attribute
	Evaluation Evaluation  `json:"evaluation"`
	Conclusion *Conclusion `json:"conclusion,omitempty"`
	// Left says what must happen before it can be concluded; empty when it can.
	Left []string `json:"left,omitempty"`
	// Stage is planned, drawn, testing, tested, concluded or reviewed.
	Stage string `json:"stage"`
	// Unlinked and Unclassified count items without evidence and deviations
	// without a cause.
	Unlinked     int `json:"unlinked"`
	Unclassified int `json:"unclassified"`
	// Warnings are about the draw and the plan; suggestions only.
	Warnings []string `json:"warnings,omitempty"`

	touched int64  // newest entry that changed what is concluded on
	fields  string // schema of the records: field to type
}

// A Sample is what was drawn for a control.
type Sample struct {
	ID             id.Sample     `json:"id"`
	Population     id.Population `json:"population"`
	Version        int           `json:"version"`
	Digest         string        `json:"digest"`
	Commitment     string        `json:"commitment,omitempty"`
	Nonce          string        `json:"nonce,omitempty"`
	Seed           string        `json:"seed,omitempty"`
	Period         string        `json:"period"`
	Method         string        `json:"method"` // random, systematic, stratified; none where nothing is drawn
	StrataBy       string        `json:"strata_by,omitempty"`
	First          int           `json:"first"` // size before any extension
	N              int           `json:"n"`
	Total          int           `json:"total"`
	Missed         int           `json:"missed"` // occurrences that should have happened and did not
	Profile        string        `json:"profile"`
	ProfileVersion int           `json:"profile_version"`
	Risk           string        `json:"risk"`
	Entry          int64         `json:"entry"`
	Drawn          time.Time     `json:"drawn"`
	DrawnBy        string        `json:"drawn_by"`
	Extended       time.Time     `json:"extended,omitzero"`
	ExtendedBy     string        `json:"extended_by,omitempty"`
	ExtensionEntry int64         `json:"extension_entry,omitempty"`
	Reason         string        `json:"reason,omitempty"` // of the extension

	// LookBack is when it last operated, where the list is empty.
	LookBack *LookBack `json:"look_back,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`

	procedure id.Procedure
	seal      int64       // entry of the list's seal, in the client's log
	rows      id.Evidence // what holds the rows of the list
	rowsLink  int64       // entry that links it to all items, or -1
	user      id.User     // who drew it
}

// newest is the entry that an answer to a drawn item answers.
func (s Sample) newest() int64 { return max(s.Entry, s.ExtensionEntry) }

// Drawing asks for a sample.
type Drawing struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	Method     string `json:"method,omitempty" enum:"random,systematic,stratified" doc:"random if left out."`
	StrataBy   string `json:"strata_by,omitempty" maxLength:"100" doc:"The field of the record that names the stratum; for stratified only."`
}

// Extending asks for the next items of the same order.
type Extending struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	Reason     string `json:"reason" minLength:"10" maxLength:"2000" doc:"Why the deviation is taken to be isolated and more items settle it."`
}

// An Evaluation is what the results so far say. Rates are percent with four
// decimals.
type Evaluation struct {
	Tested     int    `json:"tested"`     // items of which every attribute is marked
	Size       int    `json:"size"`       // items to test
	Population int    `json:"population"` // items in the list
	Deviations int    `json:"deviations"` // items that deviate
	Observed   string `json:"observed,omitempty"`
	Limit      string `json:"limit,omitempty"`
	Confidence string `json:"confidence"` // 90
	Tolerable  string `json:"tolerable"`  // 10
	// Meaningful is false where a limit would say nothing: few items, or a
	// method that does not allow a statement about the rest.
	Meaningful bool `json:"meaningful"`
	Supports   bool `json:"supports"`
	Exact      bool `json:"exact"` // every item was looked at: the rate is no estimate
	// Proposal is empty while something is left to do.
	Proposal string `json:"proposal,omitempty"`
	Why      string `json:"why,omitempty"`
	// Facts is the result as a report says it: "1 of 38".
	Facts   string   `json:"facts"`
	Options []Option `json:"options,omitempty"`
	// Unknown counts items that a full test could not judge.
	Unknown int `json:"unknown,omitempty"`
	// LookBack says when a control that did not occur last operated.
	LookBack *LookBack `json:"look_back,omitempty"`
	// Extendable is true when samples.extend would be accepted, Target the size.
	Extendable bool `json:"extendable,omitempty"`
	Target     int  `json:"target,omitempty"`
	Extended   bool `json:"extended,omitempty"`
	// Curve are points of the upper limit, so far and ahead.
	Curve []Point `json:"curve,omitempty"`
}

// An Option is one way on and what it would prove.
type Option struct {
	N          int    `json:"n"`
	Deviations int    `json:"deviations"`
	Limit      string `json:"limit"`
	Supports   bool   `json:"supports"`
	More       int    `json:"more"` // beyond the sample as drawn; 0 if within it
	Text       string `json:"text"`
}

// A Point of the limit curve, in percent with four decimals.
type Point struct {
	N     int    `json:"n"`
	Limit string `json:"limit"`
	Ahead bool   `json:"ahead,omitempty"`
}

// A LookBack is when a control that did not occur in the period last operated.
type LookBack struct {
	Evidence id.Evidence `json:"evidence,omitempty"`
	Last     string      `json:"last,omitempty"` // civil date
	Days     int         `json:"days"`           // before the end of the period
	Within   bool        `json:"within"`         // of the 12 months before it
}

// A Conclusion is what a named person decided about a control.
type Conclusion struct {
	Version    int       `json:"version"`
	Proposal   string    `json:"proposal"`
	Decision   string    `json:"decision"`
	Reason     string    `json:"reason,omitempty"`
	Tested     int       `json:"tested"`
	Deviations int       `json:"deviations"`
	Facts      string    `json:"facts"`
	By         string    `json:"by"`
	User       id.User   `json:"user"`
	At         time.Time `json:"at"`
	Entry      int64     `json:"entry"`
	// Stale is true when tests or deviations changed since: it must be drawn anew.
	Stale         bool      `json:"stale,omitempty"`
	Reviewed      time.Time `json:"reviewed,omitzero"`
	ReviewedBy    string    `json:"reviewed_by,omitempty"`
	ReviewEntry   int64     `json:"review_entry,omitempty"`
	ReviewComment string    `json:"review_comment,omitempty"`
}

// GridPart asks for part of a grid.
type GridPart struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	After      string `json:"after,omitempty" maxLength:"20" doc:"Continue after this page: the value of next."`
	Limit      int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many items at once; 50 if left out."`
}

// A Grid is part of the items of a workpaper by its attributes.
type Grid struct {
	Procedure Procedure `json:"procedure"`
	Rows      []Row     `json:"rows"`
	Next      string    `json:"next,omitempty"`
	Total     int64     `json:"total"`
	// Strip has a letter for each item of the whole sample, in order: t tested,
	// d deviation, p partly tested, e not tested but with evidence, a asked for.
	Strip string `json:"strip"`
}

// A Row is one item of a grid.
type Row struct {
	Ordinal   int       `json:"ordinal"` // place in the sample, from 1
	Rank      int       `json:"rank"`
	Stratum   string    `json:"stratum,omitempty"`
	Item      string    `json:"item"`
	Label     string    `json:"label"`
	At        time.Time `json:"at,omitzero"`
	Extension bool      `json:"extension,omitempty"` // came with the extension
	Missed    bool      `json:"missed,omitempty"`    // should have happened and did not
	Late      bool      `json:"late,omitempty"`      // happened after it was due
	Records   int       `json:"records"`             // of evidence
	Level     int64     `json:"level,omitempty"`     // best of them; 0 for none
	Findings  []string  `json:"findings,omitempty"`  // codes, each once
	Cells     []Cell    `json:"cells"`               // one per attribute, in order
	By        string    `json:"by,omitempty"`        // who marked last
}

// A Cell is what stands for one attribute of one item.
type Cell struct {
	Attribute string `json:"attribute"`
	Mark      string `json:"mark"` // untested if nothing stands
	// Proposed is what the expression says: agrees, deviation or unknown. It
	// counts for nothing until a person confirms it.
	Proposed string    `json:"proposed,omitempty"`
	Why      string    `json:"why,omitempty"` // of an unknown proposal
	Reason   string    `json:"reason,omitempty"`
	Code     string    `json:"code,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Entry    int64     `json:"entry,omitempty"`
}

// A Decision concludes on a control.
type Decision struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	Decision   string `json:"decision" enum:"effective,effective_with_deviations,not_effective,not_suitably_designed,no_occurrence,undetermined" doc:"What you conclude."`
	Reason     string `json:"reason,omitempty" maxLength:"4000" doc:"Needed where it differs from the proposal, revises an earlier conclusion or is undetermined."`
}

// A Signature reviews a workpaper.
type Signature struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	Comment    string `json:"comment,omitempty" maxLength:"4000" doc:"What was looked at, or asked and answered."`
}

// A Summary is what opinions and reports say of a control. Its deviations carry
// the firm's notes only for the firm.
type Summary struct {
	Procedure id.Procedure `json:"procedure"`
	Control   string       `json:"control"`
	Title     string       `json:"title"`
	Text      string       `json:"text"`
	Criteria  []string     `json:"criteria"`
	Key       bool         `json:"key"`
	Basis     string       `json:"basis"`
	// Tests are the tests performed, one sentence each; On is what they were
	// performed on: "25 of 240 items of POP-08, drawn at random".
	Tests []string `json:"tests"`
	On    string   `json:"on"`
	// Done is false while the control is not concluded, or no longer.
	Done     bool   `json:"done"`
	Reviewed bool   `json:"reviewed"`
	Proposal string `json:"proposal,omitempty"`
	Decision string `json:"decision,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// Result is "No deviations noted." or the facts, as a report says it; Facts
	// the bare "1 of 38".
	Result     string      `json:"result"`
	Facts      string      `json:"facts"`
	Tested     int         `json:"tested"`
	Deviating  int         `json:"deviating"`
	Deviations []Deviation `json:"deviations"`
	Unlisted   int         `json:"unlisted,omitempty"`
	By         string      `json:"by,omitempty"`
	ReviewedBy string      `json:"reviewed_by,omitempty"`
	Entry      int64       `json:"entry,omitempty"` // of the conclusion
	LookBack   *LookBack   `json:"look_back,omitempty"`
}
