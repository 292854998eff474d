package seal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
)

// rootHeader makes a key file recognisable, to people and to Load.
const rootHeader = "# Tickmark root key. Whoever reads this file can sign as this installation and read its evidence.\n"

// ringHeader stands before the second key of a ring.
const ringHeader = "# The key before it. It goes when tickmark key rotate, or revoke, has been finished.\n"

var text = base32.StdEncoding.WithPadding(base32.NoPadding)

// textLen is how long one key is in writing, without dashes.
var textLen = text.EncodedLen(size + 4)

// Root is the key everything else is derived from or wrapped by. While it is
// being changed it is a ring: the newest makes everything, and those before
// still open what they made.
type Root struct{ keys [][]byte }

// NewRoot makes a root key from the system's randomness.
func NewRoot() *Root {
	k := make([]byte, size)
	rand.Read(k)
	return &Root{[][]byte{k}}
}

// Each returns the keys of the ring one by one, the newest first.
func (r *Root) Each() []*Root {
	out := make([]*Root, len(r.keys))
	for i, k := range r.keys {
		out[i] = &Root{[][]byte{k}}
	}
	return out
}

// Newest is the ring without the keys before the newest.
func (r *Root) Newest() *Root { return &Root{r.keys[:1:1]} }

// Ring reports whether there are keys besides the newest.
func (r *Root) Ring() bool { return len(r.keys) > 1 }

// With is the ring with the keys of an older one behind its own.
func (r *Root) With(older *Root) *Root {
	out := &Root{bytesClone(r.keys)}
	for _, k := range older.keys {
		if !out.has(k) {
			out.keys = append(out.keys, k)
		}
	}
	return out
}

func (r *Root) has(key []byte) bool {
	for _, k := range r.keys {
		if bytes.Equal(k, key) {
			return true
		}
	}
	return false
}

// Equal reports whether two rings have the same keys in the same order.
func (r *Root) Equal(o *Root) bool {
	if len(r.keys) != len(o.keys) {
		return false
	}
	for i, k := range r.keys {
		if !bytes.Equal(k, o.keys[i]) {
			return false
		}
	}
	return true
}

func bytesClone(keys [][]byte) [][]byte { return append([][]byte{}, keys...) }

// ParseRoot reads a root key as people type it: the recovery copy.
func ParseRoot(s string) (*Root, error) {
	r, err := parseRoot([]byte(s))
	if err != nil {
		return nil, fault.Invalid("recovery", "this is not a recovery copy: it is %d groups of letters and digits, and the last are check digits; look for a mistyped or missing group", (textLen+5)/6).With(err)
	}
	return r, nil
}

// parseRoot accepts the file's form and the recovery copy's.
func parseRoot(b []byte) (*Root, error) {
	var s strings.Builder
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "#") {
			s.WriteString(strings.NewReplacer("-", "", " ", "", "\n", "", "\r", "").Replace(line))
		}
	}
	var r Root
	for rest := strings.ToUpper(s.String()); rest != "" || len(r.keys) == 0; {
		n := min(textLen, len(rest))
		k, err := text.DecodeString(rest[:n])
		if err != nil {
			return nil, err
		}
		if len(k) != size+4 || !bytes.Equal(k[size:], sum(k[:size])) {
			return nil, errors.New("length or check digits are wrong")
		}
		r.keys, rest = append(r.keys, k[:size:size]), rest[n:]
	}
	return &r, nil
}

// sum is four check bytes, so that a mistyped recovery copy is noticed.
func sum(k []byte) []byte {
	h := sha256.Sum256(append([]byte("tickmark/root/v1\n"), k...))
	return h[:4]
}

// Recovery is the newest key in a form people can write down.
func (r *Root) Recovery() string { return written(r.keys[0]) }

func written(key []byte) string {
	s := text.EncodeToString(append(bytes.Clone(key), sum(key)...))
	var parts []string
	for len(s) > 0 {
		n := min(6, len(s))
		parts, s = append(parts, s[:n]), s[n:]
	}
	return strings.Join(parts, "-")
}

// file is the ring in the form of its file.
func (r *Root) file() []byte {
	var b bytes.Buffer
	b.WriteString(rootHeader)
	for i, k := range r.keys {
		if i == 1 {
			b.WriteString(ringHeader)
		}
		b.WriteString(written(k) + "\n")
	}
	return b.Bytes()
}

// save makes the file appear whole and for good, or not at all: what it
// protects may be stored a moment later.
func (r *Root) save(path string) error {
	return write(path, r.file(), durable.Create) // which replaces nothing
}

// write places data, and makes the folders last that were made for it.
func write(path string, data []byte, place func(string, func(io.Writer) error) error) error {
	dir := filepath.Dir(path)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = place(path, durable.Bytes(data))
	}
	if err == nil {
		err = durable.SyncAbove(dir)
	}
	if err != nil {
		return fmt.Errorf("root key: %w", err)
	}
	return nil
}

// OpenRoot reads the root key in path, or makes one there when the file does
// not exist; made reports which.
func OpenRoot(path string) (r *Root, made bool, err error) {
	r, err = readRoot(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, false, err
	}
	r = NewRoot()
	err = r.save(path)
	if errors.Is(err, fs.ErrExist) { // another process was quicker; its key counts
		return OpenRoot(path)
	}
	return r, true, err
}

// readRoot reads a key file that nobody else may read.
func readRoot(path string) (*Root, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.Invalid("keys", "%s can be read by others (mode %04o): run chmod 600 %s, and think of who may have read it", path, info.Mode().Perm(), path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("root key: %w", err)
	}
	r, err := parseRoot(b)
	if err != nil {
		return nil, fault.Invalid("keys", "%s is not a Tickmark root key: restore the recovery copy that setup printed", path).With(err)
	}
	return r, nil
}
