package bundle

import (
	"bufio"
	"bytes"
	"container/heap"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/sample"
)

// MediaTypeDraw is that of a sample: see EncodeDraw.
const MediaTypeDraw = "application/vnd.tickmark.draw+json"

// MaxPicks is how many items a sample has at most.
const MaxPicks = 1 << 17

const maxPick = 8 * sample.MaxRow // bytes of one text in a draw

// A Stratum says of an item which part of the population it is in.
type Stratum struct{ Item, Name string }

// EncodeDraw writes what a draw or an extension picked, as the content of its
// entry. strata, for a stratified draw alone, has every item of the list, in
// the order of the list.
func EncodeDraw(picks []sample.Pick, strata []Stratum) ([]byte, error) {
	b := []byte(`{"picks":[`)
	for i, p := range picks {
		if i > 0 {
			b = append(b, ',')
		}
		b = canon.AppendString(append(b, `{"item":`...), p.Item)
		b = strconv.AppendInt(append(b, `,"rank":`...), int64(p.Rank), 10)
		if p.Stratum != "" {
			b = canon.AppendString(append(b, `,"stratum":`...), p.Stratum)
		}
		b = append(b, '}')
	}
	b = append(b, ']')
	for i, s := range strata {
		b = append(b, map[bool]string{true: `,"strata":[[`, false: `,[`}[i == 0]...)
		b = append(canon.AppendString(b, s.Item), ',')
		b = append(canon.AppendString(b, s.Name), ']')
	}
	if len(strata) > 0 {
		b = append(b, ']')
	}
	b = append(b, `,"v":1}`...)
	return b, parseDraw(bytes.NewReader(b), func(sample.Pick) error { return nil }, func(Stratum) error { return nil })
}

// drawReader reads the one spelling of a draw without holding it: the strata of
// a large list are many.
type drawReader struct {
	r   *bufio.Reader
	buf []byte
}

// eat takes a text that may stand next.
func (d *drawReader) eat(s string) bool {
	b, _ := d.r.Peek(len(s))
	if string(b) != s {
		return false
	}
	d.r.Discard(len(s))
	return true
}

func (d *drawReader) want(s string) error {
	if d.eat(s) {
		return nil
	}
	b, _ := d.r.Peek(20)
	return fmt.Errorf("want %s; there is %+q", s, b)
}

func (d *drawReader) text() (string, error) {
	if err := d.want(`"`); err != nil {
		return "", err
	}
	d.buf = append(d.buf[:0], '"')
	for escaped := false; ; {
		c, err := d.r.ReadByte()
		if err != nil || len(d.buf) > maxPick {
			return "", errors.New("a text that does not end")
		}
		d.buf = append(d.buf, c)
		if c == '"' && !escaped {
			break
		}
		escaped = c == '\\' && !escaped
	}
	v, err := canon.ParseJSON(d.buf)
	s, _ := v.(string)
	if err == nil && s == "" {
		err = errors.New("an empty text")
	}
	return s, err
}

func (d *drawReader) number() (int, error) {
	n, digits := 0, 0
	for {
		b, _ := d.r.Peek(1)
		if len(b) == 0 || b[0] < '0' || b[0] > '9' {
			break
		}
		if digits++; digits > 9 || digits == 2 && n == 0 {
			return 0, errors.New("a rank is a number from 1 to 999999999")
		}
		n = n*10 + int(b[0]-'0')
		d.r.Discard(1)
	}
	if n == 0 {
		return 0, errors.New("a rank is a number from 1 to 999999999")
	}
	return n, nil
}

func parseDraw(r io.Reader, pick func(sample.Pick) error, stratum func(Stratum) error) error {
	d := &drawReader{r: bufio.NewReader(r)}
	if err := d.want(`{"picks":[`); err != nil {
		return err
	}
	if err := d.each(`{"item":`, func() error { return d.pick(pick) }); err != nil {
		return fmt.Errorf("picks: %w", err)
	}
	if d.eat(`,"strata":[`) {
		if err := d.each(`[`, func() error { return d.stratum(stratum) }); err != nil {
			return fmt.Errorf("strata: %w", err)
		}
	}
	if err := d.want(`,"v":1}`); err != nil {
		return err
	}
	if _, err := d.r.Peek(1); err != io.EOF {
		return errors.New("something follows the end")
	}
	return nil
}

// each reads the elements of an array, at least one, that begin with start.
func (d *drawReader) each(start string, element func() error) error {
	for {
		if err := d.want(start); err != nil {
			return err
		}
		if err := element(); err != nil {
			return err
		}
		if d.eat("]") {
			return nil
		}
		if err := d.want(","); err != nil {
			return err
		}
	}
}

func (d *drawReader) pick(take func(sample.Pick) error) (err error) {
	var p sample.Pick
	if p.Item, err = d.text(); err != nil {
		return err
	}
	if err = d.want(`,"rank":`); err != nil {
		return err
	}
	if p.Rank, err = d.number(); err != nil {
		return err
	}
	if d.eat(`,"stratum":`) {
		if p.Stratum, err = d.text(); err != nil {
			return err
		}
	}
	if err = d.want("}"); err != nil {
		return err
	}
	return take(p)
}

func (d *drawReader) stratum(take func(Stratum) error) (err error) {
	var s Stratum
	if s.Item, err = d.text(); err != nil {
		return err
	}
	if err = d.want(","); err != nil {
		return err
	}
	if s.Name, err = d.text(); err != nil {
		return err
	}
	if err = d.want("]"); err != nil {
		return err
	}
	return take(s)
}

// A ranking keeps the first items of the order that a seed gives a list,
// however long the list is.
type ranking struct {
	most  int
	items []ranked // the last of those kept comes first
}

type ranked struct {
	rank [sha256.Size]byte
	item string
}

func (a ranked) before(b ranked) bool {
	c := bytes.Compare(a.rank[:], b.rank[:])
	return c < 0 || c == 0 && a.item < b.item
}

func (r *ranking) Len() int           { return len(r.items) }
func (r *ranking) Less(i, j int) bool { return r.items[j].before(r.items[i]) }
func (r *ranking) Swap(i, j int)      { r.items[i], r.items[j] = r.items[j], r.items[i] }

// Push and Pop are for the heap.
func (r *ranking) Push(v any) { r.items = append(r.items, v.(ranked)) }

// Pop takes the last of the slice.
func (r *ranking) Pop() any {
	last := r.items[len(r.items)-1]
	r.items = r.items[:len(r.items)-1]
	return last
}

func (r *ranking) add(a ranked) {
	switch {
	case len(r.items) < r.most:
		heap.Push(r, a)
	case r.most > 0 && a.before(r.items[0]):
		r.items[0] = a
		heap.Fix(r, 0)
	}
}

// list is what is kept, in order.
func (r *ranking) list() []string {
	slices.SortFunc(r.items, func(a, b ranked) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	out := make([]string, len(r.items))
	for i, a := range r.items {
		out[i] = a.item
	}
	return out
}

// redraw draws a sample again from rows as they are read.
type redraw struct {
	seed   sample.Seed
	method sample.Method
	n      int
	total  int
	order  ranking // of all items, for random samples and for extensions
	mac    hash.Hash

	at    int                 // rows so far
	every []string            // systematic
	start int64               //
	parts map[string]*ranking // stratified
}

// newRedraw prepares to draw n of total items and, with the extensions, to of
// them. sizes are those of the strata.
func newRedraw(seed sample.Seed, method sample.Method, n, to, total int, sizes map[string]int) (*redraw, error) {
	d := &redraw{seed: seed, method: method, n: n, total: total, order: ranking{most: to}, mac: hmac.New(sha256.New, seed[:])}
	switch method {
	case sample.Random:
	case sample.Systematic:
		d.start = int64(seed.Start(total))
	case sample.Stratified:
		due, err := sample.Allocate(sizes, n)
		if err != nil {
			return nil, err
		}
		d.parts = make(map[string]*ranking, len(due))
		for name, most := range due {
			d.parts[name] = &ranking{most: most}
		}
	default:
		return nil, fmt.Errorf("the method %s is none of random, systematic, stratified, so it cannot be drawn again", shown(string(method)))
	}
	return d, nil
}

func (d *redraw) add(item, stratum string) {
	a := ranked{item: item}
	d.mac.Reset()
	io.WriteString(d.mac, item)
	d.mac.Sum(a.rank[:0])
	d.order.add(a)
	if p := d.parts[stratum]; p != nil {
		p.add(a)
	}
	if d.method == sample.Systematic && len(d.every) < d.n {
		// The next index is the start plus so many n-th parts of the list.
		if next := (d.start + int64(len(d.every))*int64(d.total)) / int64(d.n); int64(d.at) == next {
			d.every = append(d.every, item)
		}
	}
	d.at++
}

// picks is the sample.
func (d *redraw) picks() []sample.Pick {
	var out []sample.Pick
	switch d.method {
	case sample.Stratified:
		for _, name := range slices.Sorted(keys(d.parts)) {
			for i, item := range d.parts[name].list() {
				out = append(out, sample.Pick{Rank: i + 1, Item: item, Stratum: name})
			}
		}
		return out
	case sample.Systematic:
		for i, item := range d.every {
			out = append(out, sample.Pick{Rank: i + 1, Item: item})
		}
		return out
	}
	list := d.order.list()
	for i, item := range list[:min(d.n, len(list))] {
		out = append(out, sample.Pick{Rank: i + 1, Item: item})
	}
	return out
}

func keys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// after is what follows a sample in the order of all items.
func (d *redraw) after(picks []sample.Pick, to int) []sample.Pick {
	drawn := make(map[string]bool, len(picks))
	for _, p := range picks {
		drawn[p.Item] = true
	}
	var out []sample.Pick
	for _, item := range d.order.list() {
		if len(picks)+len(out) < to && !drawn[item] {
			out = append(out, sample.Pick{Rank: len(picks) + len(out) + 1, Item: item})
		}
	}
	return out
}

// digestText is the digest that a step names, as bytes.
func digestText(s string) (d [32]byte) {
	hex.Decode(d[:], []byte(strings.ToLower(s)))
	return d
}
