package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/words"
)

// Build makes the document of a report. It invents nothing: where nobody has
// supplied the words, it says who must. It fails where a Type I report would
// hold what only a Type II report may.
func Build(m Material) (Document, error) {
	d := Document{Type: m.Type, Final: m.Final, Demo: m.Demo, Number: m.Number, Printed: m.Printed, Author: m.Firm.Name,
		Title: m.System, Subject: fmt.Sprintf("SOC 2 %s report on %s (%s)", m.typeName(), m.System, m.Client.Name)}
	about := "Report on the description of the system of " + m.Client.Name + " and on the suitability of the design"
	if m.Type == typeII {
		about += " and operating effectiveness"
	}
	d.Subtitle = about + " of its controls relevant to " + words.List(m.Named) + ", " + m.period() + "."
	d.Facts = m.cover()
	d.Use = "Restricted use: to be supplied by " + m.Firm.Name + ". See Section I."
	if m.Texts[slotRestricted] != "" {
		d.Use = "The use of this report is restricted, as Section I states."
	}
	d.Sections = []Section{m.sectionI(), m.sectionII(), m.sectionIII(), m.sectionIV(), m.sectionV(), m.appendix()}
	return d, pure(d)
}

func (m Material) cover() [][2]string {
	date := [2]string{"Period", day(m.Starts) + " to " + day(m.Ends)}
	if m.Type == typeI {
		date = [2]string{"As of", day(m.AsOf)}
	}
	out := [][2]string{{"Service organization", m.Client.Name}, {"Service auditor", m.Firm.Name}, date, {"Categories", words.List(m.Named)},
		{"Criteria", fmt.Sprintf("%d, of %s", len(m.Criteria), m.Edition)}}
	switch {
	case m.Final:
		out = append(out, [2]string{"Report dated", m.Signed.Date}, [2]string{"Print", fmt.Sprint(m.Number)})
	case !m.Printed.IsZero():
		out = append(out, [2]string{"Status", fmt.Sprintf("Draft, print %d, made %s. Not signed, and not the report.", m.Number, m.Printed.UTC().Format("2 January 2006, 15:04 UTC"))})
	}
	return out
}

func (m Material) section(number string, blocks ...Block) Section {
	return Section{Number: number, Label: "Section " + number, Title: sectionTitles[number][m.Type], Blocks: blocks}
}

// fill prints what was supplied for a place, under its heading, or says who
// must supply it.
func (m Material) fill(s Slot) []Block {
	who := m.Firm.Name
	if s.Side == clientSide {
		who = m.Client.Name
	}
	out := []Block{{Kind: isHeading, Title: s.Title, Place: s.Key}}
	if text := m.Texts[s.Key]; text != "" {
		return append(out, Block{Kind: isText, Place: s.Key, Text: text})
	}
	return append(out, Block{Kind: isMissing, Place: s.Key, Title: "To be supplied by " + who, Text: s.Asks})
}

// places fills every place of a section. What was supplied for a place that
// this type of report does not have is not dropped in silence: the report
// cannot be built.
func (m Material) places(section string, skip ...string) []Block {
	var out []Block
	for _, s := range slots {
		if s.Section != section || slices.Contains(skip, s.Key) || s.Modified && !m.modified() && m.Texts[s.Key] == "" {
			continue
		}
		if s.OnlyII && m.Type == typeI && m.Texts[s.Key] == "" {
			continue
		}
		out = append(out, m.fill(s)...)
	}
	return out
}

func (m Material) sectionI() Section {
	var blocks []Block
	for _, b := range m.places("I", slotPlace) {
		if b.Kind == isMissing && b.Place == slotBasis {
			b.Items = m.facts()
		}
		blocks = append(blocks, b)
		if b.Kind != isHeading && b.Place == slotOpinion {
			for _, p := range m.Parts {
				blocks = append(blocks, Block{Kind: isOpinion, Part: p.Part, Title: partTitle(p.Part), Text: partValue(p)})
			}
		}
	}
	if m.Signed == nil {
		blocks = append(blocks, Block{Kind: isHeading, Title: "Signature"},
			Block{Kind: isMissing, Place: "signature", Title: "To be signed by a partner of " + m.Firm.Name, Text: "The report is issued with this signature, or not at all."})
		return m.section("I", blocks...)
	}
	s := m.Signed
	return m.section("I", append(blocks, Block{Kind: isHeading, Title: "Signature"}, Block{Kind: isSigned, Sign: &SignBlock{Name: s.Name, Title: "Partner",
		Firm: m.Firm.Name, Place: m.Texts[slotPlace], Date: s.Date, SHA256: s.SHA256, Entry: entryName(s.Entry, "of the engagement’s log")}})...)
}

// facts is what a paragraph on the basis of a modification has to name.
func (m Material) facts() []string {
	var out []string
	for _, k := range m.Criteria {
		if !k.Decision.Stands() || k.Decision.Value != opinions.NotMet && k.Decision.Value != opinions.Undetermined {
			continue
		}
		out = append(out, k.Code+" "+k.Title+": "+strings.ReplaceAll(k.Decision.Value, "_", " ")+".")
		for _, c := range k.Controls {
			if !good(c.Decision) {
				out = append(out, fmt.Sprintf("%s %s: %s. %s", c.Code, c.Title, strings.ReplaceAll(c.Decision, "_", " "), c.Facts))
			}
		}
	}
	return out
}

func good(decision string) bool {
	return decision == procedures.Effective || decision == procedures.WithDeviations || decision == procedures.NoOccurrence
}

func entryName(entry int64, of string) string { return fmt.Sprintf("%d %s", entry, of) }

func (m Material) sectionII() Section {
	a := m.Assertion
	if a == nil {
		blocks := m.places("II")
		if m.Texts[slotAssertion] != "" {
			blocks = append(blocks, Block{Kind: isMissing, Place: "assertion", Title: "To be signed by management of " + m.Client.Name,
				Text: "The words above are proposed. Management signs them as they will stand, against a draft of this report."})
		}
		return m.section("II", blocks...)
	}
	return m.section("II", Block{Kind: isText, Place: slotAssertion, Text: a.Text}, Block{Kind: isSigned, Sign: &SignBlock{Name: a.Name, Title: a.Title,
		Firm: m.Client.Name, Date: m.local(a.At), SHA256: a.SHA256, Entry: entryName(a.Entry, "of the client’s log")}})
}

func (m Material) sectionIII() Section {
	date := [2]string{"Period", day(m.Starts) + " to " + day(m.Ends)}
	if m.Type == typeI {
		date = [2]string{"As of", day(m.AsOf)}
	}
	rows := [][2]string{{"System", m.System}, {"Service organization", m.Client.Name}, date, {"Categories", words.List(m.Named)},
		{"Criteria", fmt.Sprintf("%d, of %s", len(m.Criteria), m.Edition)}}
	if m.Included != "" {
		rows = append(rows, [2]string{"Inside the boundary", m.Included})
	}
	if m.Excluded != "" {
		rows = append(rows, [2]string{"Outside the boundary", m.Excluded})
	}
	blocks := []Block{{Kind: isHeading, Title: "The system and its boundary"}, {Kind: isFacts, Facts: rows}}
	return m.section("III", append(blocks, m.places("III")...)...)
}

func (m Material) sectionIV() Section {
	var blocks []Block
	blocks = append(blocks, m.places("IV")...)
	n := 0
	for _, k := range m.Criteria {
		if len(k.Controls) > 0 {
			n++
		}
	}
	facts := [][2]string{{"Criteria in scope", fmt.Sprint(len(m.Criteria))}, {"Criteria with controls", fmt.Sprint(n)}, {"Controls", fmt.Sprint(len(m.used()))}}
	if m.Type == typeII {
		tested, deviating := 0, 0
		for _, c := range m.used() {
			if c.Done {
				tested++
			}
			if len(c.Deviations)+c.Unlisted > 0 {
				deviating++
			}
		}
		facts = append(facts, [2]string{"Controls tested", fmt.Sprint(tested)}, [2]string{"Controls with deviations", fmt.Sprint(deviating)})
	}
	blocks = append(blocks, Block{Kind: isHeading, Title: "In figures"}, Block{Kind: isFacts, Facts: facts},
		Block{Kind: isHeading, Title: "By criterion"}, Block{Kind: isRows, Rows: m.rows()},
		Block{Kind: isNote, Text: "Criteria are named by their codes. The titles and sentences beside them are Tickmark’s own words and do not replace the text of the criteria."})
	return m.section("IV", blocks...)
}

// used are the controls that answer criteria in scope, by code.
func (m Material) used() []procedures.Summary {
	var out []procedures.Summary
	for _, c := range m.Controls {
		if slices.ContainsFunc(m.Criteria, func(k opinions.Criterion) bool {
			return slices.ContainsFunc(k.Controls, func(x opinions.Control) bool { return x.Code == c.Control })
		}) {
			out = append(out, c)
		}
	}
	return out
}

// rows are the criteria in scope with their controls. A control is told whole
// under the first criterion it answers; under others a pointer stands, and its
// result again.
func (m Material) rows() []Row {
	told := map[string]string{}
	out := []Row{}
	for _, k := range m.Criteria {
		r := Row{Criterion: k.Code, Title: k.Title, Text: k.Text, Controls: []RowControl{}}
		switch {
		case k.Decision.Stands() && k.Decision.Value == opinions.NotRelevant:
			r.Note = "Not relevant: " + k.Decision.Reason
		case len(k.Controls) == 0:
			r.Note = "No control of the service organization answers this criterion."
		}
		for _, c := range k.Controls {
			x := RowControl{Code: c.Code, Title: c.Title}
			if x.See = told[c.Code]; x.See == "" {
				x.Text, told[c.Code] = c.Text, k.Code
			}
			if m.Type == typeII {
				m.tested(&x)
			}
			r.Controls = append(r.Controls, x)
		}
		out = append(out, r)
	}
	return out
}

// tested adds what was done to test a control, and what came of it.
func (m Material) tested(x *RowControl) {
	i := slices.IndexFunc(m.Controls, func(s procedures.Summary) bool { return s.Control == x.Code })
	if i < 0 {
		x.Result = "Not tested."
		return
	}
	s := m.Controls[i]
	x.Result = s.Result
	if x.See == "" {
		x.Tests, x.On = s.Tests, s.On
		if s.LookBack != nil {
			x.Tests = append(slices.Clone(x.Tests), lookedBack(*s.LookBack))
		}
		for _, d := range s.Deviations {
			if d.Disclosure != "" {
				x.Deviations = append(x.Deviations, d.Item+": "+d.Disclosure)
			}
		}
	}
	if len(s.Deviations) > 0 {
		x.Response = "Section V, " + x.Code
	}
}

func (m Material) sectionV() Section {
	blocks := []Block{{Kind: isSaid, Text: "What stands in this section is supplied by management of " + m.Client.Name + ". It was not examined."}}
	blocks = append(blocks, m.places("V")...)
	if m.Type == typeI {
		return m.section("V", blocks...)
	}
	blocks = append(blocks, Block{Kind: isHeading, Title: "Management’s responses to deviations"})
	n := 0
	for _, c := range m.used() {
		for _, d := range c.Deviations {
			n++
			b := Block{Kind: isResponse, Title: c.Control + ", " + d.Item, Text: d.Response, Items: []string{d.Disclosure}}
			if d.Response == "" {
				b.Place = "response"
			}
			blocks = append(blocks, b)
		}
	}
	if n == 0 {
		blocks = append(blocks, Block{Kind: isSaid, Text: "There are no deviations to respond to."})
	}
	return m.section("V", blocks...)
}

// appendix says how a reader can check the report without trusting whoever
// handed it over.
func (m Material) appendix() Section {
	s := Section{Number: "A", Label: "Appendix", Title: "How to verify this report"}
	add := func(b ...Block) { s.Blocks = append(s.Blocks, b...) }
	add(Block{Kind: isSaid, Text: "What was done for this report is recorded in two logs, one of the service auditor for this engagement, one of the service organization. " +
		"Each entry of one that answers the other carries the other’s signed state, so that the order of events can be checked. " +
		"The bundle of the engagement, a file that the service auditor hands over, holds both logs. The program tickmark-verify checks it without the network and without the programs of either side."},
		Block{Kind: isHeading, Title: "Keys of the logs"})
	for _, l := range m.Logs {
		origin, _, _ := strings.Cut(l.Key, "+")
		add(Block{Kind: isFacts, Facts: [][2]string{{"Log " + l.Title, origin}, {"Its key", l.Key}}})
	}
	if len(m.Logs) > 0 {
		add(Block{Kind: isHeading, Title: "The command"}, Block{Kind: isCode, Text: command(m)})
	}
	if m.Final {
		add(Block{Kind: isHeading, Title: "What was signed"}, Block{Kind: isFacts, Facts: [][2]string{
			{"Draft that management saw", m.DraftDigest},
			{"Assertion", m.Assertion.SHA256 + ", entry " + entryName(m.Assertion.Entry, "of the client’s log")},
			{"Opinion", m.Signed.SHA256 + ", entry " + entryName(m.Signed.Entry, "of the engagement’s log")}}})
		add(Block{Kind: isSaid, Text: fmt.Sprintf("This file is recorded in the entry after the opinion. Compare its SHA-256 with the one in entry %s.",
			entryName(m.Signed.Entry+1, "of the engagement’s log"))})
		return s
	}
	add(Block{Kind: isSaid, Text: "This print is recorded in the engagement’s log, in the entry that names its digest. It is a draft; only the report itself carries signatures."})
	return s
}

// command checks the bundle with the keys of both logs; with one of them a
// verifier says less.
func command(m Material) string {
	text := "tickmark-verify"
	for _, l := range m.Logs {
		text += " --key '" + l.Key + "'"
	}
	return text + " FILE.evb"
}
