package procedures

import (
	"time"

	"github.com/tickmark/tickmark/internal/id"
)

// ItemPart asks for drawn items.
type ItemPart struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control,omitempty" maxLength:"40" doc:"Code of the control; all that have items drawn, if left out."`
	After      string `json:"after,omitempty" maxLength:"120" doc:"Continue after this page: the value of next."`
	Limit      int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// A Drawn item as both sides see it: no marks.
type Drawn struct {
	Control    string    `json:"control"`
	Title      string    `json:"title"`
	Population string    `json:"population,omitempty"`
	Ordinal    int       `json:"ordinal"`
	Item       string    `json:"item"`
	Label      string    `json:"label"`
	At         time.Time `json:"at,omitzero"`
	Asked      time.Time `json:"asked"`
	Missed     bool      `json:"missed,omitempty"`
	// Wanted are the attributes to be shown, without expressions.
	Wanted   []Attribute `json:"wanted"`
	Evidence []Linked    `json:"evidence"`
}

// Linking ties a record of evidence to items.
type Linking struct {
	Engagement string   `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string   `json:"control" maxLength:"40" doc:"Code of the control."`
	Items      []string `json:"items" minItems:"1" maxItems:"500" doc:"Ids of drawn items; the control's code where the control itself is looked at."`
	Evidence   string   `json:"evidence" maxLength:"40" doc:"The record's id, evd_…."`
}

// A LinkMade says what a link did.
type LinkMade struct {
	Entry    int64  `json:"entry"`
	Items    int    `json:"items"`
	Evidence Linked `json:"evidence"`
}

// A Linked record of evidence.
type Linked struct {
	Evidence  id.Evidence `json:"evidence"`
	Title     string      `json:"title"`
	Level     int64       `json:"level"`
	SHA256    string      `json:"sha256"`
	MediaType string      `json:"media_type"`
	Size      int64       `json:"size"`
	Origin    string      `json:"origin,omitempty"`
	Collector string      `json:"collector,omitempty"`
	Captured  time.Time   `json:"captured"`
	Sealed    time.Time   `json:"sealed"`
	// Sealing is the record's entry in the client's log; Entry that of the link,
	// in the log of Side.
	Sealing int64     `json:"sealing"`
	Entry   int64     `json:"entry"`
	Side    string    `json:"side"` // client or firm
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	// Auto is true for the sealed list itself, linked when the sample was drawn.
	Auto     bool      `json:"auto,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Preview is the beginning of the bytes where they are text; of a list, the
	// line about the item.
	Preview string `json:"preview,omitempty"`
}

// A Finding is a reason why auditors send evidence back. It is shown, and
// decided by a person.
type Finding struct {
	Code string `json:"code"` // EV03 and so on
	Text string `json:"text"`
	// Attribute is the letter it bears on, where the plan tells.
	Attribute string      `json:"attribute,omitempty"`
	Evidence  id.Evidence `json:"evidence,omitempty"`
}

// ItemRef names an item of a workpaper.
type ItemRef struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	Item       string `json:"item" minLength:"1" maxLength:"1024" doc:"The item's id."`
}

// A Removal is an attempt to take an item out of a sample.
type Removal struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	Item       string `json:"item" minLength:"1" maxLength:"1024" doc:"The item's id."`
	Reason     string `json:"reason,omitempty" maxLength:"2000" doc:"Why."`
}

// ItemView is everything about one item.
type ItemView struct {
	Row      Row       `json:"row"`
	Facts    []Fact    `json:"facts"`    // of the record, in the order of time, then by name
	Record   string    `json:"record"`   // the sealed record, canonical JSON
	Records  []Linked  `json:"records"`  // of evidence
	Findings []Finding `json:"findings"` // all of them, also those of the records
	History  []Mark    `json:"history"`  // newest first
	Previous string    `json:"previous,omitempty"`
	Next     string    `json:"next,omitempty"`
}

// A Fact is a field of the item's record.
type Fact struct {
	Field string    `json:"field"`
	Value string    `json:"value"`
	At    time.Time `json:"at,omitzero"` // if it is a time
	// Role is approver, author, approved or acted, if it is one.
	Role string `json:"role,omitempty"`
	// Attributes are the letters whose expressions read it.
	Attributes []string `json:"attributes,omitempty"`
}

// A Mark is one line of a cell's history.
type Mark struct {
	Attribute string    `json:"attribute"`
	Mark      string    `json:"mark"`
	Reason    string    `json:"reason,omitempty"`
	Code      string    `json:"code,omitempty"`
	Confirmed bool      `json:"confirmed,omitempty"` // what an expression proposed
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	Entry     int64     `json:"entry"`
}

// Marking sets one mark on every named attribute of every named item.
type Marking struct {
	Engagement string   `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string   `json:"control" maxLength:"40" doc:"Code of the control."`
	Items      []string `json:"items" minItems:"1" maxItems:"5000" doc:"Ids of the items."`
	Attributes []string `json:"attributes" minItems:"1" maxItems:"12" doc:"Letters of the attributes."`
	Mark       string   `json:"mark" enum:"agrees,deviation,not_applicable,reperformed,untested" doc:"What was found; untested takes an earlier mark back."`
	Reason     string   `json:"reason,omitempty" maxLength:"2000" doc:"Needed for deviation and not_applicable."`
	Code       string   `json:"code,omitempty" pattern:"^(EV(0[1-9]|1[0-9])|missing)$" patternDescription:"EV01 to EV19, or missing" doc:"Why, as EV01 to EV19; missing if nobody could show evidence."`
}

// Confirmation takes over what the expressions propose.
type Confirmation struct {
	Engagement string   `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string   `json:"control" maxLength:"40" doc:"Code of the control."`
	Items      []string `json:"items" minItems:"1" maxItems:"5000" doc:"Ids of the items."`
	Attributes []string `json:"attributes,omitempty" maxItems:"12" doc:"Letters of the attributes; all with an expression, if left out."`
	Reason     string   `json:"reason,omitempty" maxLength:"2000" doc:"Needed where a deviation is confirmed."`
}

// Marked says what a marking did.
type Marked struct {
	Marks      int        `json:"marks"`
	Entries    []int64    `json:"entries"`
	Skipped    int        `json:"skipped,omitempty"` // proposals that are unknown, cells marked before
	Rows       []Row      `json:"rows"`              // as they stand now
	Evaluation Evaluation `json:"evaluation"`
	Left       []string   `json:"left,omitempty"`
}

// Running tests every item of a list.
type Running struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control" maxLength:"40" doc:"Code of the control."`
	Attribute  string `json:"attribute" maxLength:"1" doc:"Letter of the attribute."`
}

// A FullTest is one attribute held against every item.
type FullTest struct {
	Attribute  string    `json:"attribute"`
	Version    int       `json:"version"` // of the list
	Digest     string    `json:"digest"`
	Expression string    `json:"expression"`
	Total      int       `json:"total"`
	Agrees     int       `json:"agrees"`
	Deviates   int       `json:"deviates"`
	Unknown    int       `json:"unknown"`
	Observed   string    `json:"observed"` // percent, exact
	Listed     int       `json:"listed"`   // deviations recorded one by one; the rest is counted
	Unknowns   []string  `json:"unknowns,omitempty"`
	Why        string    `json:"why,omitempty"` // of the first unknown
	By         string    `json:"by"`
	At         time.Time `json:"at"`
	Entry      int64     `json:"entry"`

	items, unsure int // items that deviate or are unknown in any attribute run so far
	user          id.User
}

// DeviationFilter narrows the deviations.
type DeviationFilter struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	Control    string `json:"control,omitempty" maxLength:"40" doc:"Only those of one control."`
}

// A Deviation is an item that failed an attribute. The client is shown those
// that are classified, without the firm's notes.
type Deviation struct {
	ID         id.Deviation `json:"id"`
	Control    string       `json:"control"`
	Title      string       `json:"title"`
	Item       string       `json:"item"`
	Label      string       `json:"label,omitempty"`
	Attribute  string       `json:"attribute"` // letter; empty for a missed occurrence
	Text       string       `json:"text"`      // of the attribute
	Code       string       `json:"code,omitempty"`
	Note       string       `json:"note,omitempty"` // of who marked it; the firm's
	Raised     time.Time    `json:"raised"`
	RaisedBy   string       `json:"raised_by,omitempty"`
	Classified time.Time    `json:"classified,omitzero"`
	By         string       `json:"by,omitempty"` // who classified
	Cause      string       `json:"cause,omitempty"`
	Extent     string       `json:"extent,omitempty"` // isolated or systematic
	Why        string       `json:"why,omitempty"`    // of cause and extent; the firm's
	Expected   string       `json:"expected,omitempty"`
	Actual     string       `json:"actual,omitempty"`
	From       string       `json:"from,omitempty"`
	To         string       `json:"to,omitempty"`
	Detection  string       `json:"detection,omitempty"`
	Fraud      bool         `json:"fraud,omitempty"`
	Impact     string       `json:"impact,omitempty"`
	Covering   string       `json:"compensating,omitempty"`
	Remedy     string       `json:"remediation,omitempty"`
	Disclosure string       `json:"disclosure,omitempty"`
	Version    int64        `json:"version"`
	Response   string       `json:"response,omitempty"`
	Responder  string       `json:"responder,omitempty"`
	Responded  time.Time    `json:"responded,omitzero"`

	procedure id.Procedure
	ordinal   int
}

// A Classification is the auditor's judgement of a deviation.
type Classification struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	ID         string `json:"id" maxLength:"40" doc:"The deviation's id, dev_…."`
	Cause      string `json:"cause" enum:"design,execution,people,system,one_off" doc:"What led to it."`
	Extent     string `json:"extent" enum:"isolated,systematic" doc:"Whether others must be expected."`
	Reason     string `json:"reason" minLength:"10" maxLength:"4000" doc:"What cause and extent rest on; the firm's note."`
	Expected   string `json:"expected,omitempty" maxLength:"2000" doc:"What should have been."`
	Actual     string `json:"actual,omitempty" maxLength:"2000" doc:"What was."`
	From       string `json:"from,omitempty" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" patternDescription:"a day such as 2026-05-14" doc:"First day affected."`
	To         string `json:"to,omitempty" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" patternDescription:"a day such as 2026-05-14" doc:"Last day affected."`
	Detection  string `json:"detection,omitempty" enum:"auditor,monitoring,management" doc:"Who found it; auditor if left out."`
	Fraud      bool   `json:"fraud,omitempty" doc:"There is a sign of fraud."`
	Impact     string `json:"impact,omitempty" maxLength:"4000" doc:"What could have happened, and whether it did."`
	Covering   string `json:"compensating,omitempty" maxLength:"40" doc:"Code of a planned control that compensates."`
	Remedy     string `json:"remediation,omitempty" maxLength:"4000" doc:"What was done about it."`
	Disclosure string `json:"disclosure" minLength:"10" maxLength:"4000" doc:"The text as the report will say it."`
	Alike      bool   `json:"alike,omitempty" doc:"Also for the other deviations of this control in the same attribute that are not classified."`
	Version    int64  `json:"version" minimum:"0" doc:"The version that was read."`
}

// A Response is what management says to a deviation.
type Response struct {
	Engagement string `json:"engagement" maxLength:"40" doc:"The engagement's id, eng_…."`
	ID         string `json:"id" maxLength:"40" doc:"The deviation's id, dev_…."`
	Text       string `json:"text" minLength:"10" maxLength:"4000" doc:"What management has done or will do, and when."`
}
