package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
)

// readOpenings reads the openings that belong to one file of entries.
func (v *verification) readOpenings(l *log, k int64, leaves []entry) {
	name := openingsName(l.n, k)
	f := v.byName[name]
	if f == nil {
		return
	}
	if f.size == 0 {
		v.problem(name, "empty; a file without openings is left out")
	}
	v.passed(f.size)
	last := int64(-1)
	number := 0
	err := v.lines(f, func(line []byte) error {
		number++
		o, err := parseOpening(line)
		place := o.Index/perFile != k || o.Index <= last
		if err == nil && place {
			err = fmt.Errorf("entry %d is out of place", o.Index)
		}
		at := o.Index - k*perFile
		if err != nil {
			v.namesLost, v.openingsLost = true, true
			v.problem(name, "line %d: %v", number, err)
			if !place && at >= 0 && at < int64(len(leaves)) {
				v.report.Items[l.first+int(o.Index)].bad = "its opening cannot be read: " + err.Error()
			}
			return nil
		}
		last = o.Index
		if at >= int64(len(leaves)) {
			v.notInLog(l, o.Index)
			return nil
		}
		leaf := leaves[at].Leaf
		leaf.Commit = leaves[at].commits.Map()
		v.open(l, &v.report.Items[l.first+int(o.Index)], leaf, o)
		return nil
	})
	if err != nil {
		v.namesLost, v.openingsLost = true, true
		v.problem(name, "%v", err)
	}
}

// strayOpenings reports openings beyond the last file of entries.
func (v *verification) strayOpenings(l *log, files int64) {
	prefix := l.object("openings/")
	for i := range v.files {
		f := &v.files[i]
		if !strings.HasPrefix(f.name, prefix) || !known(f.name) || f.name < openingsName(l.n, files) {
			continue
		}
		v.problem(f.name, "there are no entries that it could belong to")
		err := v.lines(f, func(line []byte) error {
			o, err := parseOpening(line)
			if err == nil {
				v.notInLog(l, o.Index)
			}
			return err
		})
		if err != nil {
			v.problem(f.name, "%v", err)
		}
	}
}

func (v *verification) notInLog(l *log, index int64) {
	reason := "opened, but the log has no such entry"
	v.problem(l.place(index), "%s", reason)
	if v.problems <= maxProblems {
		v.strays = append(v.strays, Item{
			ID: l.place(index), Verdict: NotInLog, Log: l.n, Index: index, Bracket: Bracket{By: logClock}, Reason: reason,
		})
	}
}

// lines calls f with each line of a file and stops at the first error.
func (v *verification) lines(of *file, f func(line []byte) error) error {
	if need := int(min(of.size, MaxOpening)) + 1; v.reader == nil || v.reader.Size() < need {
		v.reader = bufio.NewReaderSize(nil, need)
	}
	r := v.reader
	r.Reset(io.NewSectionReader(v.src.r, of.content(), of.size))
	for {
		line, err := r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("a line has more than %d bytes", MaxOpening)
		}
		if err == io.EOF {
			return errors.New("the last line is not ended")
		}
		if err != nil {
			v.src.err = err
			return err
		}
		if err := f(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
}

// parseOpening reads a line of openings. Of one that is none, the index is what
// it says that it is about, or -1.
func parseOpening(line []byte) (o Opening, err error) {
	o.Index = -1
	tree, err := canon.ParseJSON(line)
	if err != nil {
		return o, err
	}
	m, _ := tree.(map[string]any)
	index, ok := m["index"].(int64)
	if !ok || index < 0 || len(m) != 2 || m["open"] == nil {
		return o, errOpening
	}
	o.Index = index
	o.Open, err = parseOpen(m["open"])
	return o, err
}

var errOpening = errors.New(`want {"index":…,"open":{label:{"payload":…,"r":64 lower-case hexadecimal characters}}}`)

func parseOpen(v any) (map[string]Opened, error) {
	bad := errOpening
	open, ok := v.(map[string]any)
	if !ok || len(open) == 0 {
		return nil, bad
	}
	out := make(map[string]Opened, len(open))
	for label, c := range open {
		m, _ := c.(map[string]any)
		payload, ok := m["payload"].(string)
		text, ok2 := m["r"].(string)
		r, err := canon.ParseDigest(text)
		if !ok || !ok2 || len(m) != 2 || err != nil {
			return nil, bad
		}
		out[label] = Opened{r, payload}
	}
	return out, nil
}

// said is what an opening shows of its entry.
type said struct {
	actor    string // id of who did it
	body     map[string]any
	bodySize int
	media    string
	sum      string // SHA-256 of the content; empty if none is opened
	size     int64
}

// chunked reports whether the content is a list of chunks.
func (s *said) chunked() bool { return s.media == canon.MediaTypeChunks }

// open checks an opening against the entry and takes from it what the entry is
// called, which blobs it names and whether it is a step of an examination.
func (v *verification) open(l *log, i *Item, leaf canon.Leaf, o Opening) {
	var s said
	fail := func(format string, args ...any) {
		v.namesLost = true
		i.bad = fmt.Sprintf(format, args...)
		v.problem(l.place(i.Index), "%s", i.bad)
	}
	i.opened, i.hidden = true, len(o.Open) < len(leaf.Commit)
	v.report.Counts.Opened++
	for _, label := range []string{canon.LabelActor, canon.LabelBody, canon.LabelContent} {
		c, ok := o.Open[label]
		if !ok {
			continue
		}
		want, ok := leaf.Commit[label]
		if !ok {
			continue
		}
		delete(o.Open, label)
		if canon.Commit(c.R, label, c.Payload) != want {
			fail("the opened %s is not what the entry commits to", label)
			v.openingsLost = true
			continue
		}
		var err error
		switch label {
		case canon.LabelActor:
			s.actor, err = readActor(c.Payload)
		case canon.LabelBody:
			err = s.readBody(c.Payload, i)
		case canon.LabelContent:
			s.sum, s.size, err = v.checkContent(i, c.Payload, s.chunked())
		}
		if err != nil {
			fail("%s: %v", label, err)
			v.openingsLost = v.openingsLost || label != canon.LabelContent
		}
	}
	for label := range o.Open {
		fail("opened with %+.40q, to which the entry does not commit", label)
		v.openingsLost = true
	}
	if v.alone {
		return
	}
	if leaf.Kind == canon.KindAnchor && s.body != nil && i.bad == "" {
		if err := v.addAnchor(l, i.Index, leaf, s); err != nil {
			fail("%v", err)
		}
	}
	if l.n == 1 && leaf.Kind == canon.KindErasure && i.bad == "" {
		v.exam.bury(leaf, s)
	}
	if s.body["step"] != nil {
		v.exam.collect(l, leaf, s)
	}
}

func object(payload string) (map[string]any, error) {
	tree, err := canon.ParseJSON([]byte(payload))
	m, ok := tree.(map[string]any)
	if err == nil && !ok {
		err = errors.New("not a JSON object")
	}
	return m, err
}

func readActor(payload string) (id string, err error) {
	m, err := object(payload)
	if err != nil {
		return "", err
	}
	for _, key := range []string{"id", "name", "via"} {
		if _, ok := m[key].(string); !ok || len(m) != 3 {
			return "", fmt.Errorf("an actor has id, name and via, each a text, and nothing else")
		}
	}
	id, _ = m["id"].(string)
	return id, nil
}

// idForm is narrow so that no identifier can look like another or steer a
// terminal.
var idForm = regexp.MustCompile(`^[!-~]{1,200}$`)

// readBody takes what was done and, if the entry is about a record, calls the
// item by its identifier.
func (s *said) readBody(payload string, i *Item) error {
	m, err := object(payload)
	if err != nil {
		return err
	}
	if op, _ := m["op"].(string); op == "" {
		return errors.New("a body names its operation, op")
	}
	if m["id"] != nil {
		id, _ := m["id"].(string)
		if !idForm.MatchString(id) {
			return errors.New("an id is 1 to 200 characters of printable ASCII without spaces")
		}
		i.ID = id
	}
	s.body, s.bodySize = m, len(payload)
	s.media, _ = m["media_type"].(string)
	return nil
}

// checkContent looks for the blob that an entry names and, if that is a list of
// chunks, for each of them.
func (v *verification) checkContent(i *Item, payload string, chunks bool) (sum string, size int64, err error) {
	sum, size, err = canon.ParseContent(payload)
	if err != nil {
		return "", 0, err
	}
	there, err := v.checkBlob(sum, size)
	if err != nil {
		return sum, size, err
	}
	if !there {
		// Whether that is allowed depends on later entries: see settleItems.
		i.missing = blobName(sum)
		return sum, size, nil
	}
	if !chunks {
		return sum, size, nil
	}
	list, ok := v.chunks[sum]
	if !ok {
		// Many entries may name one list: it is read once.
		list.missing, list.err = v.checkChunks(v.blob(sum))
		v.chunks[sum] = list
	}
	i.missing = list.missing
	return sum, size, list.err
}

// chunkList is what became of the blobs that a list of chunks names.
type chunkList struct {
	missing string // one that is not in the bundle
	err     error
}

func (v *verification) checkChunks(f *kept) (missing string, err error) {
	if f.size > canon.MaxChunks {
		return "", fmt.Errorf("a list of chunks has at most %d bytes", canon.MaxChunks)
	}
	list, err := canon.ParseChunks(v.src.at(f.at, f.size))
	if err != nil {
		v.namesLost = true
		return "", err
	}
	for _, c := range list {
		sum := fmt.Sprintf("%x", c.SHA256)
		there, wrong := v.checkBlob(sum, c.Size)
		if !there && wrong == nil && missing == "" {
			missing = blobName(sum)
		}
		if err == nil {
			err = wrong
		}
	}
	return missing, err
}

func (v *verification) checkBlob(sum string, size int64) (there bool, err error) {
	name := blobName(sum)
	f := v.blob(sum)
	if f == nil {
		return false, nil
	}
	f.named = true
	if f.bad || f.size != size {
		v.namesLost = v.namesLost || f.bad
		return false, fmt.Errorf("%s is not the content that the entry names", name)
	}
	return true, nil
}

// settleItems decides about missing content once the whole log is read.
func (v *verification) settleItems(l *log) {
	items := v.report.Items[l.first:]
	for n := range items {
		i := &items[n]
		if i.missing == "" || i.erased > 0 {
			continue
		}
		// A manifest that does not hold is a problem already; what it says about
		// the scope is not worth a thousand more.
		if v.manifest.scope == Selected || !v.manifestHolds {
			v.left++
			continue
		}
		i.bad = i.missing + " is missing, and no later entry erases this one"
		v.problem(l.place(i.Index), "%s", i.bad)
	}
}
