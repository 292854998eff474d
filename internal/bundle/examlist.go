package bundle

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/sample"
)

// maxNamed is how many rows or items are named of one thing that is wrong with
// a list; the first ones say what happened.
const maxNamed = 5

// population is a list that the auditor asked for, with all its versions.
type population struct {
	id         string
	commits    []*step
	commitment string
	seals      []*seal
	reveals    []*step // draws, in the order of the file
}

// seal is one version of a list.
type seal struct {
	step       *step
	population *population
	version    int64
	commitment string
	digest     string
	period     string
	rows       int64
	whole      bool // its rows are what was sealed
	compared   bool // each row with its record in the extraction
	records    said // the extraction, if it is inside
	decisions  []decision
}

type decision struct {
	step *step
	word string
}

func (s *seal) String() string { return fmt.Sprintf("version %d", s.version) }

// at is the decision in force before an entry of the file.
func (s *seal) at(index int64) string {
	word := ""
	for _, d := range s.decisions {
		if d.step.index < index {
			word = d.word
		}
	}
	return word
}

// accepted reports whether a sample may be drawn from the list, or all of it
// tested, at an entry of the file.
func (s *seal) accepted(index int64) bool {
	word := s.at(index)
	return word == "complete" || word == "explained"
}

// checkLists evaluates the commitments to nonces and the sealed lists: E1, E2.
func (x *exam) checkLists() {
	for _, s := range x.steps {
		switch {
		case s.name == stepCommit:
			x.commit(s)
		case s.name == stepSeal:
			x.seal(s)
		}
	}
}

// commit is E1.
func (x *exam) commit(s *step) {
	p := x.populations[s.id]
	if p == nil {
		p = &population{id: s.id}
		x.populations[s.id] = p
		x.lists = append(x.lists, p)
	}
	p.commits = append(p.commits, s)
	if len(p.commits) > 1 {
		x.fault(s, "%s commits to a nonce for the same list already; with a choice of nonces the sample could be chosen", x.file.place(p.commits[0].index))
		return
	}
	x.read(s, func(f *fields) {
		f.str("population")
		p.commitment = f.digest("commitment")
	})
}

// seal is E2.
func (x *exam) seal(s *step) {
	k := &seal{step: s}
	records := int64(-1)
	ok := x.read(s, func(f *fields) {
		k.version, k.rows, records = f.num("version"), f.num("rows"), f.num("records")
		k.commitment, k.digest, k.period = f.digest("commitment"), f.digest("digest"), f.str("period")
	})
	x.seals[s.index] = k
	if !ok {
		return
	}
	p := x.populations[s.id]
	if p == nil {
		x.fault(s, "the engagement's file has no commitment to a nonce for this list")
		return
	}
	k.population = p
	if n := len(p.seals); n > 0 {
		before := p.seals[n-1]
		if k.version <= before.version {
			x.fault(s, "it is version %d, and %s is version %d already; a sealed list is not sealed again", k.version, before.step.log.place(before.step.index), before.version)
		}
		if !slices.Contains(s.supersedes, before.step.index) {
			x.fault(s, "it does not supersede %s, the version before, so that two lists would stand beside each other", before.step.log.place(before.step.index))
		}
	}
	p.seals = append(p.seals, k)
	index, answers := x.answered(s, x.file, "the commitment to the nonce for this list")
	switch {
	case answers && index != p.commits[0].index:
		x.fault(s, "it answers %s; the nonce for this list was committed to in %s, so nothing shows that the list was sealed after it", x.file.place(index), x.file.place(p.commits[0].index))
	case k.commitment != p.commitment:
		x.fault(s, "it names the commitment %.16s…, and %s commits to %.16s…", k.commitment, x.file.place(p.commits[0].index), p.commitment)
	}
	x.checkRows(k, x.extraction(k, records))
}

// extraction is what the rows were taken from; nil if that is not in the
// bundle.
func (x *exam) extraction(k *seal, records int64) *lineReader {
	i := x.entry(x.client, records)
	switch {
	case i == nil || records >= k.step.index:
		x.fault(k.step, "it names entry %d as what it was taken from, which does not come before it", records)
		return nil
	case i.erased > 0:
		return nil
	}
	e := x.reopen(x.client, records)
	if i.Kind != canon.KindEvidence || e.sum == "" {
		x.fault(k.step, "%s, from which it says it was taken, is not opened or is no evidence", x.client.place(records))
		return nil
	}
	r, err := x.lines(e.sum, e.chunked(), MaxOpening)
	if errors.Is(err, errNotInside) {
		return nil
	}
	if err != nil {
		x.fault(k.step, "the extraction, %s: %v", x.client.place(records), err)
		return nil
	}
	k.records = e
	return r
}

// reopen reads the opening of one entry again. It has been checked already.
func (x *exam) reopen(l *log, index int64) (s said) {
	f := x.v.byName[openingsName(l.n, index/perFile)]
	if f == nil {
		return s
	}
	x.v.lines(f, func(line []byte) error {
		o, err := parseOpening(line)
		if err != nil || o.Index < index {
			return err
		}
		if o.Index == index {
			s.sum, s.size, _ = canon.ParseContent(o.Open[canon.LabelContent].Payload)
			s.readBody(o.Open[canon.LabelBody].Payload, &Item{})
		}
		return io.EOF
	})
	return s
}

// entry is an entry of a log in the report; nil if the log has none.
func (x *exam) entry(l *log, index int64) *Item {
	if l == nil || index < 0 || index >= l.tree.Size() {
		return nil
	}
	return &x.v.report.Items[l.first+int(index)]
}

// checkRows reads a list once, beside the records it was taken from.
func (x *exam) checkRows(k *seal, records *lineReader) {
	s := k.step
	rows, err := x.lines(s.sum, s.chunked, sample.MaxRow)
	if s.sum == "" {
		err = errors.New("no rows are opened")
	}
	if err != nil {
		x.fault(s, "its rows: %v", err)
		return
	}
	d := sample.NewDigester()
	var tree canon.Tree
	wrong := 0
	for {
		line, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			x.fault(s, "its rows: %v", err)
			return
		}
		row, c, err := parseRow(line)
		if err == nil {
			err = d.Add(row)
		}
		if err != nil {
			x.fault(s, "row %d: %v", d.Count()+1, err)
			return
		}
		tree.Add(c[:])
		if records == nil || wrong > maxNamed {
			continue
		}
		if err := records.record(sample.ItemOf(row), c); err != nil {
			if wrong++; wrong > maxNamed {
				x.fault(s, "further rows are not what their records give")
			} else {
				x.fault(s, "row %d: %v", d.Count(), err)
			}
		}
	}
	if records != nil && wrong == 0 {
		if _, err := records.next(); err != io.EOF {
			x.fault(s, "the extraction has more records than the list has rows, %d", d.Count())
		} else {
			k.compared = true
		}
	}
	x.compareTotals(k, int64(d.Count()), d.Sum(), tree.Root())
	x.report.Rows += int64(d.Count())
}

func (x *exam) compareTotals(k *seal, rows int64, digest, root [32]byte) {
	s := k.step
	got := hex.EncodeToString(digest[:])
	switch {
	case rows != k.rows:
		x.fault(s, "it has %d rows and says %d", rows, k.rows)
	case s.items == nil || s.items.Count != rows || s.items.Root != root:
		x.fault(s, "its rows are not the items that its entry commits to")
	case got != k.digest:
		x.fault(s, "its rows have the digest %s, and it was sealed with %s", got, k.digest)
	default:
		k.whole = true
	}
}

// parseRow reads a line of a list: an item, a TAB and its commitment. The
// item's own form is for sample to judge.
func parseRow(line []byte) (row string, c [32]byte, err error) {
	_, second, _ := bytes.Cut(line, []byte("\t"))
	if len(second) == 2*len(c) {
		_, err = hex.Decode(c[:], second)
	}
	if err != nil || len(second) != 2*len(c) || slices.ContainsFunc(second, func(b byte) bool { return b >= 'A' && b <= 'F' }) {
		return "", c, fmt.Errorf("want an item, a TAB and its commitment, 64 lower-case hexadecimal characters; it is %s", shown(string(line)))
	}
	return string(line), c, nil
}

// parseRecord reads a line of an extraction: an item, the secret of its
// commitment and the record, with a TAB between. It returns the commitment.
func parseRecord(line []byte) (item string, c [32]byte, err error) {
	item, c, _, err = readRecord(line)
	return item, c, err
}

func readRecord(line []byte) (item string, c [32]byte, fields map[string]any, err error) {
	name, rest, ok := bytes.Cut(line, []byte("\t"))
	salt, record, ok2 := bytes.Cut(rest, []byte("\t"))
	r, err := canon.ParseDigest(string(salt))
	if !ok || !ok2 || err != nil {
		return "", c, nil, fmt.Errorf("want an item, a TAB, 64 lower-case hexadecimal characters, a TAB and a record; it is %s", shown(string(line)))
	}
	m, err := object(string(record))
	if err != nil {
		return "", c, nil, fmt.Errorf("the record of %s: %w", shown(string(name)), err)
	}
	item = string(name)
	fields, _ = m["fields"].(map[string]any)
	return item, canon.Commit(r, canon.LabelItem, canon.ItemRecord(item, record)), fields, nil
}

// stratum is the value of a field of the next record, as a stratum is named.
func (r *lineReader) stratum(item, field string) (string, error) {
	line, err := r.next()
	if err != nil {
		return "", fmt.Errorf("the extraction: %w", err)
	}
	name, _, fields, err := readRecord(line)
	if err == nil && name != item {
		err = fmt.Errorf("it has %s where the list has %s", shown(name), shown(item))
	}
	if err != nil {
		return "", fmt.Errorf("the extraction: %w", err)
	}
	value := fields[field]
	if text, ok := value.(string); ok {
		return strings.TrimSpace(text), nil
	}
	if value == nil {
		return "", nil
	}
	b, err := canon.JSON(value)
	return string(b), err
}

// record compares the next record of an extraction with a row.
func (r *lineReader) record(item string, want [32]byte) error {
	line, err := r.next()
	if err == io.EOF {
		return fmt.Errorf("the extraction ends before item %s", shown(item))
	}
	if err != nil {
		return fmt.Errorf("the extraction: %w", err)
	}
	name, c, err := parseRecord(line)
	switch {
	case err != nil:
		return fmt.Errorf("the extraction: %w", err)
	case name != item:
		return fmt.Errorf("the list has item %s where the extraction has %s", shown(item), shown(name))
	case c != want:
		return fmt.Errorf("item %s is not committed to the record that the extraction has of it", shown(item))
	}
	return nil
}

// checkDecisions is E3, as far as it is about the auditor's decision; what may
// follow one is judged where it follows.
func (x *exam) checkDecisions() {
	for _, s := range x.steps {
		if s.name != stepAccept {
			continue
		}
		var version int64
		var digest, word string
		if !x.read(s, func(f *fields) { version, digest, word = f.num("version"), f.digest("digest"), f.str("decision") }) {
			continue
		}
		k := x.sealOf(s, s.id, version, digest)
		if k == nil {
			continue
		}
		if word != "complete" && word != "explained" && word != "rejected" {
			x.fault(s, "its decision is %s; a decision is complete, explained or rejected", shown(word))
			continue
		}
		k.decisions = append(k.decisions, decision{s, word})
	}
}

// sealOf is the version of a list that a step answers; nil if it is not the one
// that the step speaks of.
func (x *exam) sealOf(s *step, id string, version int64, digest string) *seal {
	index, ok := x.answered(s, x.client, "the sealed list")
	if !ok {
		return nil
	}
	k := x.seals[index]
	switch {
	case k == nil || k.population == nil || k.step.id != id:
		x.fault(s, "it answers %s, which does not seal %s", x.client.place(index), x.called(id))
	case k.version != version:
		x.fault(s, "it speaks of version %d and answers %s, which is version %d", version, x.client.place(index), k.version)
	case k.digest != digest:
		x.fault(s, "it names the digest %.16s…, and the list in %s was sealed with %.16s…", digest, x.client.place(index), k.digest)
	default:
		return k
	}
	return nil
}

// replaced is the later version of a list that the file knew of at one of its
// entries; nil if there was none.
func (x *exam) replaced(k *seal, index int64) *seal {
	known := x.known(index)
	for _, o := range k.population.seals {
		if o.step.index > k.step.index && o.step.index < known {
			return o
		}
	}
	return nil
}

var errNotInside = errors.New("it is not in the bundle")

// lineReader reads the lines of a content from blob to blob.
type lineReader struct {
	v     *verification
	parts []chunk
	r     *bufio.Reader
	in    string // the blob that is being read
	left  int64  // lines it should still have; -1 if nobody says
	n     int64
}

type chunk struct {
	file  *kept
	count int64
}

// lines opens a content, which may be a list of chunks. No line is longer than
// most.
func (x *exam) lines(sum string, chunked bool, most int64) (*lineReader, error) {
	f := x.v.blob(sum)
	if f == nil {
		return nil, fmt.Errorf("%s: %w", blobName(sum), errNotInside)
	}
	r := &lineReader{v: x.v, left: -1}
	var size int64
	if !chunked {
		r.parts, size = []chunk{{f, -1}}, f.size
	} else {
		if f.size > canon.MaxChunks {
			return nil, fmt.Errorf("a list of chunks has at most %d bytes", canon.MaxChunks)
		}
		list, err := canon.ParseChunks(x.v.src.at(f.at, f.size))
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			f := x.v.blobs[c.SHA256]
			if f == nil {
				return nil, fmt.Errorf("%s: %w", blobName(hex.EncodeToString(c.SHA256[:])), errNotInside)
			}
			r.parts, size = append(r.parts, chunk{f, c.Count}), max(size, f.size)
		}
	}
	r.r = bufio.NewReaderSize(nil, int(max(16, min(size, most)+1)))
	return r, nil
}

// next returns the next line without its end, valid until the one after;
// io.EOF where the content ends.
func (r *lineReader) next() ([]byte, error) {
	for {
		if r.in != "" {
			line, err := r.r.ReadSlice('\n')
			switch {
			case err == nil && r.left == 0:
				return nil, fmt.Errorf("%s has more lines than the list of chunks says", r.in)
			case err == nil:
				if r.left > 0 {
					r.left--
				}
				r.n++
				return line[:len(line)-1], nil
			case errors.Is(err, bufio.ErrBufferFull):
				return nil, fmt.Errorf("%s, line %d of the content: longer than a line may be", r.in, r.n+1)
			case err != io.EOF:
				r.v.src.err = err
				return nil, err
			case len(line) > 0:
				return nil, fmt.Errorf("%s: the last line is not ended", r.in)
			case r.left > 0:
				return nil, fmt.Errorf("%s has %d lines fewer than the list of chunks says", r.in, r.left)
			}
		}
		if len(r.parts) == 0 {
			return nil, io.EOF
		}
		p := r.parts[0]
		r.parts, r.in, r.left = r.parts[1:], p.file.in, p.count
		r.r.Reset(io.NewSectionReader(r.v.src.r, p.file.at, p.file.size))
	}
}
