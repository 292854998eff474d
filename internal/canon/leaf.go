// Package canon is the bytes that everything else is proved from: how an entry
// of the log is written, how hidden text is committed to, how trees and
// checkpoints are formed. Nothing here may change for version 1: logs outlive
// programs.
package canon

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Limits of leaf profile 1.
const (
	MaxLeaf = 8192      // bytes of one leaf
	MaxInt  = 1<<53 - 1 // largest integer; the smallest is -MaxInt
)

// Kind says what a verifier has to know about an entry; everything more
// specific is committed to, not shown.
type Kind string

// The closed list of kinds.
const (
	KindLog        Kind = "log"        // the log itself: its first entry, its keys
	KindAnchor     Kind = "anchor"     // an outside witness of a checkpoint
	KindRun        Kind = "run"        // a collection or check that ran
	KindGap        Kind = "gap"        // a collection or check that should have run and did not
	KindEvidence   Kind = "evidence"   // a record of evidence
	KindPopulation Kind = "population" // a list from which a sample is drawn
	KindSample     Kind = "sample"     // what was drawn
	KindTest       Kind = "test"       // an auditor's test of an item
	KindConclusion Kind = "conclusion" // a judgement
	KindSignoff    Kind = "signoff"    // a person's signature under something
	KindErasure    Kind = "erasure"    // what earlier entries hid is destroyed
	KindOp         Kind = "op"         // every other operation
)

var kinds = []Kind{
	KindLog, KindAnchor, KindRun, KindGap, KindEvidence, KindPopulation,
	KindSample, KindTest, KindConclusion, KindSignoff, KindErasure, KindOp,
}

// Kinds lists every kind an entry can have.
func Kinds() []Kind { return slices.Clone(kinds) }

// Items commits to many things at once, each provable alone.
type Items struct {
	Count int64
	Root  [32]byte // see RootOf
}

// Answers names an entry of another log, with the checkpoint of that log which
// the writer had seen.
type Answers struct {
	Log   string // origin of the other log
	Index int64
	Note  []byte // the other log's signed checkpoint
}

// A Leaf is one entry of a log, as the log shows it to everybody.
type Leaf struct {
	Log        string // origin: see Origin
	Index      int64  // position in the log, from 0
	Recorded   time.Time
	Kind       Kind
	Commit     map[string][32]byte // label → Commit
	Items      *Items
	Supersedes []int64 // earlier entries this one replaces, ascending
	Erases     []int64 // earlier entries whose hidden text is destroyed, ascending
	Answers    *Answers
	// Key is an Ed25519 public key: in the first entry the log's first, in a later
	// one of kind log the one that takes its place.
	Key []byte
	// Signed goes with a later Key: the key before signs RotationText.
	Signed []byte
	Demo   bool // the clock of this log is not to be believed; first entry only
}

// RotationText is what the key in force signs to be replaced by another in the
// entry of this index.
func RotationText(origin string, index int64, next ed25519.PublicKey) string {
	return "tickmark/rotate/v1\n" + origin + "\n" + strconv.FormatInt(index, 10) + "\n" +
		base64.StdEncoding.EncodeToString(next) + "\n"
}

const recordedLayout = "2006-01-02T15:04:05.000Z"

// FormatTime writes an instant as leaves and manifests do.
func FormatTime(t time.Time) string {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.Format(recordedLayout)
	}
	// By hand, because a verifier writes millions.
	hour, minute, second := t.Clock()
	b := []byte("0000-00-00T00:00:00.000Z")
	put := func(end, n int) {
		for ; n > 0; n /= 10 {
			b[end] = '0' + byte(n%10)
			end--
		}
	}
	put(3, year)
	put(6, int(month))
	put(9, day)
	put(12, hour)
	put(15, minute)
	put(18, second)
	put(22, t.Nanosecond()/1e6)
	return string(b)
}

// ParseTime reads what FormatTime writes and nothing else.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(recordedLayout, s)
	if err != nil || t.Format(recordedLayout) != s || t.Year() < 1970 {
		return time.Time{}, fmt.Errorf("%s is not a time of the form 2026-11-21T23:05:02.123Z", quote(s))
	}
	return t, nil
}

// Encode writes the leaf in profile 1. It refuses a leaf that ParseLeaf would.
func (l Leaf) Encode() ([]byte, error) {
	if err := l.validate(); err != nil {
		return nil, fmt.Errorf("leaf %d: %w", l.Index, err)
	}
	b := l.encode()
	if len(b) > MaxLeaf {
		return nil, fmt.Errorf("leaf %d: %d bytes; a leaf has at most %d", l.Index, len(b), MaxLeaf)
	}
	return b, nil
}

func (l Leaf) encode() []byte {
	b := make([]byte, 0, 512)
	b = append(b, '{')
	if l.Answers != nil {
		b = append(b, `"answers":{"index":`...)
		b = strconv.AppendInt(b, l.Answers.Index, 10)
		b = append(b, `,"log":"`...)
		b = append(b, l.Answers.Log...)
		b = append(b, `","note":"`...)
		b = base64.StdEncoding.AppendEncode(b, l.Answers.Note)
		b = append(b, `"},`...)
	}
	if len(l.Commit) > 0 {
		b = append(b, `"commit":{`...)
		sep := ""
		for _, label := range labels {
			if c, ok := l.Commit[label]; ok {
				b = append(b, sep+`"`+label+`":"`...)
				b = hex.AppendEncode(b, c[:])
				b = append(b, '"')
				sep = ","
			}
		}
		b = append(b, `},`...)
	}
	if l.Demo {
		b = append(b, `"demo":true,`...)
	}
	b = appendIndices(b, "erases", l.Erases)
	b = append(b, `"index":`...)
	b = strconv.AppendInt(b, l.Index, 10)
	if l.Items != nil {
		b = append(b, `,"items":{"count":`...)
		b = strconv.AppendInt(b, l.Items.Count, 10)
		b = append(b, `,"root":"`...)
		b = hex.AppendEncode(b, l.Items.Root[:])
		b = append(b, `"}`...)
	}
	if l.Key != nil {
		b = append(b, `,"key":"`...)
		b = base64.StdEncoding.AppendEncode(b, l.Key)
		b = append(b, '"')
	}
	b = append(b, `,"kind":"`+string(l.Kind)+`","log":"`+l.Log+`","recorded":"`...)
	b = append(b, FormatTime(l.Recorded)+`",`...)
	if l.Signed != nil {
		b = append(b, `"signed":"`...)
		b = base64.StdEncoding.AppendEncode(b, l.Signed)
		b = append(b, `",`...)
	}
	b = appendIndices(b, "supersedes", l.Supersedes)
	return append(b, `"v":1}`...)
}

func appendIndices(b []byte, key string, list []int64) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, `"`+key+`":[`...)
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return append(b, `],`...)
}

func (l Leaf) validate() error {
	if l.Index < 0 || l.Index > MaxInt {
		return fmt.Errorf("index %d: an index is between 0 and %d", l.Index, int64(MaxInt))
	}
	digest, epoch, err := ParseOrigin(l.Log)
	if err != nil {
		return err
	}
	if !slices.Contains(kinds, l.Kind) {
		return fmt.Errorf("kind %s: a kind is one of %v", quote(string(l.Kind)), kinds)
	}
	if l.Recorded.Nanosecond()%1e6 != 0 {
		return errors.New("recorded: a time has whole milliseconds")
	}
	if year := l.Recorded.UTC().Year(); year < 1970 || year > 9999 {
		return fmt.Errorf("recorded: the year %d is not between 1970 and 9999", year)
	}
	for label := range l.Commit {
		if !slices.Contains(labels, label) {
			return fmt.Errorf("commit: label %s: a label is one of %v", quote(label), labels)
		}
	}
	if l.Items != nil {
		if l.Items.Count < 0 || l.Items.Count > MaxInt {
			return fmt.Errorf("items: count %d: a count is between 0 and %d", l.Items.Count, int64(MaxInt))
		}
		if l.Items.Count == 0 && l.Items.Root != emptyRoot {
			return errors.New("items: the root of no items is the SHA-256 of nothing")
		}
	}
	if err := l.validateIndices("supersedes", l.Supersedes); err != nil {
		return err
	}
	if err := l.validateIndices("erases", l.Erases); err != nil {
		return err
	}
	switch {
	case l.Kind != KindErasure && len(l.Erases) > 0:
		return errors.New("erases: only an entry of kind erasure erases")
	case l.Kind == KindErasure && (len(l.Erases) > 0) == (l.Answers != nil):
		return errors.New("an entry of kind erasure names what it erases: in its own log by erases, or in a log that this one continues by answers")
	}
	if err := l.validateAnswers(); err != nil {
		return err
	}
	if l.Index == 0 {
		return l.validateGenesis(digest, epoch)
	}
	return l.validateRotation()
}

func (l Leaf) validateIndices(field string, list []int64) error {
	last := int64(-1)
	for _, n := range list {
		if n <= last || n >= l.Index {
			return fmt.Errorf("%s: %d: indices ascend and lie before the entry's own", field, n)
		}
		last = n
	}
	return nil
}

func (l Leaf) validateAnswers() error {
	a := l.Answers
	if a == nil {
		return nil
	}
	if a.Log == l.Log {
		return errors.New("answers: an entry answers another log, not its own")
	}
	if _, _, err := ParseOrigin(a.Log); err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	n, err := splitNote(a.Note)
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	c, err := ParseCheckpoint(n.text)
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	if c.Origin != a.Log || n.name != a.Log {
		return errors.New("answers: the checkpoint is of another log than the one named")
	}
	if a.Index < 0 || a.Index >= c.Size {
		return fmt.Errorf("answers: index %d is not in a log of %d entries", a.Index, c.Size)
	}
	return nil
}

// validateRotation looks at the form; only who has read the entries before
// knows the key that must have signed.
func (l Leaf) validateRotation() error {
	switch {
	case l.Demo:
		return errors.New("demo belongs to the first entry")
	case l.Key == nil && l.Signed == nil:
		return nil
	case l.Kind != KindLog:
		return fmt.Errorf("key and signed belong to an entry of kind log, not %s", l.Kind)
	case len(l.Key) != ed25519.PublicKeySize || len(l.Signed) != ed25519.SignatureSize:
		return errors.New("an entry that changes the key holds the new one, 32 bytes, and in signed the signature of the one before, 64 bytes")
	}
	return nil
}

func (l Leaf) validateGenesis(digest string, epoch int) error {
	if l.Signed != nil {
		return errors.New("signed: before the first entry there is no key that could sign")
	}
	if l.Kind != KindLog {
		return fmt.Errorf("the first entry of a log has kind log, not %s", l.Kind)
	}
	if len(l.Key) != ed25519.PublicKeySize {
		return errors.New("key: the first entry holds the log's Ed25519 public key, 32 bytes")
	}
	if l.Log != Origin(l.Key, epoch) {
		return fmt.Errorf("log: the origin %s is not that of the key", digest)
	}
	if l.Answers == nil {
		return nil
	}
	if _, before, err := ParseOrigin(l.Answers.Log); err != nil || epoch != before+1 {
		return fmt.Errorf("log: it continues %s, so its epoch is %d, not %d", l.Answers.Log, before+1, epoch)
	}
	return nil
}

// ParseLeaf reads a leaf of profile 1 and refuses every other text. A verifier
// hashes the bytes before it comes here.
func ParseLeaf(b []byte) (Leaf, error) {
	if len(b) > MaxLeaf {
		return Leaf{}, fmt.Errorf("leaf: %d bytes; a leaf has at most %d", len(b), MaxLeaf)
	}
	for i, c := range b {
		// No field of version 1 can hold anything else, so that escapes, Unicode
		// and its look-alikes need no rules of their own.
		if c < 0x20 || c > 0x7e || c == '\\' {
			return Leaf{}, fmt.Errorf("leaf: byte %d is %#02x; a leaf is printable ASCII without a backslash", i, c)
		}
	}
	v, err := ParseJSON(b)
	if err != nil {
		return Leaf{}, fmt.Errorf("leaf: %w", err)
	}
	r := reader{}
	l := r.leaf(v)
	if r.err != nil {
		return Leaf{}, fmt.Errorf("leaf: %w", r.err)
	}
	out, err := l.Encode()
	if err != nil {
		return Leaf{}, err
	}
	// Whatever the readers above let through, only one text is this leaf.
	if !bytes.Equal(out, b) {
		return Leaf{}, fmt.Errorf("leaf %d: not in the form of profile 1", l.Index)
	}
	return l, nil
}
