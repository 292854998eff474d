package erasures

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

// A Plan is exactly what an erasure would do now.
type Plan struct {
	// Digest changes with what would go. Whoever approves gives it back, and so
	// approves what they saw.
	Digest  string  `json:"digest"`
	Records []Going `json:"records"`
	Entries []Line  `json:"entries"` // all whose text goes, those of the records too
	Blobs   int     `json:"blobs"`
	Size    int64   `json:"size"`
	Kept    []Kept  `json:"kept"`  // pieces that records need which are not erased
	Rests   []Rest  `json:"rests"` // what stays and leads to what goes
	Holds   []Hold  `json:"holds"`
	// Obstacles say why it cannot be done as it stands, holds aside.
	Obstacles []string `json:"obstacles"`

	records   []evidence.Record
	addresses map[string]bool // of blobs that go
}

// Going is a record that would be erased.
type Going struct {
	ID     id.Evidence `json:"id"`
	Title  string      `json:"title"`
	Entry  int64       `json:"entry"`
	Sealed time.Time   `json:"sealed"`
	Size   int64       `json:"size"`
	Asked  bool        `json:"asked"` // otherwise it goes because it is the same bytes
}

// Line is an entry whose text would be erased.
type Line struct {
	Index    int64      `json:"index"`
	Kind     canon.Kind `json:"kind"`
	Recorded time.Time  `json:"recorded"`
	Op       string     `json:"op,omitempty"`
	Asked    bool       `json:"asked"`
}

// Kept is a number of pieces that stay, since others need them.
type Kept struct {
	Pieces int    `json:"pieces"`
	Needed string `json:"needed"` // by whom, in words
	Href   string `json:"href,omitempty"`
}

// Rest is something that stays and leads to what is erased.
type Rest struct {
	Text string `json:"text"`
	Href string `json:"href,omitempty"`
}

// piece is a part of a content that is cut into parts.
type piece struct {
	address string
	content string // as an entry would commit to it alone
	size    int64
}

// planner puts a plan together.
type planner struct {
	c      *op.Call
	p      Plan
	seen   map[int64]bool // entries
	lists  map[string]bool
	pieces map[[32]byte]piece
	lock   bool
}

// planOf computes what erasing would do. With lock it also keeps others from
// referring to the blobs until the transaction ends.
func planOf(c *op.Call, t targets, lock bool) (Plan, error) {
	x := &planner{c: c, seen: map[int64]bool{}, lists: map[string]bool{}, pieces: map[[32]byte]piece{}, lock: lock}
	x.p = Plan{Records: []Going{}, Entries: []Line{}, Kept: []Kept{}, Rests: []Rest{}, Holds: []Hold{}, Obstacles: []string{}, addresses: map[string]bool{}}
	for _, e := range t.Evidence {
		r, err := evidence.Find(c, e)
		if err != nil {
			return Plan{}, err
		}
		if !r.Erased.IsZero() {
			x.obstacle("%s was erased on %s by entry %d.", r.ID, r.Erased.Format("2 January 2006"), r.ErasedBy)
			continue
		}
		if err := x.entry(r.Entry, true); err != nil {
			return Plan{}, err
		}
	}
	for _, n := range t.Entries {
		if err := x.alone(n); err != nil {
			return Plan{}, err
		}
	}
	if err := x.spare(); err != nil {
		return Plan{}, err
	}
	x.count()
	var err error
	if x.p.Rests, err = restsOn(c, x.p.records); err != nil {
		return Plan{}, err
	}
	if x.p.Holds, err = holdsOn(c, x.p.records, len(x.p.Entries) > 0); err != nil {
		return Plan{}, err
	}
	x.p.Digest = x.digest()
	return x.p, nil
}

func (x *planner) obstacle(format string, args ...any) {
	x.p.Obstacles = append(x.p.Obstacles, fmt.Sprintf(format, args...))
}

// open reads an entry with what is kept of it; false when it hides nothing any
// more.
func (x *planner) open(index int64) (ledger.Row, map[string]string, error) {
	row, err := x.c.Ledger.Entry(x.c.Tx, x.c.Org, index)
	if err != nil {
		return row, nil, err
	}
	list, err := x.c.Ledger.Openings(x.c.Tx, x.c.Org, index, index+1)
	open := map[string]string{}
	for _, o := range list {
		open[o.Label] = o.Payload
	}
	return row, open, err
}

// said is a field of an entry's body.
func said(open map[string]string, field string) string {
	v, err := canon.ParseJSON([]byte(open[canon.LabelBody]))
	if err != nil {
		return ""
	}
	m, _ := v.(map[string]any)
	s, _ := m[field].(string)
	return s
}

// entry adds an entry, the record that it made and everything else that is the
// same bytes: a key cannot be destroyed for one of them alone.
func (x *planner) entry(index int64, asked bool) error {
	if x.seen[index] {
		for i := range x.p.Records {
			if x.p.Records[i].Entry == index {
				x.p.Records[i].Asked = x.p.Records[i].Asked || asked
			}
		}
		return nil
	}
	x.seen[index] = true
	row, open, err := x.open(index)
	if err != nil {
		return err
	}
	x.p.Entries = append(x.p.Entries, Line{Index: index, Kind: row.Kind, Recorded: row.Recorded, Op: said(open, "op"), Asked: asked})
	r, found, err := evidence.At(x.c, index)
	if err != nil {
		return err
	}
	if found {
		x.p.records = append(x.p.records, r)
		x.p.Records = append(x.p.Records, Going{ID: r.ID, Title: r.Title, Entry: index, Sealed: r.Sealed, Size: r.Size, Asked: asked})
	}
	content := open[canon.LabelContent]
	if content == "" {
		return nil
	}
	if err := x.content(content, said(open, "media_type") == canon.MediaTypeChunks); err != nil {
		return err
	}
	others, err := x.c.Ledger.Vouching(x.c.Tx, x.c.Org, content)
	if err != nil {
		return err
	}
	for _, n := range others {
		if err := x.entry(n, false); err != nil {
			return err
		}
	}
	return nil
}

// content adds the blob of an entry, and the pieces that it lists.
func (x *planner) content(content string, pieced bool) error {
	text, size, err := canon.ParseContent(content)
	if err != nil {
		return err
	}
	sum, err := canon.ParseDigest(text)
	if err != nil {
		return err
	}
	address, err := x.c.Vault.AddressOf(x.c, x.c.Org, sum)
	if err != nil || x.p.addresses[address] {
		return err
	}
	if err := x.take(address, size); err != nil || !pieced {
		return err
	}
	x.lists[address] = true
	list, err := x.list(address)
	if err != nil {
		return err
	}
	for _, k := range list {
		at, err := x.c.Vault.AddressOf(x.c, x.c.Org, k.SHA256)
		if err != nil {
			return err
		}
		if err := x.hold(at); err != nil {
			return err
		}
		x.pieces[k.SHA256] = piece{address: at, content: canon.Content(hex.EncodeToString(k.SHA256[:]), k.Size), size: k.Size}
	}
	return nil
}

func (x *planner) hold(address string) error {
	if !x.lock {
		return nil
	}
	_, err := x.c.Vault.Hold(x.c.Tx, x.c.Org, address)
	return err
}

func (x *planner) take(address string, size int64) error {
	x.p.addresses[address] = true
	x.p.Blobs++
	x.p.Size += size
	return x.hold(address)
}

// list reads a list of pieces; one that was erased has none.
func (x *planner) list(address string) (canon.Chunks, error) {
	data, err := x.c.Vault.Get(x.c, x.c.Org, address)
	if errors.Is(err, blob.ErrErased) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return canon.ParseChunks(data)
}

// spare takes the pieces that nothing else needs, and says who needs the rest.
func (x *planner) spare() error {
	if len(x.pieces) == 0 {
		return nil
	}
	lists, err := evidence.Pieced(x.c, canon.MediaTypeChunks)
	if err != nil {
		return err
	}
	drafts, err := listsOfPopulations(x.c)
	if err != nil {
		return err
	}
	needed := map[[32]byte]string{}
	count := func(sum [32]byte, by string) {
		if _, ours := x.pieces[sum]; ours && needed[sum] == "" {
			needed[sum] = by
		}
	}
	for _, address := range lists {
		if x.lists[address] {
			continue
		}
		list, err := x.list(address)
		if err != nil {
			return err
		}
		for _, k := range list {
			count(k.SHA256, address)
		}
	}
	for address, whose := range drafts {
		if x.lists[address] {
			continue
		}
		list, err := x.list(address)
		if err != nil {
			return err
		}
		for _, k := range list {
			count(k.SHA256, "population "+whose)
		}
	}
	for sum, p := range x.pieces {
		if needed[sum] != "" {
			continue
		}
		whole, err := x.c.Ledger.Vouching(x.c.Tx, x.c.Org, p.content)
		if err != nil {
			return err
		}
		if len(whole) > 0 && !x.p.addresses[p.address] {
			count(sum, "entry "+number(whole[0]))
		} else if !x.p.addresses[p.address] {
			if err := x.take(p.address, p.size); err != nil {
				return err
			}
		}
	}
	return x.keep(needed)
}

// keep says, of each list that needs pieces, which it is.
func (x *planner) keep(needed map[[32]byte]string) error {
	pieces := map[string]int{}
	for _, by := range needed {
		pieces[by]++
	}
	for by, n := range pieces {
		k := Kept{Pieces: n, Needed: by}
		if !strings.Contains(by, " ") { // an address
			list, err := evidence.Under(x.c, by)
			if err != nil {
				return err
			}
			if len(list) > 0 {
				k.Needed, k.Href = string(list[0].ID)+", "+list[0].Title, "/evidence/"+string(list[0].ID)
			}
			if len(list) > 1 {
				k.Needed += fmt.Sprintf(", and %d more of the same bytes", len(list)-1)
			}
		}
		x.p.Kept = append(x.p.Kept, k)
	}
	slices.SortFunc(x.p.Kept, func(a, b Kept) int { return strings.Compare(a.Needed, b.Needed) })
	return nil
}

// alone adds an entry that made no record, of which only the text goes.
func (x *planner) alone(index int64) error {
	row, open, err := x.open(index)
	if err != nil {
		return err
	}
	name := said(open, "op")
	switch r, found, err := evidence.At(x.c, index); {
	case err != nil:
		return err
	case found:
		x.obstacle("Entry %d recorded %s. Name the record.", index, r.ID)
		return nil
	}
	switch {
	case row.Kind != canon.KindOp:
		x.obstacle("Entry %d is of kind %s. Of entries that are no record of evidence, only those of kind op can be erased: others rest on the rest.", index, row.Kind)
	case len(open) == 0:
		x.obstacle("Entry %d hides nothing any more.", index)
	case strings.HasPrefix(name, "erasures.") || strings.HasPrefix(name, "holds.") || strings.HasPrefix(name, "retention."):
		x.obstacle("Entry %d is about erasing itself and is kept.", index)
	default:
		return x.entry(index, true)
	}
	return nil
}

// count puts what was found into order.
func (x *planner) count() {
	slices.SortFunc(x.p.Entries, func(a, b Line) int { return int(a.Index - b.Index) })
	slices.SortFunc(x.p.Records, func(a, b Going) int { return int(a.Entry - b.Entry) })
	slices.SortFunc(x.p.records, func(a, b evidence.Record) int { return int(a.Entry - b.Entry) })
}

func (x *planner) digest() string {
	var b strings.Builder
	for _, l := range x.p.Entries {
		fmt.Fprintln(&b, l.Index)
	}
	var list []string
	for a := range x.p.addresses {
		list = append(list, a)
	}
	slices.Sort(list)
	for _, a := range list {
		fmt.Fprintln(&b, a)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}

// refusal is why a plan cannot be carried out; nil when it can.
func (p Plan) refusal() error {
	if len(p.Obstacles) > 0 {
		return fault.Conflict("%s", strings.Join(p.Obstacles, " "))
	}
	if len(p.Holds) > 0 {
		var words []string
		for _, h := range p.Holds {
			words = append(words, fmt.Sprintf("%s, placed by %s on %s (%s)", h.ID, h.Placer, h.Placed.Format("2 January 2006"), h.Reason))
		}
		return fault.Conflict("A hold keeps this from being erased: %s. Ask %s whether it can be released.", strings.Join(words, "; "), p.Holds[0].Placer)
	}
	return nil
}
