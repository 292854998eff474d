// Package cosign is what witnesses say of checkpoints, and whose word counts:
// cosignatures (C2SP tlog-cosignature, Ed25519) and trust policies (C2SP
// tlog-policy). It is pure, because the verifier is built from it.
package cosign

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Types of keys, as they stand in a vkey.
const (
	typeLog     = 0x01 // signs notes
	typeWitness = 0x04 // cosigns checkpoints
)

// maxName is how long the name of a key may be, in bytes.
const maxName = 255

// A Key is one that checks signatures, with the name it goes by.
type Key struct {
	Name   string
	ID     uint32
	Public ed25519.PublicKey
	kind   byte
}

// WitnessKey is a witness's key under this name.
func WitnessKey(name string, public ed25519.PublicKey) (Key, error) {
	if err := checkName(name); err != nil {
		return Key{}, err
	}
	return newKey(name, typeWitness, public), nil
}

func newKey(name string, kind byte, public ed25519.PublicKey) Key {
	head := append([]byte(name+"\n"), kind)
	sum := sha256.Sum256(append(head, public...))
	return Key{name, binary.BigEndian.Uint32(sum[:]), public, kind}
}

// checkName refuses what could not stand in a signature line.
func checkName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("a key's name has 1 to %d characters", maxName)
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' || c == '+' {
			return fmt.Errorf("the name %q has other characters than printable ASCII, or a space or +", name)
		}
	}
	return nil
}

// String is the key as people pass it around: a vkey.
func (k Key) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.Name, k.ID, base64.StdEncoding.EncodeToString(append([]byte{k.kind}, k.Public...)))
}

// ParseWitnessKey reads the vkey of a witness, ParseLogKey that of a log. No
// other spelling than String's is accepted.
func ParseWitnessKey(s string) (Key, error) { return parseKey(s, typeWitness, "witness") }

// ParseLogKey reads the vkey of a log.
func ParseLogKey(s string) (Key, error) { return parseKey(s, typeLog, "log") }

func parseKey(s string, kind byte, whose string) (Key, error) {
	parts := strings.SplitN(s, "+", 3)
	if len(parts) != 3 {
		return Key{}, fmt.Errorf("%q is not the key of a %s: want NAME+xxxxxxxx+BASE64", cut(s), whose)
	}
	if err := checkName(parts[0]); err != nil {
		return Key{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	switch {
	case err != nil || len(raw) == 0:
		return Key{}, fmt.Errorf("the key of %s is not base64", parts[0])
	case raw[0] != kind || len(raw) != 1+ed25519.PublicKeySize:
		return Key{}, fmt.Errorf("the key of %s is not an Ed25519 key of a %s (type %#02x and 32 bytes): it has type %#02x and %d bytes", parts[0], whose, kind, raw[0], len(raw)-1)
	}
	k := newKey(parts[0], kind, raw[1:])
	if k.String() != s {
		return Key{}, fmt.Errorf("the key id of %s is not that of its key, or something is spelt otherwise: want %s", parts[0], k)
	}
	return k, nil
}

// cut makes text from outside short enough for a message.
func cut(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// A Cosignature is a witness's word that it saw a checkpoint and nothing that
// contradicts it.
type Cosignature struct {
	Name string
	ID   uint32
	Time int64 // seconds since 1970
	sig  []byte
}

// maxTime is the last second that can be written with a year of four digits.
const maxTime = 253402300799

const mark = "— "

// message is what a witness signs.
func message(text string, at int64) []byte {
	return []byte("cosignature/v1\ntime " + strconv.FormatInt(at, 10) + "\n" + text)
}

// Sign cosigns the text of a checkpoint. Whoever calls it has made the
// checkpoint the newest one it will remember, durably.
func Sign(k Key, private crypto.Signer, text string, at time.Time) (line string, err error) {
	if at.Unix() < 1 || at.Unix() > maxTime {
		return "", fmt.Errorf("cosignature: the clock says %s", at)
	}
	sig, err := private.Sign(nil, message(text, at.Unix()), crypto.Hash(0))
	if err != nil {
		return "", fmt.Errorf("cosignature: %w", err)
	}
	raw := binary.BigEndian.AppendUint32(nil, k.ID)
	raw = binary.BigEndian.AppendUint64(raw, uint64(at.Unix())) //nolint:gosec // not negative, see above
	return mark + k.Name + " " + base64.StdEncoding.EncodeToString(append(raw, sig...)), nil
}

// ParseLine reads one signature line, without its end, in the only spelling it
// has.
func ParseLine(line string) (Cosignature, error) {
	rest, ok := strings.CutPrefix(line, mark)
	name, b64, two := strings.Cut(rest, " ")
	if !ok || !two {
		return Cosignature{}, errors.New("not a cosignature: want — NAME BASE64")
	}
	if err := checkName(name); err != nil {
		return Cosignature{}, fmt.Errorf("not a cosignature: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(b64)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != b64 || len(raw) != 4+8+ed25519.SignatureSize {
		return Cosignature{}, fmt.Errorf("not a cosignature of %s: want a key id, a time and an Ed25519 signature, 76 bytes in base64", name)
	}
	at := binary.BigEndian.Uint64(raw[4:])
	if at < 1 || at > maxTime {
		return Cosignature{}, fmt.Errorf("not a cosignature of %s: its time is no second from 1970 to 9999", name)
	}
	return Cosignature{name, binary.BigEndian.Uint32(raw), int64(at), raw[12:]}, nil
}

// String is the line that ParseLine reads.
func (c Cosignature) String() string {
	raw := binary.BigEndian.AppendUint32(nil, c.ID)
	raw = binary.BigEndian.AppendUint64(raw, uint64(c.Time)) //nolint:gosec // from ParseLine
	return mark + c.Name + " " + base64.StdEncoding.EncodeToString(append(raw, c.sig...))
}

// By reports whether it claims to be made with this key.
func (c Cosignature) By(k Key) bool { return k.kind == typeWitness && c.Name == k.Name && c.ID == k.ID }

// Verify checks it as this key's, over the text of a checkpoint.
func (c Cosignature) Verify(k Key, text string) error {
	if !c.By(k) {
		return fmt.Errorf("cosigned by %s+%08x, not by %s+%08x", c.Name, c.ID, k.Name, k.ID)
	}
	if !ed25519.Verify(k.Public, message(text, c.Time), c.sig) {
		return fmt.Errorf("the cosignature of %s does not fit the checkpoint", c.Name)
	}
	return nil
}

// OriginHash is how a witness's readers name a log.
func OriginHash(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(sum[:])
}
