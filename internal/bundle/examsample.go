package bundle

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/tickmark/tickmark/internal/sample"
)

// procedure is the testing of one control.
type procedure struct {
	id      string
	control string
	draws   []*step
	drawn   *draw
	extends []*step
	items   map[string]*drawnItem
	picks   []sample.Pick // in the order in which they were drawn
	links   []*step       // of both logs
	tests   []*step
	full    []*step
	ends    []*step
	reviews []*step
	testers map[string]string // actor → where
	exact   []exact

	tested, deviations int64 // as last concluded
	decision           string
}

// draw is what an entry of step draw says.
type draw struct {
	step            *step
	population      string
	version         int64
	digest          string
	commitment      string
	nonce           string
	control, period string
	method          sample.Method
	n, total        int64
	seed            string
	seal            *seal
	recomputed      bool
	strataCount     int64
	strataBy        string // field of the records
}

// drawnItem is what happened to one item of a sample.
type drawnItem struct {
	drawn  int64 // entry of the file
	file   int64 // first link in the file; -1 for none
	client int64 // first link in the client's log; -1 for none
	marks  map[string]string
}

func (x *exam) procedure(id string) *procedure {
	p := x.procedures[id]
	if p == nil {
		p = &procedure{id: id, items: map[string]*drawnItem{}, testers: map[string]string{}}
		x.procedures[id] = p
		x.order = append(x.order, p)
	}
	return p
}

// checkDraws is E4, with what E3 says of what may be drawn from.
func (x *exam) checkDraws() {
	for _, s := range x.steps {
		if s.log != x.file {
			continue
		}
		switch s.name {
		case stepDraw:
			x.draw(s)
		case stepExtend:
			x.extend(s)
		}
	}
	for _, p := range x.order {
		if p.drawn != nil && p.drawn.seal != nil {
			x.redraw(p)
		}
	}
}

func (x *exam) draw(s *step) {
	d := &draw{step: s}
	var id string
	ok := x.read(s, func(f *fields) {
		d.population, id, d.control = f.str("population"), f.str("procedure"), f.str("control")
		d.version, d.n, d.total = f.num("version"), f.num("n"), f.num("total")
		d.digest, d.commitment, d.nonce, d.seed = f.digest("digest"), f.digest("commitment"), f.digest("nonce"), f.digest("seed")
		d.period, d.method = f.str("period"), sample.Method(f.str("method"))
	})
	if !ok {
		return
	}
	p := x.procedure(id)
	p.draws = append(p.draws, s)
	if len(p.draws) > 1 {
		x.fault(s, "%s drew a sample for %s already; a sample is drawn once and extended, never drawn again", x.file.place(p.draws[0].index), x.called(id))
		return
	}
	p.drawn, p.control = d, d.control
	for _, o := range x.order {
		if o != p && o.drawn != nil && o.drawn.control == d.control && o.drawn.population == d.population {
			x.fault(s, "%s drew a sample for the control %s from the same list already", x.file.place(o.drawn.step.index), shown(d.control))
		}
	}
	x.keepPicks(p, s, d.n)
	k := x.drawnFrom(d)
	if k == nil {
		return
	}
	d.seal = k
	x.seed(d)
	k.population.reveals = append(k.population.reveals, s)
}

// drawnFrom is the list that a sample may be drawn from; nil if it may not.
func (x *exam) drawnFrom(d *draw) *seal {
	s := d.step
	p := x.populations[d.population]
	if p == nil {
		x.fault(s, "it draws from %s, for which no nonce was committed to", x.called(d.population))
		return nil
	}
	if commit := p.commits[0]; commit.index > s.index {
		x.fault(s, "the nonce was committed to only later, in %s", x.file.place(commit.index))
	}
	k := x.sealOf(s, d.population, d.version, d.digest)
	if k == nil {
		return nil
	}
	x.mayUse(s, k)
	if n := len(p.reveals); n > 0 {
		// Whoever knows the nonce can shape the list to the sample they want.
		first := p.reveals[0]
		if !slices.ContainsFunc(k.decisions, func(c decision) bool { return c.step.index < first.index }) {
			x.fault(s, "%s had revealed the nonce before this version of the list was sealed", x.file.place(first.index))
		}
	}
	return k
}

// mayUse is E3: the list is accepted, and is the newest that the auditor knew.
func (x *exam) mayUse(s *step, k *seal) {
	if !k.accepted(s.index) {
		switch word := k.at(s.index); {
		case word != "":
			x.fault(s, "it uses %v of %s, which was %s", k, x.called(k.step.id), word)
		case len(k.decisions) > 0:
			x.fault(s, "it uses %v of %s, which was accepted only later, in %s", k, x.called(k.step.id), x.file.place(k.decisions[0].step.index))
		default:
			x.fault(s, "it uses %v of %s, which nobody accepted", k, x.called(k.step.id))
		}
	}
	if o := x.replaced(k, s.index); o != nil {
		x.fault(s, "it uses %v of %s, which %s had replaced by %v before", k, x.called(k.step.id), x.client.place(o.step.index), o)
	}
}

// seed checks the draw's arithmetic up to the seed.
func (x *exam) seed(d *draw) {
	s, k := d.step, d.seal
	nonce, err := sample.ParseNonce(d.nonce)
	if err != nil {
		return // its form is said already
	}
	commitment := k.population.commitment
	if sum := nonce.Commitment(); fmt.Sprintf("%x", sum) != commitment {
		x.fault(s, "the nonce it reveals has the SHA-256 %.16x…, and %s commits to %.16s…", sum, x.file.place(k.population.commits[0].index), commitment)
	}
	if d.commitment != commitment {
		x.fault(s, "it names the commitment %.16s…, and %s commits to %.16s…", d.commitment, x.file.place(k.population.commits[0].index), commitment)
	}
	if err := sample.CheckControl(d.control); err != nil {
		x.fault(s, "%v", err)
	}
	if _, _, err := sample.ParsePeriod(d.period); err != nil {
		x.fault(s, "%v", err)
	}
	if d.period != k.period {
		x.fault(s, "it is for the period %s, and the list was sealed for %s", shown(d.period), shown(k.period))
	}
	if seed := nonce.Seed(digestText(d.digest), d.control, d.period); seed.String() != d.seed {
		x.fault(s, "it names the seed %.16s…, and nonce, digest, control and period give %.16s…", d.seed, seed)
	}
	if d.total != k.rows {
		x.fault(s, "it says that the list has %d items, and that has %d", d.total, k.rows)
	}
}

// keepPicks reads which items an entry drew, and remembers since when they are
// in the sample.
func (x *exam) keepPicks(p *procedure, s *step, n int64) {
	var drew int64
	err := x.drawOf(s, func(pick sample.Pick) error {
		if p.items[pick.Item] != nil {
			return fmt.Errorf("it draws item %s, which is in the sample already", shown(pick.Item))
		}
		if len(p.picks) == MaxPicks {
			return fmt.Errorf("a sample has at most %d items", MaxPicks)
		}
		p.items[pick.Item] = &drawnItem{drawn: s.index, file: -1, client: -1}
		p.picks = append(p.picks, pick)
		drew++
		return nil
	}, func(Stratum) error {
		if s.name == stepDraw {
			p.drawn.strataCount++
		}
		return nil
	})
	if err != nil {
		x.fault(s, "what it drew: %v", err)
	} else if drew != n {
		x.fault(s, "it drew %d items and says %d", drew, n)
	}
}

// drawOf reads the content of a draw.
func (x *exam) drawOf(s *step, pick func(sample.Pick) error, stratum func(Stratum) error) error {
	f := x.v.blob(s.sum)
	switch {
	case s.sum == "":
		return errors.New("no content is opened")
	case f == nil:
		return errNotInside
	case s.chunked:
		return errors.New("it is in pieces; a draw is one content")
	}
	return parseDraw(io.NewSectionReader(x.v.src.r, f.at, f.size), pick, stratum)
}

// extend takes the entries by which a sample grew.
func (x *exam) extend(s *step) {
	var id string
	var from, to int64
	ok := x.read(s, func(f *fields) {
		id, from, to = f.str("procedure"), f.num("from"), f.num("to")
		f.str("reason")
	})
	if !ok {
		return
	}
	p := x.procedure(id)
	if p.drawn == nil {
		x.fault(s, "it extends the sample of %s, of which none was drawn before", x.called(id))
		return
	}
	if from != int64(len(p.picks)) || to <= from {
		x.fault(s, "it extends the sample from %d to %d items, and that has %d", from, to, len(p.picks))
		return
	}
	p.extends = append(p.extends, s)
	x.keepPicks(p, s, to-from)
}

// redraw draws the sample again from the sealed list, and what was added.
func (x *exam) redraw(p *procedure) {
	d := p.drawn
	s, k := d.step, d.seal
	if !k.whole || d.total != k.rows || d.n > int64(len(p.picks)) {
		return // said already; another list gives another sample
	}
	if d.n < 1 || d.n > k.rows {
		x.fault(s, "a sample of %d cannot be drawn from %d items", d.n, k.rows)
		return
	}
	nonce, _ := sample.ParseNonce(d.nonce)
	sizes, ok := x.strata(d)
	if !ok {
		return
	}
	re, err := newRedraw(nonce.Seed(digestText(k.digest), d.control, d.period), d.method, int(d.n), max(int(d.n), len(p.picks)), int(k.rows), sizes)
	if err != nil {
		x.fault(s, "%v", err)
		return
	}
	if err := x.rowsWithStrata(d, re.add); err != nil {
		x.fault(s, "%v", err)
		return
	}
	whole := x.samePicks(s, p.picks[:d.n], re.picks())
	at := d.n
	for _, e := range p.extends {
		to, _ := e.body["to"].(int64)
		if to > int64(len(p.picks)) {
			return // said already
		}
		added := re.after(p.picks[:at], int(to))
		whole = x.samePicks(e, p.picks[at:to], added) && whole
		at = to
	}
	d.recomputed = whole
}

// strata counts the strata of a stratified draw.
func (x *exam) strata(d *draw) (map[string]int, bool) {
	if (d.strataCount > 0) != (d.method == sample.Stratified) {
		x.fault(d.step, "strata go with the method stratified and with no other")
		return nil, false
	}
	if d.strataCount == 0 {
		return nil, true
	}
	sizes := map[string]int{}
	err := x.drawOf(d.step, func(sample.Pick) error { return nil }, func(s Stratum) error {
		if sizes[s.Name]++; len(sizes) > MaxPicks {
			return errors.New("more strata than a sample has items")
		}
		return nil
	})
	if err != nil {
		x.fault(d.step, "what it drew: %v", err)
	}
	return sizes, err == nil
}

// rowsWithStrata calls add with each item of the list and, in a stratified
// draw, with its stratum, which the draw lists in the same order.
func (x *exam) rowsWithStrata(d *draw, add func(item, stratum string)) error {
	rows, err := x.lines(d.seal.step.sum, d.seal.step.chunked, sample.MaxRow)
	if err != nil {
		return err
	}
	next := func(want string) error {
		line, err := rows.next()
		if err == io.EOF && want == "" {
			return io.EOF
		}
		if err == io.EOF {
			return fmt.Errorf("it names the stratum of %s, which is not in the list", shown(want))
		}
		if err != nil {
			return err
		}
		item := sample.ItemOf(string(line))
		if want != "" && item != want {
			return fmt.Errorf("it names the stratum of %s where the list has %s", shown(want), shown(item))
		}
		if want == "" {
			add(item, "")
		}
		return nil
	}
	if d.strataCount > 0 {
		records, err := x.strataOf(d)
		if err != nil {
			return err
		}
		err = x.drawOf(d.step, func(sample.Pick) error { return nil }, func(s Stratum) error {
			if err := next(s.Item); err != nil {
				return err
			}
			add(s.Item, s.Name)
			if records == nil {
				return nil
			}
			name, err := records.stratum(s.Item, d.strataBy)
			if err == nil && name != s.Name {
				err = fmt.Errorf("it puts %s into the stratum %s; by its record it is %s", shown(s.Item), shown(s.Name), shown(name))
			}
			return err
		})
		if err != nil {
			return err
		}
		if line, err := rows.next(); err != io.EOF {
			return fmt.Errorf("it names no stratum for %s", shown(sample.ItemOf(string(line))))
		}
		return nil
	}
	for {
		if err := next(""); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// strataOf opens the records that say of which stratum each item is; nil if the
// draw does not name the field, or they are not inside.
func (x *exam) strataOf(d *draw) (*lineReader, error) {
	d.strataBy, _ = d.step.body["strata_by"].(string)
	if d.strataBy == "" || !d.seal.compared {
		x.loose++
		return nil, nil
	}
	return x.lines(d.seal.records.sum, d.seal.records.chunked(), MaxOpening)
}

// samePicks names the first items that were not drawn by the rule.
func (x *exam) samePicks(s *step, got, want []sample.Pick) bool {
	wrong := 0
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			x.fault(s, "it has item %s, which nonce and list do not give", shown(got[i].Item))
		case i >= len(got):
			x.fault(s, "it lacks item %s, which nonce and list give at rank %d", shown(want[i].Item), want[i].Rank)
		case got[i].Item != want[i].Item:
			x.fault(s, "it has item %s at rank %d; nonce and list give %s", shown(got[i].Item), got[i].Rank, shown(want[i].Item))
		case got[i].Rank != want[i].Rank:
			x.fault(s, "it has item %s at rank %d; nonce and list give it rank %d", shown(got[i].Item), got[i].Rank, want[i].Rank)
		case s.name == stepDraw && got[i].Stratum != want[i].Stratum:
			x.fault(s, "it has item %s in stratum %s; it is in %s", shown(got[i].Item), shown(got[i].Stratum), shown(want[i].Stratum))
		default:
			continue
		}
		if wrong++; wrong == maxNamed {
			break
		}
	}
	return wrong == 0
}
