package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/sample"
)

// Marks, as far as the rules tell them apart.
const (
	markDeviation = "deviation"
	markUntested  = "untested" // takes an earlier mark back
)

var marks = []string{"agrees", markDeviation, "not_applicable", "reperformed", markUntested}

// decisions that do not rest on each item having been looked at.
var withoutTests = []string{"undetermined", noOccurrence, "not_suitably_designed"}

const noOccurrence = "no_occurrence"

// counts of a full test.
type counts struct{ total, agrees, deviates, unknown int64 }

// checkWork is E5 to E7 and what E8 says of a review.
func (x *exam) checkWork() {
	for _, s := range x.steps {
		if s.log == x.client && s.name == stepLink {
			x.clientLink(s)
		}
	}
	for _, s := range x.steps {
		if s.log != x.file {
			continue
		}
		switch s.name {
		case stepLink:
			x.fileLink(s)
		case stepTest:
			x.test(s)
		case stepFull:
			x.full(s)
		case stepControl:
			x.conclude(s)
		case stepReview:
			x.review(s)
		}
	}
}

// linked takes the fields of a link, and the procedure it is for.
func (x *exam) linked(s *step) (p *procedure, items []string) {
	var id string
	if !x.read(s, func(f *fields) { id, items = f.str("procedure"), f.strs("items") }) {
		return nil, nil
	}
	p = x.procedure(id)
	p.links = append(p.links, s)
	return p, items
}

// clientLink is E5 for what the client answered.
func (x *exam) clientLink(s *step) {
	p, items := x.linked(s)
	if p == nil {
		return
	}
	index, ok := x.answered(s, x.file, "the draw of these items")
	if !ok {
		return
	}
	if at := x.evidence[s.id]; at < 0 || at > s.index {
		x.fault(s, "no opened entry before it records this evidence")
	}
	if p.drawn != nil && !slices.ContainsFunc(append(p.draws, p.extends...), func(d *step) bool { return d.index == index }) {
		x.fault(s, "it answers %s, which draws no items for %s", x.file.place(index), x.called(p.id))
		return
	}
	for _, item := range items {
		if i := x.item(s, p, item, index+1); i != nil && i.client < 0 {
			i.client = s.index
		}
	}
}

// item is an item that an entry may speak of: one drawn before the entry of the
// file with this index.
func (x *exam) item(s *step, p *procedure, name string, before int64) *drawnItem {
	i := p.items[name]
	switch {
	case i == nil && p.drawn == nil && len(p.draws) == 0:
		// The control itself is looked at, or each item of a list.
		i = &drawnItem{drawn: -1, file: -1, client: -1}
		p.items[name] = i
	case i == nil:
		x.fault(s, "item %s was not drawn for %s", shown(name), x.called(p.id))
	case i.drawn >= before:
		x.fault(s, "item %s was drawn only later, in %s", shown(name), x.file.place(i.drawn))
		return nil
	}
	return i
}

// fileLink is E5 for what the auditor linked.
func (x *exam) fileLink(s *step) {
	p, items := x.linked(s)
	if p == nil {
		return
	}
	if index, ok := x.answered(s, x.client, "the record of this evidence"); ok {
		i := x.entry(x.client, index)
		var id string
		recorded := false
		if i != nil {
			id, recorded = x.recorded(i)
		}
		switch {
		case !recorded && (i == nil || i.opened || i.Kind != canon.KindEvidence):
			x.fault(s, "it answers %s, which is no evidence", x.client.place(index))
		case id != s.id:
			x.fault(s, "it answers %s, which does not record this evidence", x.client.place(index))
		}
	}
	for _, item := range items {
		if i := x.item(s, p, item, s.index); i != nil && i.file < 0 {
			i.file = s.index
		}
	}
}

// test is E6 for marks that a person set.
func (x *exam) test(s *step) {
	p := x.procedure(s.id)
	list, _ := s.body["marks"].([]any)
	if len(list) == 0 {
		x.fault(s, "its body lacks, or has in another form: marks")
		return
	}
	p.tests = append(p.tests, s)
	x.tester(p, s)
	known := x.known(s.index)
	said := map[string]bool{} // of which items something was said
	for _, e := range list {
		f := &fields{}
		f.body, _ = e.(map[string]any)
		name, attribute, mark := f.str("item"), f.str("attribute"), f.str("mark")
		if len(f.bad) > 0 || !slices.Contains(marks, mark) {
			x.fault(s, "a mark has an item, an attribute and what was found, which is one of agrees, deviation, not_applicable, reperformed, untested")
			return
		}
		if said[name] {
			continue
		}
		i := x.item(s, p, name, s.index)
		if i == nil {
			said[name] = true
			continue
		}
		inFile, atClient := i.file >= 0 && i.file < s.index, i.client >= 0 && i.client < known
		// That nobody could show evidence is itself a deviation.
		if !inFile && !atClient && mark != markDeviation && mark != markUntested {
			said[name] = true
			x.fault(s, "item %s is marked %s for %s, and no evidence was linked to it before", shown(name), mark, shown(attribute))
		}
		if i.marks == nil {
			i.marks = map[string]string{}
		}
		i.marks[attribute] = mark
	}
}

func (x *exam) tester(p *procedure, s *step) {
	if p.testers[s.actor] == "" {
		p.testers[s.actor] = x.file.place(s.index)
	}
}

// full is E6 for a test of every item of a list.
func (x *exam) full(s *step) {
	var population, digest, attribute string
	var version int64
	var c counts
	ok := x.read(s, func(f *fields) {
		population, version, digest, attribute = f.str("population"), f.num("version"), f.digest("digest"), f.str("attribute")
		c = counts{f.num("total"), f.num("agrees"), f.num("deviates"), f.num("unknown")}
	})
	if !ok {
		return
	}
	p := x.procedure(s.id)
	p.full = append(p.full, s)
	x.tester(p, s)
	k := x.sealOf(s, population, version, digest)
	if k == nil {
		return
	}
	x.mayUse(s, k)
	if c.total != k.rows || c.agrees+c.deviates+c.unknown != c.total {
		x.fault(s, "it counts %d of %d items as tested: %d agree, %d deviate, %d unknown", c.total, k.rows, c.agrees, c.deviates, c.unknown)
		return
	}
	if !k.whole {
		return // said already
	}
	got, err := x.results(k, s)
	switch {
	case err != nil:
		x.fault(s, "its results: %v", err)
	case got != c:
		x.fault(s, "it says that %d agree, %d deviate and %d are unknown; its results have %d, %d and %d",
			c.agrees, c.deviates, c.unknown, got.agrees, got.deviates, got.unknown)
	default:
		p.exact = append(p.exact, exact{s, k, attribute})
	}
}

// exact is a full test whose results hold.
type exact struct {
	step      *step
	seal      *seal
	attribute string
}

// inAll counts the items that deviate by any of the newest full tests: of each
// attribute the last, over the version of the list that was tested last.
func (x *exam) inAll(p *procedure) (counts, error) {
	n := len(p.exact)
	if n == 0 {
		return counts{}, nil
	}
	k := p.exact[n-1].seal
	newest := map[string]*step{}
	for _, e := range p.exact {
		if e.seal == k {
			newest[e.attribute] = e.step
		}
	}
	steps := make([]*step, 0, len(newest))
	for _, a := range slices.Sorted(keys(newest)) {
		steps = append(steps, newest[a])
	}
	return x.results(k, steps...)
}

// results reads what full tests found of every item, beside the list. An item
// deviates if it does in one of them, and is unknown if it deviates in none and
// is unknown in one.
func (x *exam) results(k *seal, tests ...*step) (c counts, err error) {
	rows, err := x.lines(k.step.sum, k.step.chunked, sample.MaxRow)
	if err != nil {
		return c, err
	}
	var found []*lineReader
	for _, s := range tests {
		if s.sum == "" {
			return c, errors.New("no content is opened")
		}
		r, err := x.lines(s.sum, s.chunked, sample.MaxRow)
		if err != nil {
			return c, err
		}
		found = append(found, r)
	}
	for {
		row, err := rows.next()
		if err != nil && err != io.EOF {
			return c, err
		}
		item, _, _ := bytes.Cut(row, []byte("\t"))
		deviates, unknown := false, false
		for _, r := range found {
			status, end := r.result(item, err == io.EOF)
			if end != nil {
				return c, end
			}
			deviates, unknown = deviates || status == markDeviation, unknown || status == "unknown"
		}
		if err == io.EOF {
			return c, nil
		}
		switch c.total++; {
		case deviates:
			c.deviates++
		case unknown:
			c.unknown++
		default:
			c.agrees++
		}
	}
}

// result reads what was found of an item; done if the list has no more.
func (r *lineReader) result(item []byte, done bool) (status string, err error) {
	line, err := r.next()
	switch {
	case err == io.EOF && done:
		return "", nil
	case err == io.EOF:
		return "", fmt.Errorf("item %s is missing", shown(string(item)))
	case err != nil:
		return "", err
	case done:
		return "", fmt.Errorf("more lines than the list has items, %d", r.n-1)
	}
	name, status, err := parseResult(line)
	if err != nil {
		return "", fmt.Errorf("line %d: %w", r.n, err)
	}
	if !bytes.Equal(name, item) {
		return "", fmt.Errorf("line %d is about %s where the list has %s", r.n, shown(string(name)), shown(string(item)))
	}
	return status, nil
}

// parseResult reads a line of the results of a full test.
func parseResult(line []byte) (item []byte, status string, err error) {
	item, word, _ := bytes.Cut(line, []byte("\t"))
	switch status = string(word); status {
	case "deviates":
		return item, markDeviation, nil
	case "agrees", markDeviation, "unknown":
		return item, status, nil
	}
	return nil, "", fmt.Errorf("want an item, a TAB and agrees, deviates or unknown; it is %s", shown(string(line)))
}

// conclude is E7.
func (x *exam) conclude(s *step) {
	var tested, deviations int64
	var decision string
	ok := x.read(s, func(f *fields) {
		tested, deviations, decision = f.num("tested"), f.num("deviations"), f.str("decision")
		f.str("control")
	})
	if !ok {
		return
	}
	p := x.procedure(s.id)
	control, _ := s.body["control"].(string)
	if p.drawn != nil && p.drawn.control != control {
		x.fault(s, "it is about the control %s, and the sample was drawn for %s", shown(control), shown(p.drawn.control))
	}
	p.control = control
	p.ends = append(p.ends, s)
	p.tested, p.deviations, p.decision = tested, deviations, decision
	x.tester(p, s)
	free := slices.Contains(withoutTests, decision)
	if !free && len(p.tests) == 0 && len(p.full) == 0 {
		x.fault(s, "nothing was tested before it")
		return
	}
	if p.drawn == nil && len(p.full) == 0 {
		for _, item := range slices.Sorted(keys(p.items)) {
			if item != control && len(p.items[item].marks) > 0 {
				x.fault(s, "item %s is marked, and no sample was drawn that it could be of", shown(item))
				return
			}
		}
	}
	gotTested, gotDeviations, missing := p.recount()
	if missing != "" && !free {
		x.fault(s, "item %s was drawn and bears no mark", shown(missing))
	}
	if p.drawn == nil && len(p.full) > 0 {
		all, err := x.inAll(p)
		if err != nil || len(p.exact) < len(p.full) {
			return // said already
		}
		gotTested, gotDeviations = all.total, all.deviates
	}
	if free && p.drawn == nil && decision != noOccurrence && tested == 0 && deviations == 0 {
		return // not all that was planned was held against the list
	}
	if tested != gotTested && !(free && tested < gotTested) || deviations != gotDeviations {
		x.fault(s, "it says that %d of %d items tested deviate; by what was found before it %d of %d do", deviations, tested, gotDeviations, gotTested)
	}
}

// recount counts the items that bear a mark, and those that deviate, as the
// marks stand so far. missing is the first drawn item that bears none.
func (p *procedure) recount() (tested, deviations int64, missing string) {
	count := func(i *drawnItem) bool {
		marked, deviates := false, false
		for _, m := range i.marks {
			marked = marked || m != markUntested
			deviates = deviates || m == markDeviation
		}
		if marked {
			tested++
		}
		if deviates {
			deviations++
		}
		return marked
	}
	for _, pick := range p.picks {
		if !count(p.items[pick.Item]) && missing == "" {
			missing = pick.Item
		}
	}
	if p.drawn == nil {
		for _, i := range p.items {
			count(i)
		}
	}
	return tested, deviations, missing
}

// review is the part of E8 that is about workpapers.
func (x *exam) review(s *step) {
	p := x.procedure(s.id)
	p.reviews = append(p.reviews, s)
	if len(p.ends) == 0 {
		x.fault(s, "nothing was concluded before it")
		return
	}
	if at := p.testers[s.actor]; at != "" {
		x.fault(s, "it is by the person who made %s; nobody reviews their own work", at)
	}
}
