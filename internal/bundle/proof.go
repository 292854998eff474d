package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/tlog"
)

// Limits of a proof file.
const (
	MaxProof        = 2 << 20
	MaxCosignatures = 16
)

const proofTitle = "c2sp.org/tlog-proof@v1"

// A Proof shows that one entry is in a log.
type Proof struct {
	Index      int64
	Hashes     []tlog.Hash
	Checkpoint []byte // signed note with the log's signature
	// Cosignatures are lines as docs/ledger.md section 11 has them.
	Cosignatures []string

	Leaf        []byte // none makes a receipt
	First       []byte // leaf of entry 0; not for entry 0 itself
	FirstHashes []tlog.Hash
	Open        map[string]Opened // what the entry says; nil to keep that to oneself
}

// WriteProof writes the file of a proof. It refuses what VerifyProof could not
// read back.
func WriteProof(p Proof) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(proofTitle + "\n")
	if p.Leaf != nil {
		extra, err := p.extra()
		if err != nil {
			return nil, fmt.Errorf("proof: %w", err)
		}
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	for _, line := range p.Cosignatures {
		b.WriteString(line + "\n")
	}
	if b.Len() > MaxProof {
		return nil, fmt.Errorf("proof: %d bytes; a proof has at most %d, so leave the openings out", b.Len(), MaxProof)
	}
	if _, err := parseProof(b.Bytes()); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	return b.Bytes(), nil
}

func (p Proof) extra() ([]byte, error) {
	v := map[string]any{"leaf": string(p.Leaf)}
	if p.Index > 0 {
		hashes := []string{}
		for _, h := range p.FirstHashes {
			hashes = append(hashes, h.String())
		}
		v["first"] = map[string]any{"leaf": string(p.First), "proof": hashes}
	}
	if len(p.Open) > 0 {
		open := map[string]any{}
		for label, c := range p.Open {
			open[label] = map[string]string{"payload": c.Payload, "r": hex.EncodeToString(c.R[:])}
		}
		v["open"] = open
	}
	return canon.JSON(v)
}

// parseProof reads the form of a proof file: of each byte there is one
// possibility.
func parseProof(b []byte) (p Proof, err error) {
	if len(b) > MaxProof {
		return p, fmt.Errorf("%d bytes; a proof has at most %d", len(b), MaxProof)
	}
	head, tail, ok := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || lines[0] != proofTitle {
		return p, fmt.Errorf("want the line %s, then extra, index and hashes, an empty line, and a signed checkpoint", proofTitle)
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		extra, err := decode64(lines[0][len("extra "):])
		if err == nil {
			err = p.parseExtra(extra)
		}
		if err != nil {
			return p, fmt.Errorf("extra: %w", err)
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return p, errors.New("want a line with index and the entry's place")
	}
	dec := lines[0][len("index "):]
	if p.Index, err = strconv.ParseInt(dec, 10, 64); err != nil || p.Index < 0 || p.Index > canon.MaxInt || strconv.FormatInt(p.Index, 10) != dec {
		return p, errors.New("the index is not a number in plain decimal")
	}
	if p.Hashes, err = parseHashes(lines[1:]); err != nil {
		return p, err
	}
	if p.Leaf != nil && (p.First == nil) != (p.Index == 0) {
		return p, errors.New("extra: first is there if, and only if, the proof is of another entry than the first")
	}
	return p, p.parseNote(tail)
}

// maxPath is longer than the proof in any log that can be.
const maxPath = 64

func parseHashes(lines []string) ([]tlog.Hash, error) {
	if len(lines) > maxPath {
		return nil, fmt.Errorf("%d hashes; no proof has more than %d", len(lines), maxPath)
	}
	var out []tlog.Hash
	for _, line := range lines {
		h, err := decode64(line)
		if err != nil || len(h) != tlog.HashSize {
			return nil, errors.New("a hash is not 32 bytes in base64")
		}
		out = append(out, tlog.Hash(h))
	}
	return out, nil
}

// decode64 takes the one spelling that base64 has.
func decode64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return nil, errors.New("not base64")
	}
	return b, nil
}

// parseNote takes the log's signature line apart from those of witnesses.
func (p *Proof) parseNote(note string) error {
	text, sigs, ok := strings.Cut(note, "\n\n")
	first, rest, ended := strings.Cut(sigs, "\n")
	if !ok || !ended {
		return errors.New("the checkpoint is not a signed note")
	}
	p.Checkpoint = []byte(text + "\n\n" + first + "\n")
	if _, _, err := canon.PeekNote(p.Checkpoint); err != nil {
		return fmt.Errorf("the checkpoint: %w", err)
	}
	for rest != "" {
		var line string
		if line, rest, ended = strings.Cut(rest, "\n"); !ended {
			return errors.New("the last line is not ended")
		}
		if p.Cosignatures = append(p.Cosignatures, line); len(p.Cosignatures) > MaxCosignatures {
			return fmt.Errorf("more than %d cosignatures", MaxCosignatures)
		}
	}
	return nil
}

func (p *Proof) parseExtra(b []byte) error {
	bad := errors.New(`want {"first":{"leaf":…,"proof":[…]},"leaf":…,"open":{…}}`)
	m, err := object(string(b))
	if err != nil {
		return err
	}
	leaf, ok := m["leaf"].(string)
	if !ok {
		return bad
	}
	p.Leaf = []byte(leaf)
	delete(m, "leaf")
	if f, is := m["first"]; is {
		first, _ := f.(map[string]any)
		leaf, ok := first["leaf"].(string)
		list, ok2 := first["proof"].([]any)
		if !ok || !ok2 || len(first) != 2 {
			return bad
		}
		var lines []string
		for _, h := range list {
			s, ok := h.(string)
			if !ok {
				return bad
			}
			lines = append(lines, s)
		}
		p.First = []byte(leaf)
		if p.FirstHashes, err = parseHashes(lines); err != nil {
			return err
		}
		delete(m, "first")
	}
	if open, is := m["open"]; is {
		o, err := parseOpen(open)
		if err != nil {
			return err
		}
		p.Open = o
		delete(m, "open")
	}
	if len(m) > 0 {
		return bad
	}
	return nil
}

// VerifyProof checks the file of one entry's proof. Its report has the form of
// that of a bundle. The error is not about the proof: the file could not be
// read, or the options are unusable.
func VerifyProof(r io.Reader, o Options) (*Report, error) {
	v, err := newVerification(o)
	if err != nil {
		return nil, err
	}
	v.report.Scope = ProofOnly
	b, err := io.ReadAll(io.LimitReader(r, MaxProof+1))
	if err != nil {
		return nil, fmt.Errorf("reading the proof: %w", err)
	}
	w := &proving{verification: v, l: &log{}}
	v.logs = []*log{w.l}
	v.report.Counts.Files, v.report.Counts.Bytes, v.report.Counts.Logs = 1, int64(len(b)), 1
	if w.p, err = parseProof(b); err != nil {
		v.problem("proof", "%v", err)
		w.l.checkpointHolds = false
	} else if err := w.check(o); err != nil {
		return nil, err
	}
	w.concludeProof()
	return v.report, nil
}

// proving is one run of VerifyProof.
type proving struct {
	*verification
	p     Proof
	l     *log
	leaf  canon.Leaf
	first canon.Leaf
	by    string // earliest time of a trusted cosignature
	// content is the opened payload; unsigned says that there was no key to check
	// the signature with; compared, that the content given is the one opened.
	content            string
	unsigned, compared bool
}

func (w *proving) check(o Options) error {
	r := w.report
	i := Item{ID: w.l.place(w.p.Index), Index: w.p.Index, Bracket: Bracket{By: logClock}}
	r.Items = append(r.Items, i)
	w.checkLeaves()
	w.checkCheckpoint()
	w.checkPaths()
	w.checkCosignatures()
	if w.p.Leaf == nil {
		return nil
	}
	item := &r.Items[0]
	item.Kind, item.hidden = w.leaf.Kind, len(w.leaf.Commit) > 0
	if w.leaf.Kind != "" {
		item.Recorded = canon.FormatTime(w.leaf.Recorded)
	}
	r.Counts.Entries = 1
	w.content = w.p.Open[canon.LabelContent].Payload
	if w.p.Open != nil && w.leaf.Kind != "" {
		w.alone = true
		w.open(w.l, item, w.leaf, Opening{w.p.Index, w.p.Open})
	}
	return w.checkGiven(o, item)
}

// checkLeaves reads both leaves; where one is bad, what rests on it is left out.
func (w *proving) checkLeaves() {
	origin := ""
	if text, _, err := canon.PeekNote(w.p.Checkpoint); err == nil {
		origin, _, _ = strings.Cut(text, "\n")
	}
	parse := func(b []byte, index int64) (l canon.Leaf) {
		if b == nil {
			return l
		}
		l, err := canon.ParseLeaf(b)
		switch {
		case err != nil:
		case l.Index != index:
			err = fmt.Errorf("says that it is entry %d", l.Index)
		case l.Log != origin:
			err = fmt.Errorf("is of the log %s", l.Log)
		}
		if err != nil {
			w.problem(w.l.place(index), "%v", err)
			w.l.entriesHold = false
			return canon.Leaf{}
		}
		return l
	}
	w.l.entriesHold = true
	w.leaf = parse(w.p.Leaf, w.p.Index)
	if w.first = w.leaf; w.p.Index > 0 {
		w.first = parse(w.p.First, 0)
	}
	w.l.demo = w.first.Demo
}

// checkCheckpoint finds the key and checks the signature.
func (w *proving) checkCheckpoint() {
	text, origin, err := canon.PeekNote(w.p.Checkpoint)
	var c canon.Checkpoint
	if err == nil {
		c, err = canon.ParseCheckpoint(text)
	}
	if err == nil && c.Origin != origin {
		err = fmt.Errorf("of the log %s, and signed by %s", c.Origin, origin)
	}
	if err != nil {
		w.problem("checkpoint", "%v", err)
		return
	}
	w.l.origin, w.l.checkpoint = origin, c
	w.report.Origin, w.report.Size, w.report.Root = c.Origin, c.Size, c.Root.String()
	var keys []string
	for k := range w.keys {
		if o, _, _ := canon.ParseVKey(k); o == origin {
			keys = append(keys, k)
		} else {
			w.unused = append(w.unused, k)
		}
	}
	given := len(w.keys) > 0
	switch {
	case given && len(keys) == 0:
		w.problem("checkpoint", "signed by %s, of which you gave no key", origin)
		return
	case !given && w.first.Key != nil:
		keys = []string{canon.VKey(origin, w.first.Key)}
	case !given:
		w.unsigned = w.p.Leaf == nil
		w.l.checkpointHolds, w.l.keyHolds = w.unsigned, w.unsigned
		return
	}
	for _, k := range keys {
		v, bad := canon.NewVerifier(k)
		if err = bad; err == nil {
			_, err = canon.OpenNote(w.p.Checkpoint, v)
		}
		if err == nil {
			w.l.vkey, w.l.trusted, w.l.keyHolds, w.l.checkpointHolds = k, given, true, true
			w.report.Counts.VKey = k
			return
		}
	}
	if given {
		w.problem("checkpoint", "%v; a proof needs the key that signed it, since one entry cannot show the way from key to key", err)
	} else {
		w.problem("checkpoint", "%v; if the log has changed its key, the one that signed must be given", err)
	}
}

// checkPaths checks both inclusion proofs, or of a receipt the number of hashes.
func (w *proving) checkPaths() {
	c := w.l.checkpoint
	if c.Origin == "" {
		return
	}
	path := func(index int64, leaf []byte, hashes []tlog.Hash) {
		var err error
		switch {
		case index >= c.Size:
			err = fmt.Errorf("the log has no such entry: %d are signed for", c.Size)
		case len(hashes) != pathLength(index, c.Size):
			err = fmt.Errorf("%d hashes; the way to the root of %d entries has %d", len(hashes), c.Size, pathLength(index, c.Size))
		case leaf != nil:
			if tlog.CheckRecord(hashes, c.Size, c.Root, index, canon.LeafHash(leaf)) != nil {
				err = errors.New("the hashes do not lead from the leaf to the root that is signed")
			}
		}
		if err != nil {
			w.problem(w.l.place(index), "%v", err)
			w.l.entriesHold = false
		}
	}
	path(w.p.Index, w.p.Leaf, w.p.Hashes)
	if w.p.First != nil {
		path(0, w.p.First, w.p.FirstHashes)
	}
}

// pathLength is how many hashes lead from a leaf to the root.
func pathLength(index, size int64) int {
	n := 0
	for last := size - 1; last > 0; last >>= 1 {
		if index&1 == 1 || index < last {
			n++
		}
		index >>= 1
	}
	return n
}

// checkGiven compares the content that was given with the one that is opened.
func (w *proving) checkGiven(o Options, i *Item) error {
	if o.Content == nil {
		return nil
	}
	h := sha256.New()
	size, err := io.Copy(h, o.Content)
	if err != nil {
		return fmt.Errorf("reading the content: %w", err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	payload, opened := w.content, w.content != ""
	want := canon.Content(sum, size)
	switch {
	case !opened:
		i.bad = cmp.Or(i.bad, "a content was given, and the proof does not open one")
	case payload != want:
		i.bad = cmp.Or(i.bad, fmt.Sprintf("the content that was given has the SHA-256 %s and %d bytes, which is not what the entry commits to", sum, size))
	default:
		i.missing, w.compared = "", true
		return nil
	}
	w.problem(w.l.place(i.Index), "%s", i.bad)
	return nil
}
