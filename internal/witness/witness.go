// Package witness is a second pair of eyes on logs (C2SP tlog-witness). It
// remembers the newest checkpoint of each log it was told about, cosigns one
// that continues it, and refuses any other: so a log cannot show two people
// two histories without one of them finding out. It needs nothing of Tickmark
// but a directory of its own.
package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/cosign"
)

// Limits of what a log may send.
const (
	maxRequest    = 128 << 10 // bytes
	maxCheckpoint = 64 << 10
	maxProof      = 63 // hashes
	maxConflicts  = 100
)

// A Witness watches some logs.
type Witness struct {
	key     cosign.Key
	private ed25519.PrivateKey
	dir     *directory
	now     func() time.Time
	alarm   func(path, proof string)

	mu   sync.Mutex // one request at a time changes what is remembered
	logs map[string]*watched
}

// watched is a log by its origin.
type watched struct {
	origin string
	keys   []note.Verifier
	head   head
}

// A head is a checkpoint as its log signed it.
type head struct {
	size int64
	root tlog.Hash
	text string
	note string // with the log's signature line, and ours if we cosigned it
}

// Config says what a witness does.
type Config struct {
	Dir  string   // holds the key and what is remembered
	Name string   // of the key, when it is made; its own if empty
	Logs []string // vkeys; several of one origin if its key changed
	Now  func() time.Time
	// Alarm is told of a log that contradicts itself: the file that proves it,
	// and what it says.
	Alarm func(path, proof string)
}

// Open starts a witness in a directory, which it makes when it is new. Nobody
// else may have it open.
func Open(c Config) (*Witness, error) {
	if len(c.Logs) == 0 {
		return nil, errors.New("a witness watches at least one log: give its key, as tickmark key prints it")
	}
	w := &Witness{now: c.Now, alarm: c.Alarm, logs: map[string]*watched{}}
	if w.now == nil {
		w.now = clock.System().Now
	}
	if w.alarm == nil {
		w.alarm = func(string, string) {}
	}
	for _, s := range c.Logs {
		k, err := cosign.ParseLogKey(s)
		if err != nil {
			return nil, err
		}
		v, err := note.NewVerifier(s)
		if err != nil {
			return nil, fmt.Errorf("log %s: %w", k.Name, err)
		}
		l := w.logs[k.Name]
		if l == nil {
			l = &watched{origin: k.Name}
			w.logs[k.Name] = l
		}
		l.keys = append(l.keys, v)
	}
	var err error
	if w.dir, err = openDirectory(c.Dir); err != nil {
		return nil, err
	}
	if err := w.recall(c.Name); err != nil {
		return nil, errors.Join(err, w.dir.close())
	}
	return w, nil
}

// recall reads the key and the newest head of every log. One that cannot be
// read is an error: to begin anew would be to forget.
func (w *Witness) recall(name string) (err error) {
	if w.key, w.private, err = w.dir.key(name); err != nil {
		return err
	}
	for _, l := range w.logs {
		b, err := w.dir.read(l.origin)
		if err != nil || b == nil {
			if err != nil {
				return err
			}
			continue
		}
		h, err := l.open(b)
		if err == nil {
			err = w.mine(h)
		}
		if err != nil {
			return fmt.Errorf("%s is not what this witness wrote: %w. Put back the file as it was; without it the witness would forget what it has seen", w.dir.headPath(l.origin), err)
		}
		l.head = h
	}
	return nil
}

// mine checks that a head from the directory carries our own cosignature.
func (w *Witness) mine(h head) error {
	_, lines, _ := cutNote(h.note)
	for line := range strings.Lines(lines) {
		c, err := cosign.ParseLine(strings.TrimSuffix(line, "\n"))
		if err == nil && c.By(w.key) {
			return c.Verify(w.key, h.text)
		}
	}
	return errors.New("it is not cosigned by this witness's key")
}

// Close lets another process have the directory.
func (w *Witness) Close() error { return w.dir.close() }

// Key is the witness's key: its String is what others put into their policy.
func (w *Witness) Key() cosign.Key { return w.key }

// Origins are the logs watched, in order of their names.
func (w *Witness) Origins() []string {
	var out []string
	for o := range w.logs {
		out = append(out, o)
	}
	slices.Sort(out)
	return out
}

// open checks a checkpoint's signature by a key we know for its origin.
func (l *watched) open(signed []byte) (head, error) {
	n, err := note.Open(signed, note.VerifierList(l.keys...))
	if err != nil {
		return head{}, err
	}
	h, err := parse(n.Text)
	if err != nil {
		return head{}, err
	}
	if h.origin != l.origin {
		return head{}, fmt.Errorf("it is a checkpoint of %s", h.origin)
	}
	return head{h.size, h.root, n.Text, string(signed)}, nil
}

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// parse reads the text of any log's checkpoint (C2SP tlog-checkpoint); lines
// behind the third are the log's own.
func parse(text string) (checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return checkpoint{}, errors.New("want a checkpoint: origin, size and root, a line each")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, errors.New("the second line of a checkpoint is its size, a decimal")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return checkpoint{}, errors.New("the third line of a checkpoint is its root, 32 bytes in base64")
	}
	return checkpoint{lines[0], size, tlog.Hash(root)}, nil
}

// cutNote separates a note's text from its signature lines.
func cutNote(s string) (text, lines string, ok bool) {
	at := strings.LastIndex(s, "\n\n")
	if at < 0 {
		return "", "", false
	}
	return s[:at+1], s[at+2:], true
}

// A refusal is an answer other than 200.
type refusal struct {
	code int
	text string
	size int64 // with 409: how large the newest cosigned checkpoint is
}

func (r *refusal) Error() string { return r.text }

func refuse(code int, format string, args ...any) error {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

// request is what a log asks for.
type request struct {
	old        int64
	proof      tlog.TreeProof
	origin     string
	checkpoint []byte
}

func parseRequest(body []byte) (request, error) {
	const want = "want: old SIZE, the consistency proof, a hash a line, an empty line, and a signed checkpoint"
	top, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok || len(signed) == 0 || len(signed) > maxCheckpoint {
		return request{}, refuse(400, want)
	}
	lines := strings.Split(string(top), "\n")
	number, ok := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != number || len(lines)-1 > maxProof {
		return request{}, refuse(400, want)
	}
	r := request{old: old, checkpoint: signed}
	for _, line := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != tlog.HashSize || base64.StdEncoding.EncodeToString(h) != line {
			return request{}, refuse(400, want)
		}
		r.proof = append(r.proof, tlog.Hash(h))
	}
	text, _, ok := cutNote(string(signed))
	if !ok {
		return request{}, refuse(400, want)
	}
	c, err := parse(text)
	if err != nil {
		return request{}, refuse(400, "%s", err)
	}
	r.origin = c.origin
	return r, nil
}

// Add answers a log that wants its newest checkpoint cosigned. What it returns
// is on disk before anybody sees it.
func (w *Witness) Add(body []byte) (line string, err error) {
	r, err := parseRequest(body)
	if err != nil {
		return "", err
	}
	l := w.logs[r.origin]
	if l == nil {
		return "", refuse(404, "this witness does not watch %s", r.origin)
	}
	h, err := l.open(r.checkpoint)
	if err != nil {
		return "", refuse(403, "not signed with a key that this witness knows for %s: %s", r.origin, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.follows(l, r, h); err != nil {
		return "", err
	}
	line, err = cosign.Sign(w.key, w.private, h.text, w.now())
	if err != nil {
		return "", err
	}
	h.note = l.bare(h) + line + "\n"
	if err := w.dir.write(l.origin, []byte(h.note)); err != nil {
		return "", err
	}
	l.head = h
	return line + "\n", nil
}

// bare is a head with the signature lines of its log only.
func (l *watched) bare(h head) string {
	text, lines, _ := cutNote(h.note)
	out := text + "\n"
	for line := range strings.Lines(lines) {
		for _, v := range l.keys {
			if strings.HasPrefix(line, "— "+v.Name()+" ") {
				if _, err := note.Open([]byte(text+"\n"+line), note.VerifierList(v)); err == nil {
					out += line
				}
			}
		}
	}
	return out
}

// follows checks that a signed head continues the one remembered, in the order
// in which the protocol names the answers.
func (w *Witness) follows(l *watched, r request, h head) error {
	was := l.head
	if h.size == was.size && was.note != "" && h.root != was.root {
		w.accuse(l, h, fmt.Sprintf("Both have %d entries, and their roots differ: the log has shown two histories.", h.size))
		if r.old == was.size {
			return refuse(422, "another checkpoint of %d entries was cosigned before; both are kept", h.size)
		}
	}
	switch {
	case r.old > h.size:
		return refuse(400, "old is %d, beyond the checkpoint's own size, %d", r.old, h.size)
	case r.old != was.size:
		return &refusal{409, "", was.size}
	case h.size == 0 && h.root != tlog.Hash(sha256.Sum256(nil)):
		return refuse(422, "the root of no entries is the SHA-256 of nothing")
	case r.old == 0 && len(r.proof) > 0:
		return refuse(422, "from 0 no proof is needed, and none is wanted")
	case r.old == 0:
		return nil
	}
	if err := tlog.CheckTree(r.proof, h.size, h.root, was.size, was.root); err != nil {
		if h.size > was.size {
			w.accuse(l, h, fmt.Sprintf("The second was to continue the first, but the proof that came with it does not hold.\n"+
				"Ask the log's owner for one that does (RFC 6962, section 2.1.2, from %d to %d). If there is none, it has rewritten history.", was.size, h.size))
		}
		return refuse(422, "the proof does not show that %d entries continue the %d cosigned before", h.size, was.size)
	}
	return nil
}

// accuse keeps two signed heads of one log that do not fit together.
func (w *Witness) accuse(l *watched, other head, says string) {
	proof := fmt.Sprintf("Two checkpoints of the log\n%s\nboth signed with its key, seen by the witness\n%s\n\n%s\n\n"+
		"The first, which this witness cosigned:\n\n%s\nThe second, which it refused:\n\n%s",
		l.origin, w.key, says, l.head.note, l.bare(other))
	path, fresh, err := w.dir.conflict(l.origin, proof)
	if err != nil {
		path = "not written: " + err.Error()
	}
	if fresh {
		w.alarm(path, proof)
	}
}

// Newest is the newest checkpoint cosigned of a log, by the hash of its origin.
func (w *Witness) Newest(hash string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.logs {
		if cosign.OriginHash(l.origin) == hash && l.head.note != "" {
			return l.head.note, true
		}
	}
	return "", false
}
