package git

import (
	"crypto"
	_ "crypto/sha256" // the two hashes that the format allows
	_ "crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/tickmark/tickmark/internal/fault"
)

const (
	sshMagic     = "SSHSIG"
	sshNamespace = "git"
)

// An sshSignature is one in the format of ssh-keygen -Y sign (PROTOCOL.sshsig).
type sshSignature struct {
	key       ssh.PublicKey
	namespace string
	reserved  string
	hash      string
	blob      *ssh.Signature
}

func parseSSHSignature(armored []byte) (*sshSignature, error) {
	block, rest := pem.Decode(armored)
	if block == nil || block.Type != "SSH SIGNATURE" || len(block.Headers) > 0 {
		return nil, errors.New("not an armored SSH signature")
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("text follows the signature")
	}
	body, ok := strings.CutPrefix(string(block.Bytes), sshMagic)
	if !ok {
		return nil, errors.New("not an SSH signature")
	}
	var outer struct {
		Version   uint32
		Key       []byte
		Namespace string
		Reserved  string
		Hash      string
		Signature []byte
	}
	if err := ssh.Unmarshal([]byte(body), &outer); err != nil {
		return nil, err
	}
	if outer.Version != 1 {
		return nil, fmt.Errorf("version %d of the format", outer.Version)
	}
	key, err := ssh.ParsePublicKey(outer.Key)
	if err != nil {
		return nil, err
	}
	s := &sshSignature{key: key, namespace: outer.Namespace, reserved: outer.Reserved, hash: outer.Hash, blob: &ssh.Signature{}}
	if err := ssh.Unmarshal(outer.Signature, s.blob); err != nil {
		return nil, err
	}
	return s, nil
}

// verify checks that the key in the signature made it over the message, for
// use in git.
func (s *sshSignature) verify(message []byte) error {
	if s.namespace != sshNamespace {
		return fmt.Errorf("made for %q, not for git", s.namespace)
	}
	var hash crypto.Hash
	switch s.hash {
	case "sha256":
		hash = crypto.SHA256
	case "sha512":
		hash = crypto.SHA512
	default:
		return fmt.Errorf("hash %q", s.hash)
	}
	switch s.blob.Format {
	case ssh.KeyAlgoRSA, ssh.InsecureKeyAlgoDSA: // both sign SHA-1
		return fmt.Errorf("signature algorithm %q", s.blob.Format)
	}
	h := hash.New()
	h.Write(message)
	signed := append([]byte(sshMagic), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Digest                    []byte
	}{s.namespace, s.reserved, s.hash, h.Sum(nil)})...)
	return s.key.Verify(signed, s.blob)
}

// An sshSigner is a key and those who sign with it.
type sshSigner struct {
	key           ssh.PublicKey
	principals    []string // at least one
	after, before time.Time
}

func (s sshSigner) valid(at time.Time) bool {
	return (s.after.IsZero() || !at.Before(s.after)) && (s.before.IsZero() || at.Before(s.before))
}

// sshKey reads a line of an authorized_keys or .pub file.
func sshKey(line string) (ssh.PublicKey, error) {
	if strings.Contains(line, "PRIVATE KEY") {
		return nil, errors.New("it is a private key, which must not leave its owner: give the line in the .pub file")
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(line)))
	if err != nil || len(rest) > 0 {
		return nil, errors.New("it is no SSH public key: give the line in the .pub file, such as ssh-ed25519 AAAA… ada@example.com")
	}
	if _, certificate := key.(*ssh.Certificate); certificate {
		return nil, errors.New("it is a certificate: give the line of the key itself")
	}
	return key, nil
}

// parseAllowedSigners reads the format of ssh-keygen's ALLOWED SIGNERS. Lines
// that name a certificate authority are left out: certificates are not read.
func parseAllowedSigners(data []byte) ([]sshSigner, error) {
	const field = "allowed_signers_file"
	var all []sshSigner
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		names, rest := firstField(line)
		key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
		if err != nil || names == "" {
			return nil, fault.Invalid(field, "line %d is not of the form: ada@example.com [options] ssh-ed25519 AAAA…", n)
		}
		one := sshSigner{key: key, principals: strings.Split(names, ",")}
		counts, err := one.apply(options)
		if err != nil {
			return nil, fault.Invalid(field, "line %d: %v", n, err)
		}
		if counts {
			all = append(all, one)
		}
		if len(all) > maxSigners {
			return nil, fault.Invalid(field, "at most %d signers are accepted", maxSigners)
		}
	}
	return all, nil
}

func firstField(line string) (first, rest string) {
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		first, rest, _ = strings.Cut(quoted, `"`)
		return first, strings.TrimSpace(rest)
	}
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		return line[:i], strings.TrimSpace(line[i:])
	}
	return line, ""
}

// apply reads the options of a line, and reports whether it is about signing in
// git with a plain key.
func (s *sshSigner) apply(options []string) (counts bool, err error) {
	counts = true
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "cert-authority":
			counts = false
		case "namespaces":
			counts = counts && anyMatches(strings.Split(value, ","), sshNamespace)
		case "valid-after":
			s.after, err = sshTime(value)
		case "valid-before":
			s.before, err = sshTime(value)
		default:
			err = fmt.Errorf("there is no option %q: options are cert-authority, namespaces, valid-after, valid-before", name)
		}
		if err != nil {
			return false, err
		}
	}
	return counts, nil
}

// anyMatches reads a list of patterns as ssh does: one that starts with ! and
// matches excludes.
func anyMatches(patterns []string, name string) bool {
	matched := false
	for _, p := range patterns {
		p, not := strings.CutPrefix(strings.ToLower(strings.TrimSpace(p)), "!")
		if ok, err := path.Match(p, strings.ToLower(name)); err != nil || !ok {
			continue
		}
		if not {
			return false
		}
		matched = true
	}
	return matched
}

// sshTime reads YYYYMMDD[HHMM[SS]][Z]. Without Z ssh-keygen means local time;
// the machine that collects need not be where the file was written, so UTC.
func sshTime(s string) (time.Time, error) {
	digits := strings.TrimSuffix(s, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(digits) == len(layout) {
			if t, err := time.Parse(layout, digits); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: YYYYMMDD or YYYYMMDDHHMMSS is accepted", s)
}
