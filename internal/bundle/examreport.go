package bundle

import (
	"cmp"
	"fmt"
	"slices"
)

// An Examination is the order of events of an engagement, as its rules found
// it. What breaks a rule is among the problems of the report.
type Examination struct {
	File        string              `json:"file"`   // origin of the auditor's log, log 0
	Client      string              `json:"client"` // origin of the client's log, log 1
	Populations []ExaminedList      `json:"populations"`
	Procedures  []ExaminedProcedure `json:"procedures"`
	Report      []Event             `json:"report"` // what came after the tests
	Rows        int64               `json:"rows"`   // of all lists, read and hashed
}

// An Event is a step in its log.
type Event struct {
	Step     string `json:"step"`
	Log      int    `json:"log"`
	Index    int64  `json:"index"`
	Recorded string `json:"recorded"`
	Note     string `json:"note,omitempty"` // a version, a decision
}

// ExaminedList is a population: what of it was checked, and in which order it
// came to be.
type ExaminedList struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Rows int64  `json:"rows"` // of the newest version
	// Compared reports whether each row was compared with its record.
	Compared bool    `json:"compared"`
	Events   []Event `json:"events"`
}

// ExaminedProcedure is the testing of a control.
type ExaminedProcedure struct {
	ID         string `json:"id"`
	Control    string `json:"control"`
	Population string `json:"population,omitempty"`
	Method     string `json:"method,omitempty"`
	Drawn      int    `json:"drawn"`
	Of         int64  `json:"of"`
	// Recomputed reports whether the sample was drawn again and is the same.
	Recomputed bool    `json:"recomputed"`
	Tested     int64   `json:"tested"`
	Deviations int64   `json:"deviations"`
	Decision   string  `json:"decision,omitempty"`
	Events     []Event `json:"events"`
}

func (x *exam) event(s *step, note string) Event {
	return Event{Step: s.name, Log: s.log.n, Index: s.index, Recorded: x.v.report.Items[s.log.first+int(s.index)].Recorded, Note: note}
}

func (x *exam) events(list []*step) []Event {
	out := make([]Event, len(list))
	for i, s := range list {
		out[i] = x.event(s, "")
	}
	return out
}

// checkReport is what E8 says of conclusions, assertion, opinion and report.
func (x *exam) checkReport() {
	e := ending{x: x, drafts: map[int64]*step{}, parts: map[string]string{}, asserted: map[int64]*step{}}
	for _, s := range x.steps {
		if s.log == x.client && s.name == stepAssertion {
			e.asserted[s.index] = s
		}
	}
	for _, s := range x.steps {
		if s.log == x.file {
			e.step(s)
		}
	}
	for _, s := range x.steps {
		if s.log == x.client && s.name == stepAssertion {
			e.assertion(s)
		}
	}
}

// ending is what happened after the tests.
type ending struct {
	x        *exam
	drafts   map[int64]*step
	asserted map[int64]*step
	parts    map[string]string
	newest   *step // draft
	opinion  *step
	issued   *step
}

func (e *ending) step(s *step) {
	x := e.x
	switch s.name {
	case stepLink, stepTest, stepFull, stepControl, stepReview, stepCriterion, stepPart, stepDraw, stepExtend, stepAccept:
		if e.issued != nil {
			x.fault(s, "the report had been issued before, in %s", x.file.place(e.issued.index))
		} else if e.opinion != nil && s.name != stepLink && s.name != stepReview {
			x.fault(s, "the opinion had been signed before, in %s", x.file.place(e.opinion.index))
		}
	}
	switch s.name {
	case stepCriterion:
		x.read(s, func(f *fields) { f.str("criterion"); f.str("decision") })
	case stepPart:
		x.read(s, func(f *fields) { e.parts[f.str("part")] = f.str("decision") })
	case stepDraft:
		e.drafts[s.index], e.newest = s, s
	case stepOpinion:
		e.sign(s)
	case stepIssue:
		e.issue(s)
	default:
		return
	}
	if s.name != stepCriterion {
		note, _ := s.body["part"].(string)
		x.report.Report = append(x.report.Report, x.event(s, word(note)))
	}
}

// sign checks an opinion.
func (e *ending) sign(s *step) {
	x := e.x
	if e.opinion != nil {
		x.fault(s, "%s signs an opinion already", x.file.place(e.opinion.index))
	}
	e.opinion = s
	said, _ := s.body["parts"].(map[string]any)
	if len(said) == 0 {
		x.fault(s, "its body lacks, or has in another form: parts")
	}
	for _, part := range slices.Sorted(keys(said)) {
		decided, ok := e.parts[part]
		switch {
		case !ok:
			x.fault(s, "it speaks of the part %s, on which nothing was decided before", shown(part))
		case said[part] != decided:
			x.fault(s, "it says %s of the part %s, and what was decided before is %s", shown(fmt.Sprint(said[part])), shown(part), shown(decided))
		}
	}
	for _, p := range x.order {
		n := len(p.ends)
		if n == 0 {
			if (p.drawn != nil && p.drawn.step.index < s.index) || len(p.tests)+len(p.full) > 0 {
				x.fault(s, "%s was drawn or tested for, and nothing was concluded on it before", x.called(p.id))
			}
			continue
		}
		last := p.ends[n-1]
		for _, w := range slices.Concat(p.draws, p.extends, p.tests, p.full) {
			if w.index > last.index && w.index < s.index {
				x.fault(s, "%s was worked on in %s, after the last conclusion on it, %s", x.called(p.id), x.file.place(w.index), x.file.place(last.index))
				break
			}
		}
		if last.index < s.index && !slices.ContainsFunc(p.reviews, func(r *step) bool { return r.index > last.index && r.index < s.index }) {
			x.fault(s, "the conclusion on %s, %s, was not reviewed before", x.called(p.id), x.file.place(last.index))
		}
	}
	index, ok := x.answered(s, x.client, "the client's assertion")
	if !ok {
		return
	}
	a := e.asserted[index]
	if a == nil {
		x.fault(s, "it answers %s, which is no assertion", x.client.place(index))
	} else if e.newest != nil && (a.answers == nil || a.answers.index != e.newest.index) {
		x.fault(s, "the assertion it answers is not about the newest draft, %s", x.file.place(e.newest.index))
	}
}

// assertion checks that the client asserted what a draft says.
func (e *ending) assertion(s *step) {
	x := e.x
	x.report.Report = append(x.report.Report, x.event(s, ""))
	index, ok := x.answered(s, x.file, "the draft of the report")
	if !ok {
		return
	}
	d := e.drafts[index]
	if d == nil {
		x.fault(s, "it answers %s, which is no draft of a report", x.file.place(index))
		return
	}
	if d.id != s.id {
		x.fault(s, "it answers %s, a draft of another report, %s", x.file.place(index), x.called(d.id))
	}
	if sum, _ := s.body["draft"].(string); sum != d.sum {
		x.fault(s, "it names the draft %s, and %s has %s", shown(sum), x.file.place(index), d.sum)
	}
}

// issue checks that a report was issued on an opinion.
func (e *ending) issue(s *step) {
	x := e.x
	if e.opinion == nil {
		x.fault(s, "no opinion was signed before it")
	}
	if e.issued != nil {
		x.fault(s, "%s issues a report already", x.file.place(e.issued.index))
	}
	e.issued = s
	if s.sum == "" {
		x.fault(s, "it opens no content, which is the report")
	}
}

// inOrder sorts events of both logs. One of the client's log comes before the
// first entry of the file whose writer had seen it.
func (x *exam) inOrder(list []Event) []Event {
	place := func(e Event) (at int64, side int) {
		if e.Log == x.file.n {
			return e.Index, 1
		}
		n, _ := slices.BinarySearchFunc(x.seen, e.Index+1, func(s sight, size int64) int { return cmp.Compare(s.size, size) })
		if n == len(x.seen) {
			return x.file.tree.Size(), 0
		}
		return x.seen[n].index, 0
	}
	slices.SortStableFunc(list, func(a, b Event) int {
		i, s := place(a)
		j, t := place(b)
		return cmp.Or(cmp.Compare(i, j), cmp.Compare(s, t), cmp.Compare(a.Index, b.Index))
	})
	return list
}

// word is a foreign word as the report shows it.
func word(s string) string {
	if s == "" {
		return ""
	}
	return shown(s)
}

// summarize tells the order of events.
func (x *exam) summarize() {
	r := x.report
	r.Report = x.inOrder(r.Report)
	for _, p := range x.lists {
		out := ExaminedList{ID: p.id, Code: x.names[p.id], Events: x.events(p.commits[:1])}
		for _, k := range p.seals {
			out.Rows, out.Compared = k.rows, k.compared
			out.Events = append(out.Events, x.event(k.step, k.String()))
			for _, d := range k.decisions {
				out.Events = append(out.Events, x.event(d.step, d.word))
			}
		}
		out.Events = x.inOrder(append(out.Events, x.events(p.reveals)...))
		r.Populations = append(r.Populations, out)
	}
	for _, p := range x.order {
		out := ExaminedProcedure{
			ID: p.id, Control: word(p.control), Drawn: len(p.picks), Tested: p.tested, Deviations: p.deviations, Decision: word(p.decision),
			Events: x.inOrder(x.events(slices.Concat(p.draws, p.extends, p.links, p.tests, p.full, p.ends, p.reviews))),
		}
		if d := p.drawn; d != nil {
			out.Population, out.Method, out.Of, out.Recomputed = x.names[d.population], word(string(d.method)), d.total, d.recomputed
		}
		r.Procedures = append(r.Procedures, out)
	}
}
