package canon

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Origin is the name of a log. It is derived from the key in the log's first
// entry, so that nobody else can take it; the epoch, from 1, goes up when a log
// is continued from a restored copy that had lost its end.
func Origin(genesis ed25519.PublicKey, epoch int) string {
	sum := sha256.Sum256(genesis)
	return "tickmark/" + hex.EncodeToString(sum[:16]) + "/" + strconv.Itoa(epoch)
}

var originForm = regexp.MustCompile(`^tickmark/([0-9a-f]{32})/([1-9][0-9]{0,8})$`)

// ParseOrigin takes a log's name apart.
func ParseOrigin(s string) (digest string, epoch int, err error) {
	m := originForm.FindStringSubmatch(s)
	if m == nil {
		return "", 0, fmt.Errorf("%s is not an origin: want tickmark/, 32 lower-case hexadecimal characters, / and an epoch from 1", quote(s))
	}
	epoch, err = strconv.Atoi(m[2])
	return m[1], epoch, err
}

// A Checkpoint says how long a log is and what it holds.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// Text is the checkpoint as it is signed: three lines.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// ParseCheckpoint reads the text of a checkpoint, without signatures.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, errors.New("checkpoint: want three lines: origin, size, root")
	}
	if _, _, err := ParseOrigin(lines[0]); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: size: %w", err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != 32 || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return Checkpoint{}, errors.New("checkpoint: the root is not 32 bytes in base64")
	}
	return Checkpoint{lines[0], size, tlog.Hash(root)}, nil
}

// VKey is a log's key in the form people pass around and verifiers take.
func VKey(origin string, key ed25519.PublicKey) string {
	s, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		panic("canon: " + err.Error()) // a key of another size is a fault of the program
	}
	return s
}

// ParseVKey reads what VKey writes, and no other spelling of it.
func ParseVKey(s string) (origin string, key ed25519.PublicKey, err error) {
	bad := errors.New("not a log key: want tickmark/…/1+xxxxxxxx+…, as tickmark key prints it")
	parts := strings.SplitN(s, "+", 3)
	if len(parts) != 3 {
		return "", nil, bad
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if _, _, originErr := ParseOrigin(parts[0]); err != nil || originErr != nil ||
		len(raw) != 1+ed25519.PublicKeySize || VKey(parts[0], raw[1:]) != s {
		return "", nil, bad
	}
	return parts[0], raw[1:], nil
}

// NewSigner signs checkpoints and manifests of the log with its private key.
func NewSigner(origin string, key crypto.Signer) (note.Signer, error) {
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("signer: a log is signed with an Ed25519 key, not %T", key.Public())
	}
	v, err := note.NewVerifier(VKey(origin, pub))
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	return signer{v, key}, nil
}

type signer struct {
	note.Verifier
	key crypto.Signer
}

func (s signer) Sign(msg []byte) ([]byte, error) {
	return s.key.Sign(nil, msg, crypto.Hash(0))
}

// SignNote signs text, which ends in a line end, with one signature line.
func SignNote(text string, s note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: text}, s)
}

// OpenNote returns the text of a signed note if it carries exactly one
// signature and that is v's. Every other byte string is refused, also those
// that differ only in the spelling of the signature.
func OpenNote(b []byte, v note.Verifier) (text string, err error) {
	n, err := splitNote(b)
	if err != nil {
		return "", err
	}
	if n.name != v.Name() || n.hash != v.KeyHash() {
		return "", fmt.Errorf("signed by %s+%08x, not by %s+%08x", n.name, n.hash, v.Name(), v.KeyHash())
	}
	if _, err := note.Open(b, note.VerifierList(v)); err != nil {
		return "", errors.New("the signature does not fit the text")
	}
	return n.text, nil
}

// PeekNote returns the text of a signed note and the name of its signer without
// checking the signature: for finding the key to check it with, and for saying
// what a damaged note claims.
func PeekNote(b []byte) (text, signer string, err error) {
	n, err := splitNote(b)
	return n.text, n.name, err
}

// signedNote is a note whose signature nobody has checked.
type signedNote struct {
	text string
	name string
	hash uint32
}

func splitNote(b []byte) (signedNote, error) {
	const mark = "\n\n— "
	s := string(b)
	at := strings.LastIndex(s, mark)
	if at < 0 {
		return signedNote{}, errors.New("not a signed note: want text, an empty line and a signature line")
	}
	n := signedNote{text: s[:at+1]}
	line, rest, ended := strings.Cut(s[at+len(mark):], "\n")
	if !ended || rest != "" {
		return signedNote{}, errors.New("signed note: want exactly one signature line, ended")
	}
	name, sig, _ := strings.Cut(line, " ")
	raw, err := base64.StdEncoding.DecodeString(sig)
	if err != nil || len(raw) != 4+ed25519.SignatureSize || base64.StdEncoding.EncodeToString(raw) != sig {
		return signedNote{}, errors.New("signed note: the signature line is not a name and an Ed25519 signature in base64")
	}
	if _, _, err := ParseOrigin(name); err != nil {
		return signedNote{}, fmt.Errorf("signed note: %w", err)
	}
	n.name, n.hash = name, binary.BigEndian.Uint32(raw)
	return n, nil
}
