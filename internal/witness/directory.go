package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/durable"
)

// directory is where a witness keeps its key, the newest head of each log, and
// what proves a log wrong.
type directory struct {
	path string
	lock *os.File
}

func openDirectory(path string) (*directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("directory of the witness: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("directory of the witness: %w", err)
	}
	// Two processes could each cosign what the other would refuse.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a descriptor is small
		return nil, errors.Join(fmt.Errorf("another witness runs in %s", path), f.Close())
	}
	return &directory{path, f}, nil
}

func (d *directory) close() error { return d.lock.Close() }

const (
	keyWords  = "# Key of a Tickmark witness. Whoever reads this file can cosign in its name.\n"
	keyPrefix = "PRIVATE+KEY+"
)

// key reads the witness's key, or makes one.
func (d *directory) key(name string) (cosign.Key, ed25519.PrivateKey, error) {
	path := filepath.Join(d.path, "key")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.newKey(path, name)
	}
	if err != nil {
		return cosign.Key{}, nil, err
	}
	bad := fmt.Errorf("%s is not the key of a witness; put back the file as it was", path)
	line, ok := strings.CutPrefix(string(b), keyWords+keyPrefix)
	name2, rest, ok2 := strings.Cut(strings.TrimSuffix(line, "\n"), "+")
	seed, err := base64.StdEncoding.DecodeString(rest)
	if !ok || !ok2 || err != nil || len(seed) != ed25519.SeedSize {
		return cosign.Key{}, nil, bad
	}
	if name != "" && name != name2 {
		return cosign.Key{}, nil, fmt.Errorf("the key in %s is that of %s: a witness keeps its name; give that one, or another directory", path, name2)
	}
	private := ed25519.NewKeyFromSeed(seed)
	k, err := cosign.WitnessKey(name2, private.Public().(ed25519.PublicKey))
	if err != nil {
		return cosign.Key{}, nil, errors.Join(bad, err)
	}
	return k, private, nil
}

func (d *directory) newKey(path, name string) (cosign.Key, ed25519.PrivateKey, error) {
	if heads, err := filepath.Glob(filepath.Join(d.path, "*"+headSuffix)); err != nil || len(heads) > 0 {
		return cosign.Key{}, nil, errors.Join(err, fmt.Errorf("%s remembers logs, but its key is gone; put back the file key", d.path))
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return cosign.Key{}, nil, err
	}
	if name == "" {
		sum := sha256.Sum256(public)
		name = "tickmark-witness/" + hex.EncodeToString(sum[:4])
	}
	k, err := cosign.WitnessKey(name, public)
	if err != nil {
		return cosign.Key{}, nil, err
	}
	return k, private, d.replace(path, []byte(keyWords+keyPrefix+name+"+"+base64.StdEncoding.EncodeToString(private.Seed())+"\n"))
}

const headSuffix = ".checkpoint"

func (d *directory) headPath(origin string) string {
	return filepath.Join(d.path, cosign.OriginHash(origin)+headSuffix)
}

// read returns the newest head of a log, nil if there is none.
func (d *directory) read(origin string) ([]byte, error) {
	b, err := os.ReadFile(d.headPath(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// write makes a head the newest one of its log and returns once it is on disk.
func (d *directory) write(origin string, b []byte) error { return d.replace(d.headPath(origin), b) }

// replace puts a file in the place of another as a whole.
func (d *directory) replace(path string, b []byte) error {
	return durable.Write(path, durable.Bytes(b))
}

// conflict keeps a proof under a name made from it; fresh if it was not there.
// Who can make a log sign anything could fill the disk, so their number is
// bounded.
func (d *directory) conflict(origin, proof string) (path string, fresh bool, err error) {
	sum := sha256.Sum256([]byte(proof))
	stem := "conflict-" + cosign.OriginHash(origin)[:16] + "-"
	path = filepath.Join(d.path, stem+hex.EncodeToString(sum[:8])+".txt")
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, []byte(proof)) {
		return path, false, nil
	}
	all, err := filepath.Glob(filepath.Join(d.path, stem+"*"))
	if err != nil {
		return "", true, err
	}
	if len(all) >= maxConflicts {
		return "", true, fmt.Errorf("there are %d of this log already", len(all))
	}
	return path, true, d.replace(path, []byte(proof))
}
