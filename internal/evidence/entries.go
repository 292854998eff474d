package evidence

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
)

// What can be asked of the log.
var (
	Entries  = op.Read("entries.list", "List the entries of the evidence log, newest first, or those since one of them in their order.", auth.LogRead, entries)
	EntryGet = op.Read("entries.get", "Show an entry with its proof.", auth.LogRead, entry)
	Receipt  = op.Read("entries.receipt", "Return the receipt of an entry: its inclusion proof under a signed head.", auth.LogRead, receipt)
	HeadGet  = op.Read("ledgers.get", "Show the log's name, key, size and newest signed head.", auth.LogRead, head)
	KeyList  = op.Read("ledgers.keys", "List every key that the log, and those it continues, ever had.", auth.LogRead, keyList)
	Verify   = op.Read("ledgers.verify", "Read the whole log back and compare every entry with what was signed.", auth.LogRead, verify)
)

// An Entry is a line of the log, with what it hides when that is kept.
type Entry struct {
	Index    int64      `json:"index"`
	Kind     canon.Kind `json:"kind"`
	Recorded time.Time  `json:"recorded"`
	Op       string     `json:"op,omitempty"`
	ID       string     `json:"id,omitempty"`
	Actor    string     `json:"actor,omitempty"`
	Via      string     `json:"via,omitempty"`
	Reason   string     `json:"reason,omitempty"` // why, where whoever did it said so
	// Leaf holds the exact bytes that are hashed; Body what they commit to.
	Leaf string         `json:"leaf,omitempty"`
	Body map[string]any `json:"body,omitempty"`
}

// entryText and entryCursor are the cursor of lists in log order.
func entryText(i int64) string { return strconv.FormatInt(i, 10) }

func entryCursor(s string) (int64, error) {
	if s == "" {
		return math.MaxInt64, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.Invalid("after", "want the value of next from the page before")
	}
	return n, nil
}

// EntryFilter narrows the list of entries.
type EntryFilter struct {
	Kind  string `json:"kind,omitempty" enum:"log,anchor,run,gap,evidence,population,sample,test,conclusion,signoff,erasure,op" doc:"Only entries of one kind."`
	About string `json:"about,omitempty" maxLength:"200" doc:"Only entries that mention an object, by its id or its code, such as CHG-01."`
	Also  string `json:"also,omitempty" maxLength:"200" doc:"Another name of the same object."`
	Since int64  `json:"since,omitempty" minimum:"0" doc:"Only entries from this number on, the oldest first."`
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

const countKind = "SELECT COUNT(*) FROM ledger_leaf WHERE org_id = ? AND kind = ?"

func entries(c *op.Call, in EntryFilter) (op.Page[Entry], error) {
	before, err := entryCursor(in.After)
	if err != nil {
		return op.Page[Entry]{}, err
	}
	n := op.Limit(in.Limit)
	if in.About != "" {
		if in.Kind != "" {
			return op.Page[Entry]{}, fault.Invalid("kind", "give a kind or an object, not both")
		}
		if in.Since > 0 {
			return op.Page[Entry]{}, fault.Invalid("since", "give the entry to begin with or an object, not both")
		}
		return about(c, in, before, n)
	}
	if in.Since > 0 {
		return onward(c, in, before, n)
	}
	rows, err := c.Ledger.Page(c.Tx, c.Org, canon.Kind(in.Kind), before, n+1)
	if err != nil {
		return op.Page[Entry]{}, err
	}
	h, err := c.Ledger.Head(c.Tx, c.Org)
	if err != nil {
		return op.Page[Entry]{}, err
	}
	total := h.Size
	if in.Kind != "" {
		if err := c.Tx.Row(countKind, []any{c.Org, in.Kind}, &total); err != nil {
			return op.Page[Entry]{}, err
		}
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		if out[i], err = opened(c, r); err != nil {
			return op.Page[Entry]{}, err
		}
		out[i].Leaf, out[i].Body = "", nil
	}
	return op.PageOf(out, n, total, func(e Entry) string { return entryText(e.Index) }), nil
}

// onward lists the entries from one on, in the order of the log.
func onward(c *op.Call, in EntryFilter, last int64, n int) (op.Page[Entry], error) {
	var none op.Page[Entry]
	h, err := c.Ledger.Head(c.Tx, c.Org)
	if err != nil {
		return none, err
	}
	from, kind := in.Since, canon.Kind(in.Kind)
	total := max(0, h.Size-from)
	if kind != "" && total > 0 {
		if total, err = c.Ledger.CountKind(c.Tx, c.Org, kind, from, h.Size); err != nil {
			return none, err
		}
	}
	if in.After != "" {
		from = max(from, last+1)
	}
	if from >= h.Size {
		return op.PageOf([]Entry{}, n, total, nil), nil
	}
	rows, err := c.Ledger.Onward(c.Tx, c.Org, kind, from, h.Size, n+1)
	if err != nil {
		return none, err
	}
	said := map[int64][]ledger.Opening{} // without a kind the entries stand side by side, and one reading has them all
	if kind == "" && len(rows) > 0 {
		openings, err := c.Ledger.Openings(c.Tx, c.Org, rows[0].Index, rows[len(rows)-1].Index+1)
		if err != nil {
			return none, err
		}
		for _, o := range openings {
			said[o.Index] = append(said[o.Index], o)
		}
	}
	out := make([]Entry, len(rows))
	for i, r := range rows {
		if kind == "" {
			out[i] = joined(r, said[r.Index])
		} else if out[i], err = opened(c, r); err != nil {
			return none, err
		}
		out[i].Leaf, out[i].Body = "", nil
	}
	return op.PageOf(out, n, total, func(e Entry) string { return entryText(e.Index) }), nil
}

// opened joins a leaf with the openings that are kept of it.
func opened(c *op.Call, r ledger.Row) (Entry, error) {
	openings, err := c.Ledger.Openings(c.Tx, c.Org, r.Index, r.Index+1)
	return joined(r, openings), err
}

func joined(r ledger.Row, openings []ledger.Opening) Entry {
	e := Entry{Index: r.Index, Kind: r.Kind, Recorded: r.Recorded, Leaf: string(r.Leaf)}
	for _, o := range openings {
		var m map[string]any
		if o.Label == canon.LabelContent || json.Unmarshal([]byte(o.Payload), &m) != nil {
			continue
		}
		switch o.Label {
		case canon.LabelBody:
			e.Body = m
			e.Op, _ = m["op"].(string)
			e.ID, _ = m["id"].(string)
			e.Reason = reason(m)
		case canon.LabelActor:
			e.Actor, _ = m["name"].(string)
			e.Via, _ = m["via"].(string)
		}
	}
	return e
}

// reason is why something was done, in the words of whoever did it.
func reason(body map[string]any) string {
	if s, ok := body["reason"].(string); ok {
		return s
	}
	input, _ := body["input"].(map[string]any)
	s, _ := input["reason"].(string)
	return s
}

const (
	mentions     = " FROM op_subject WHERE org_id = ? AND (subject = ? OR subject = ?)"
	selectAbout  = "SELECT entry" + mentions + " AND entry < ? GROUP BY entry ORDER BY entry DESC LIMIT ?"
	countMention = "SELECT COUNT(DISTINCT entry)" + mentions
)

// about lists the entries that mention an object, newest first.
func about(c *op.Call, in EntryFilter, before int64, n int) (op.Page[Entry], error) {
	also := in.Also
	if also == "" {
		also = in.About
	}
	var total int64
	if err := c.Tx.Row(countMention, []any{c.Org, in.About, also}, &total); err != nil {
		return op.Page[Entry]{}, err
	}
	at, err := db.Rows(c.Tx, selectAbout, []any{c.Org, in.About, also, before, n + 1}, func(scan func(...any) error, i *int64) error { return scan(i) })
	if err != nil {
		return op.Page[Entry]{}, err
	}
	out := make([]Entry, len(at))
	for i, index := range at {
		row, err := c.Ledger.Entry(c.Tx, c.Org, index)
		if err != nil {
			return op.Page[Entry]{}, err
		}
		if out[i], err = opened(c, row); err != nil {
			return op.Page[Entry]{}, err
		}
		out[i].Leaf, out[i].Body = "", nil
	}
	return op.PageOf(out, n, total, func(e Entry) string { return entryText(e.Index) }), nil
}

// EntryRef names an entry.
type EntryRef struct {
	ID int64 `json:"id" minimum:"0" doc:"The entry's index, from 0."`
}

// ProvenEntry is an entry with the path to the signed head.
type ProvenEntry struct {
	Entry
	LeafHash   string   `json:"leaf_hash"`
	Proof      []string `json:"proof,omitempty"`
	Checkpoint string   `json:"checkpoint,omitempty"`
	Size       int64    `json:"size"` // of the signed head; 0 while it waits
}

func entry(c *op.Call, in EntryRef) (ProvenEntry, error) {
	row, err := c.Ledger.Entry(c.Tx, c.Org, in.ID)
	if err != nil {
		return ProvenEntry{}, err
	}
	e, err := opened(c, row)
	if err != nil {
		return ProvenEntry{}, err
	}
	h := canon.LeafHash(row.Leaf)
	out := ProvenEntry{Entry: e, LeafHash: base64.StdEncoding.EncodeToString(h[:])}
	p, err := c.Ledger.Prove(c.Tx, c.Org, in.ID)
	if fault.KindOf(err) == fault.KindConflict {
		return out, nil // signed within the second
	}
	if err != nil {
		return ProvenEntry{}, err
	}
	for _, h := range p.Hashes {
		out.Proof = append(out.Proof, base64.StdEncoding.EncodeToString(h[:]))
	}
	out.Checkpoint, out.Size = string(p.Checkpoint.Note), p.Checkpoint.Size
	return out, nil
}

// Slip is a receipt in the C2SP tlog-proof form.
type Slip struct {
	Receipt string `json:"receipt"`
	Leaf    string `json:"leaf"`
}

func receipt(c *op.Call, in EntryRef) (Slip, error) {
	p, err := c.Ledger.Prove(c.Tx, c.Org, in.ID)
	if err != nil {
		return Slip{}, err
	}
	return Slip{p.Receipt(), string(p.Leaf)}, nil
}

// Head is the state of the log.
type Head struct {
	Origin     string    `json:"origin"`
	Key        string    `json:"key"`
	Demo       bool      `json:"demo,omitempty"`
	Base       int64     `json:"base,omitempty"` // entries of the logs that this one continues, counted in both sizes and not by the checkpoint
	Size       int64     `json:"size"`
	Root       string    `json:"root"`
	SignedSize int64     `json:"signed_size"`
	Signed     time.Time `json:"signed,omitzero"`
	Checkpoint string    `json:"checkpoint,omitempty"`
	ReadOnly   string    `json:"read_only,omitempty"`
}

func head(c *op.Call, _ op.None) (Head, error) { return HeadOf(c) }

// HeadOf returns the state of the log, for other reads.
func HeadOf(c *op.Call) (Head, error) {
	h, err := c.Ledger.Head(c.Tx, c.Org)
	if err != nil {
		return Head{}, err
	}
	return Head{Origin: h.Origin, Key: h.VKey, Demo: h.Demo, Base: h.Base, Size: h.Size, SignedSize: h.SignedSize(), Signed: h.Signed.Signed,
		Root: base64.StdEncoding.EncodeToString(h.Signed.Root[:]), Checkpoint: string(h.Signed.Note), ReadOnly: c.Ledger.Locked()}, nil
}

// LogKey is a key that signed, or signs, a log.
type LogKey struct {
	Key   string    `json:"key"`   // the vkey
	Entry int64     `json:"entry"` // the entry that brought it
	Since time.Time `json:"since"`
	Now   bool      `json:"now,omitempty"` // in force
}

func keyList(c *op.Call, _ op.None) (op.Page[LogKey], error) {
	logs, err := c.Ledger.Logs(c.Tx, c.Org)
	if err != nil {
		return op.Page[LogKey]{}, err
	}
	var out []LogKey
	for _, lg := range logs {
		for i, k := range slices.Backward(lg.Keys) {
			out = append(out, LogKey{Key: canon.VKey(lg.Origin, k.PublicKey), Entry: lg.Base + k.From, Since: k.Created, Now: lg == logs[0] && i == len(lg.Keys)-1})
		}
	}
	return op.Page[LogKey]{Items: out, Total: int64(len(out))}, nil
}

// Verdict is what reading the whole log back found.
type Verdict struct {
	Entries int64     `json:"entries"`
	At      time.Time `json:"at"`
	Took    int64     `json:"took_ms"`
}

func verify(c *op.Call, _ op.None) (Verdict, error) {
	n, err := c.Ledger.Audit(c, c.Org)
	return Verdict{Entries: n, At: c.Now, Took: c.Clock.Now().Sub(c.Now).Milliseconds()}, err
}
