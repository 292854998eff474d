package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
)

// Material is everything that a report is made of, read before any of it is
// laid out.
type Material struct {
	engagements.Engagement
	Edition     string   // title of the criteria
	Named       []string // titles of the categories
	Included    string   // of the client's scope
	Excluded    string   //
	Criteria    []opinions.Criterion
	Parts       []opinions.Part
	Controls    []procedures.Summary
	Texts       map[string]string // by place
	Assertion   *Assertion
	Signed      *Signature
	Logs        []Log // the engagement's, then the client's
	Number      int64 // of the print
	Final       bool
	Demo        bool // of a log whose clock is set by hand: nothing in it is real
	Printed     time.Time
	DraftDigest string // of the draft that the assertion is about, in a final report

	last int64    // newest conclusion
	open []string // criteria on which nobody has concluded
}

// Log is a log that the report speaks of.
type Log struct {
	Title string `json:"title"`
	Key   string `json:"key"`
}

// Signature is a partner's, on the opinion.
type Signature struct {
	Name   string
	Date   string
	SHA256 string
	Entry  int64
}

// A Document is the whole report before it is laid out on pages.
type Document struct {
	Type     string
	Final    bool
	Demo     bool
	Number   int64
	Title    string
	Subtitle string
	Facts    [][2]string
	Use      string // the note on the cover
	Sections []Section
	Printed  time.Time
	Author   string
	Subject  string
}

// A Section is one of the numbered parts, or the appendix.
type Section struct {
	Number string // I to V, or A
	Label  string
	Title  string
	Blocks []Block
}

// Kind is what a block of a section is.
type Kind string

// The kinds of blocks.
const (
	isHeading  Kind = "heading"
	isText     Kind = "text"     // somebody's words, as supplied
	isSaid     Kind = "said"     // the program's words
	isMissing  Kind = "missing"  // a placeholder
	isFacts    Kind = "facts"    //
	isList     Kind = "list"     //
	isNote     Kind = "note"     //
	isCode     Kind = "code"     // what is typed at a computer
	isRows     Kind = "rows"     // criteria with their controls
	isOpinion  Kind = "opinion"  // a part of the opinion, as decided
	isSigned   Kind = "signed"   // a signature
	isResponse Kind = "response" // to a deviation
)

// A Block is one piece of a section.
type Block struct {
	Kind  Kind        `json:"kind"`
	Place string      `json:"place,omitempty"` // the slot it fills or leaves empty
	Part  string      `json:"part,omitempty"`  // of the opinion
	Title string      `json:"title,omitempty"`
	Text  string      `json:"text,omitempty"`
	Facts [][2]string `json:"facts,omitempty"`
	Items []string    `json:"items,omitempty"`
	Rows  []Row       `json:"rows,omitempty"`
	Sign  *SignBlock  `json:"sign,omitempty"`
}

// SignBlock is what is printed of a signature.
type SignBlock struct {
	Name, Title, Firm, Place, Date, SHA256, Entry string
}

// A Row is a criterion of Section IV with the controls that answer it.
type Row struct {
	Criterion string       `json:"criterion"`
	Title     string       `json:"title"`
	Text      string       `json:"text"`
	Note      string       `json:"note,omitempty"` // why it has no controls
	Controls  []RowControl `json:"controls"`
}

// A RowControl is a control under a criterion. Tests, On, Result and Deviations
// are of Type II alone.
type RowControl struct {
	Code       string   `json:"code"`
	Title      string   `json:"title"`
	Text       string   `json:"text,omitempty"`
	See        string   `json:"see,omitempty"` // the criterion under which it is described
	Tests      []string `json:"tests,omitempty"`
	On         string   `json:"on,omitempty"`
	Result     string   `json:"result,omitempty"`
	Deviations []string `json:"deviations,omitempty"`
	Response   string   `json:"response,omitempty"`
}

// period says what is examined, in words.
func (m Material) period() string {
	if m.Type == typeI {
		return "as of " + day(m.AsOf)
	}
	return "throughout the period " + day(m.Starts) + " to " + day(m.Ends)
}

func (m Material) typeName() string {
	if m.Type == typeI {
		return "Type I"
	}
	return "Type II"
}

// day writes a civil date as a report does; what is no date stays as it is.
func day(s string) string {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return s
	}
	return t.Format("2 January 2006")
}

// modified reports whether any part of the opinion is decided otherwise than
// unmodified.
func (m Material) modified() bool {
	return slices.ContainsFunc(m.Parts, func(p opinions.Part) bool { return p.Decision.Stands() && p.Decision.Value != opinions.Unmodified })
}

// digestOf is how texts are named in entries and on paper.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// prints digests each section as it would be printed, without what differs
// between a draft and the report: number, day, assertion and signatures. Equal
// prints mean that the two say the same.
func (m Material) prints() (map[string]string, error) {
	m.Final, m.Number, m.Printed, m.Assertion, m.Signed, m.DraftDigest = false, 0, time.Time{}, nil, nil, ""
	d, err := Build(m)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, s := range d.Sections {
		if s.Number == "II" || s.Number == "A" {
			continue
		}
		raw, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		out[s.Number] = digestOf(string(raw))
	}
	return out, nil
}

// changed lists the sections that two prints have differently.
func changed(a, b map[string]string) []string {
	var out []string
	for _, n := range []string{"I", "III", "IV", "V"} {
		if a[n] != b[n] {
			out = append(out, "Section "+n)
		}
	}
	return out
}

// Statement is the text that the partner signs: Section I as it is printed,
// with the parts of the opinion as decided.
func (m Material) Statement() string {
	var b strings.Builder
	var empty []string
	fmt.Fprintf(&b, "SOC 2 %s report on %s (%s), %s\n", m.typeName(), m.System, m.Client.Name, m.period())
	for _, s := range slotsOf(m.Type) {
		text := m.Texts[s.Key]
		switch {
		case s.Section != "I" || s.Modified && !m.modified():
		case text == "":
			empty = append(empty, s.Title)
		default:
			fmt.Fprintf(&b, "\n%s\n\n%s\n", s.Title, text)
		}
	}
	b.WriteByte('\n')
	for _, p := range m.Parts {
		fmt.Fprintf(&b, "%s: %s\n", partTitle(p.Part), partValue(p))
	}
	if len(empty) > 0 {
		fmt.Fprintf(&b, "\nNot supplied, and printed as such: %s.\n", strings.Join(empty, "; "))
	}
	return b.String()
}

func partTitle(part string) string {
	return map[string]string{opinions.Description: "Description of the system", opinions.Design: "Suitability of design",
		opinions.Operation: "Operating effectiveness"}[part]
}

func partValue(p opinions.Part) string {
	if !p.Decision.Stands() {
		return "not decided"
	}
	return p.Decision.Value
}
