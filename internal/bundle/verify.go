package bundle

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/stamp"
)

// Options of Verify.
type Options struct {
	// File is repeated in the report.
	File string
	// Keys are the keys of logs that the caller trusts, as canon.VKey writes
	// them. Without one a bundle is at best consistent.
	Keys []string
	// Policy names further keys, and witnesses whose cosignatures count; nil for
	// none.
	Policy *cosign.Policy
	// Roots are the certificates from which time-stamping authorities are trusted;
	// nil for none.
	Roots *stamp.Roots
	// Content is what the entry of a proof is said to be about; nil if only its
	// digest is known. Verify has no use for it.
	Content io.Reader
	// Progress is told how many bytes have been read; nil if nobody asks.
	Progress func(done, of int64)
}

// Verify checks a whole bundle, goes on after a problem, and reports all it
// finds. The error is not about the bundle: the file could not be read, or a
// key is not one.
func Verify(r io.ReaderAt, size int64, o Options) (*Report, error) {
	v, err := newVerification(o)
	if err != nil {
		return nil, err
	}
	v.src = source{r: r, size: size}
	v.progress = o.Progress
	v.run()
	if v.src.err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", v.src.err)
	}
	v.conclude()
	if o.Progress != nil {
		o.Progress(v.todo, v.todo)
	}
	return v.report, nil
}

func newVerification(o Options) (*verification, error) {
	v := &verification{
		policy: o.Policy, authorities: o.Roots,
		report: &Report{File: o.File, Items: []Item{}, Problems: []Problem{}},
		keys:   map[string]bool{},
		byName: map[string]*file{},
		listed: map[string]listed{},
		blobs:  map[[32]byte]*kept{},
		chunks: map[string]chunkList{},
	}
	v.exam.v = v
	for _, k := range o.Keys {
		if _, _, err := canon.ParseVKey(k); err != nil {
			return nil, fmt.Errorf("key %+q: %w", k, err)
		}
		v.keys[k] = true
	}
	if o.Policy != nil {
		for _, l := range o.Policy.Logs {
			v.keys[l.Key.String()] = true
		}
	}
	return v, nil
}

// verification is one run of Verify.
type verification struct {
	src      source
	report   *Report
	keys     map[string]bool // trusted
	unused   []string
	problems int

	files    []file
	byName   map[string]*file
	manifest manifest
	listed   map[string]listed // from the manifest; nil if that cannot be read
	logs     []*log
	blobs    map[[32]byte]*kept // by SHA-256
	chunks   map[string]chunkList
	left     int // entries whose content is not inside
	answers  []answer
	remote   []remoteErasure
	anchors  []anchor
	strays   []Item // opened and not in the log
	reader   *bufio.Reader
	leaves   []byte  // buffer for a file of entries
	batch    []entry // those of one file
	// namesLost is set when an opening or a list of chunks cannot be read, so
	// that the blobs they name are not taken for strangers as well.
	namesLost bool
	// openingsLost is set when an opening cannot be read, so that what it says
	// is not taken for left out as well.
	openingsLost bool
	exam         exam

	policy      *cosign.Policy
	authorities *stamp.Roots
	alone       bool // one entry is checked, without the log around it
	progress    func(done, of int64)
	done, todo  int64

	digested, manifestHolds bool
}

func (v *verification) run() {
	if v.src.size > MaxSize {
		v.problem("archive", "larger than %d bytes, which no version 1 bundle is", int64(MaxSize))
		return
	}
	if v.files = v.layout(); v.files == nil {
		return
	}
	v.names()
	v.readManifest()
	v.loadLogs()
	v.checkManifest()
	v.digest()
	v.compareTail()
	v.keepBlobs()
	v.readPacks()
	for _, l := range v.logs {
		v.readLog(l)
	}
	v.trust()
	v.checkAnswers()
	v.settleErasures()
	for _, l := range v.logs {
		v.settleItems(l)
	}
	v.checkAnchors()
	v.checkBlobs()
	v.exam.check()
	v.report.Items = append(v.report.Items, v.strays...)
}

// names checks what files there are, before any is read.
func (v *verification) names() {
	for i := range v.files {
		f := &v.files[i]
		if !known(f.name) {
			v.problem(display(f.name), "not the name of a file in a version 1 bundle")
		}
		if i > 0 && v.files[i-1].name >= f.name {
			v.problem(display(f.name), "out of place: names ascend and occur once")
		}
		if f.size > largest(f.name) {
			v.problem(display(f.name), "%d bytes; at most %d are allowed", f.size, largest(f.name))
		}
		v.byName[f.name] = f
		v.report.Counts.Bytes += f.size
		if strings.HasPrefix(f.name, "blobs/") {
			v.report.Counts.Blobs++
		}
	}
	v.report.Counts.Files = len(v.files)
	for _, name := range []string{nameReadme, nameSpec, nameManifest, logName(0, "checkpoint"), logName(0, "key"), entriesName(0, 0)} {
		if v.byName[name] == nil {
			v.problem(name, "missing")
		}
	}
}

// content reads a small file whole; nil if it is missing or too large, which
// names has said already.
func (v *verification) content(name string) []byte {
	f := v.byName[name]
	if f == nil || f.size > largest(name) {
		return nil
	}
	return v.src.at(f.member.content(), f.size)
}

// noteText is the text of a signed note, unchecked.
func (v *verification) noteText(m member) string {
	if m.size > maxManifest {
		return ""
	}
	text, _, _ := canon.PeekNote(v.src.at(m.content(), m.size))
	return text
}

// readManifest reads what the manifest says. Whether it is signed is seen
// later: the key is in a file whose damage the manifest helps to name.
func (v *verification) readManifest() {
	f := v.byName[nameManifest]
	if f == nil {
		v.listed = nil
		return
	}
	m, err := parseManifest(v.noteText(f.member))
	if err != nil {
		v.problem(nameManifest, "%v", err)
		v.listed = nil
		return
	}
	v.manifest = m
	v.report.Origin, v.report.Created, v.report.Scope = m.origin, canon.FormatTime(m.created), m.scope
	for _, l := range m.files {
		v.listed[l.name] = l
	}
}

// compareManifest compares a file's digest with the manifest and with the name.
func (v *verification) compareManifest(f *file) {
	if f.name == nameManifest {
		return
	}
	l, ok := v.listed[f.name]
	switch {
	case v.listed == nil:
	case !ok:
		v.problem(display(f.name), "not listed in the manifest")
	case l.sum != f.sum || l.size != f.size:
		v.problem(f.name, "SHA-256 %s and %d bytes, where the manifest says %s and %d", f.sum, f.size, l.sum, l.size)
		f.bad = true
	}
	if sum, ok := strings.CutPrefix(f.name, "blobs/"); ok && sum != f.sum {
		if !f.bad {
			v.problem(display(f.name), "its SHA-256 is %s, which is not its name", f.sum)
		}
		f.bad = true
	}
}

// checkManifest checks the signature under the manifest.
func (v *verification) checkManifest() {
	b := v.content(nameManifest)
	if b == nil || len(v.logs) == 0 || v.logs[0].key == nil {
		return // said already; manifestHolds stays false
	}
	l := v.logs[0]
	if _, err := canon.OpenNote(b, l.key); err != nil {
		v.problem(nameManifest, "%v", err)
		v.listed = nil // what it says of other files accuses nobody
		return
	}
	if v.listed == nil {
		return
	}
	if v.manifest.origin != l.key.Name() {
		v.problem(nameManifest, "it is about the log %s, and signed by %s", v.manifest.origin, l.key.Name())
		return
	}
	v.manifestHolds = true
	for _, f := range v.manifest.files {
		if v.byName[f.name] == nil {
			v.problem(f.name, "listed in the manifest and missing from the archive")
		}
	}
}

// checkBlobs refuses blobs that nothing opened names: they would seem to be
// evidence and prove nothing.
func (v *verification) checkBlobs() {
	if v.namesLost {
		return
	}
	var strangers []string
	for sum, b := range v.blobs {
		if b.named {
			continue
		}
		if name := blobName(hex.EncodeToString(sum[:])); b.in == name {
			strangers = append(strangers, name)
		} else {
			strangers = append(strangers, b.in+" "+name)
		}
	}
	slices.Sort(strangers)
	for _, s := range strangers {
		if in, name, packed := strings.Cut(s, " "); packed {
			v.problem(in, "no opened entry names this content: %s", name)
		} else {
			v.problem(in, "no opened entry names this content")
		}
	}
}
