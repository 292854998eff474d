package git

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/crypto/ssh"

	"github.com/tickmark/tickmark/internal/fault"
)

const maxSignature = 256 << 10

// What a signature can turn out to be.
const (
	signatureNone    = "none"
	signatureValid   = "valid"
	signatureInvalid = "invalid"
	signatureUnknown = "unknown_signer" // sound or not: no configured key made it
	signatureExpired = "expired"        // made with a key that was not valid then
	signatureRevoked = "revoked"
)

// A verdict is what is known of a signature. It states a fact, as a checksum
// would: whether that is good is for checks to say.
type verdict struct {
	state  string // empty if it could not be told
	why    string // why not
	format string // openpgp, ssh or x509; empty without a signature
	key    string // the key's fingerprint, or the id the signature names
	// signers are the addresses, or patterns of them, that the operator gave
	// the key to.
	signers []string
}

// speaksFor reports whether the operator gave the key to this address.
func (v verdict) speaksFor(email string) bool {
	return email != "" && anyMatches(v.signers, email)
}

// signers are the people whose signatures count, as the operator named them:
// never as the repository does.
type signers struct {
	pgp   openpgp.EntityList
	email map[*openpgp.Entity]string
	ssh   []sshSigner
}

func (s signers) count() int { return len(s.pgp) + len(s.ssh) }

// trust reads the keys in the settings.
func (set settings) trust() (signers, error) {
	s := signers{email: map[*openpgp.Entity]string{}}
	for i, one := range set.Signers {
		field := fmt.Sprintf("signers[%d]", i)
		switch {
		case (one.OpenPGP == "") == (one.SSH == ""):
			return s, fault.Invalid(field, "give one key: openpgp with an armored public key, or ssh with a line such as ssh-ed25519 AAAA…")
		case strings.Count(one.Email, "@") != 1 || strings.ContainsAny(one.Email, " <>"):
			return s, fault.Invalid(field+".email", "give the address the signer commits with, such as ada@example.com")
		case one.SSH != "":
			key, err := sshKey(one.SSH)
			if err != nil {
				return s, fault.Invalid(field+".ssh", "%v", err)
			}
			s.ssh = append(s.ssh, sshSigner{key: key, principals: []string{one.Email}})
		default:
			entities, err := pgpKeys(one.OpenPGP)
			if err != nil {
				return s, fault.Invalid(field+".openpgp", "%v", err)
			}
			for _, e := range entities {
				s.pgp, s.email[e] = append(s.pgp, e), one.Email
			}
		}
	}
	if set.AllowedSignersFile != "" {
		more, err := readAllowedSigners(set.AllowedSignersFile)
		if err != nil {
			return s, err
		}
		s.ssh = append(s.ssh, more...)
	}
	return s, nil
}

func readAllowedSigners(path string) ([]sshSigner, error) {
	const field = "allowed_signers_file"
	if !filepath.IsAbs(path) {
		return nil, fault.Invalid(field, "give the full path of a file on this machine, such as /etc/tickmark/allowed_signers")
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err == nil {
		defer dir.Close()
		var data []byte
		if data, err = readFile(dir, filepath.Base(path), maxConfig); err == nil {
			return parseAllowedSigners(data)
		}
	}
	return nil, fault.Invalid(field, "%s cannot be read: give a file of at most %d bytes that user id %d may read", path, maxConfig, os.Geteuid()).With(err)
}

// pgpKeys reads armored public keys.
func pgpKeys(armored string) (openpgp.EntityList, error) {
	entities, err := openpgp.ReadArmoredKeyRing(strings.NewReader(armored))
	if err != nil || len(entities) == 0 {
		return nil, errors.New("it is no armored OpenPGP key: give what gpg --armor --export ADDRESS prints")
	}
	for _, e := range entities {
		if e.PrivateKey != nil {
			return nil, errors.New("it is a private key, which must not leave its owner: give what gpg --armor --export ADDRESS prints")
		}
	}
	return entities, nil
}

// verify says what a signature is. The payload is made only if it is needed.
func (s signers) verify(signature string, at, now time.Time, payload func() ([]byte, error)) verdict {
	if strings.TrimSpace(signature) == "" {
		return verdict{state: signatureNone}
	}
	v := verdict{format: formatOf(signature)}
	if len(signature) <= maxSignature {
		v.key = issuer(v.format, signature)
	}
	switch {
	case v.format == "x509":
		v.why = "its signature is S/MIME, which is not verified: sign with an OpenPGP or SSH key"
		return v
	case len(signature) > maxSignature || v.format == "" || strings.Count(signature, "-----BEGIN ") != 1:
		// Several signatures have no single signer, so git refuses them too.
		v.state = signatureInvalid
		return v
	case s.count() == 0:
		v.why = "no signers are configured, so signatures cannot be verified: add the committers' public keys to the source"
		return v
	}
	signed, err := payload()
	if err != nil {
		v.state = signatureInvalid
		return v
	}
	if v.format == "ssh" {
		return s.verifySSH(v, signature, signed, at)
	}
	return s.verifyPGP(v, signature, signed, now)
}

func formatOf(signature string) string {
	switch text := strings.TrimSpace(signature); {
	case strings.HasPrefix(text, "-----BEGIN PGP SIGNATURE-----"), strings.HasPrefix(text, "-----BEGIN PGP MESSAGE-----"):
		return "openpgp"
	case strings.HasPrefix(text, "-----BEGIN SSH SIGNATURE-----"):
		return "ssh"
	case strings.HasPrefix(text, "-----BEGIN SIGNED MESSAGE-----"), strings.HasPrefix(text, "-----BEGIN CERTIFICATE-----"):
		return "x509"
	}
	return ""
}

// verifyPGP judges a key as of the instant the signature states, so that a key
// that expired or was retired later does not undo what it signed before. A key
// revoked as compromised undoes it all.
func (s signers) verifyPGP(v verdict, signature string, signed []byte, now time.Time) verdict {
	check := func(at time.Time) (*packet.Signature, *openpgp.Entity, error) {
		block, err := armor.Decode(strings.NewReader(signature))
		if err != nil {
			return nil, nil, err
		}
		if block.Type != openpgp.SignatureType {
			return nil, nil, errors.New("not a signature")
		}
		config := &packet.Config{Time: func() time.Time { return at }}
		return openpgp.VerifyDetachedSignature(s.pgp, bytes.NewReader(signed), block.Body, config)
	}
	sig, entity, err := check(now)
	if late(err) && sig != nil && !sig.CreationTime.After(now) {
		sig, entity, err = check(sig.CreationTime)
	}
	if entity != nil {
		v.key, v.signers = hex.EncodeToString(entity.PrimaryKey.Fingerprint), []string{s.email[entity]}
	}
	switch {
	case err == nil:
		v.state = signatureValid
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		v.state = signatureUnknown
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		v.state = signatureRevoked
	case errors.Is(err, pgperrors.ErrKeyExpired), errors.Is(err, pgperrors.ErrSignatureExpired):
		v.state = signatureExpired
	default:
		v.state, v.signers = signatureInvalid, nil
	}
	return v
}

func late(err error) bool {
	return errors.Is(err, pgperrors.ErrKeyExpired) || errors.Is(err, pgperrors.ErrSignatureExpired) || errors.Is(err, pgperrors.ErrKeyRevoked)
}

// issuer is the key that a signature says it was made with, for people who look
// for its owner.
func issuer(format, signature string) string {
	if format == "ssh" {
		if s, err := parseSSHSignature([]byte(signature)); err == nil {
			return ssh.FingerprintSHA256(s.key)
		}
	}
	if format != "openpgp" {
		return ""
	}
	block, err := armor.Decode(strings.NewReader(signature))
	if err != nil {
		return ""
	}
	p, err := packet.NewReader(block.Body).Next()
	if sig, ok := p.(*packet.Signature); err == nil && ok {
		if len(sig.IssuerFingerprint) > 0 {
			return hex.EncodeToString(sig.IssuerFingerprint)
		}
		if sig.IssuerKeyId != nil {
			return fmt.Sprintf("%016x", *sig.IssuerKeyId)
		}
	}
	return ""
}

func (s signers) verifySSH(v verdict, signature string, signed []byte, at time.Time) verdict {
	parsed, err := parseSSHSignature([]byte(signature))
	if err != nil {
		v.state = signatureInvalid
		return v
	}
	if err := parsed.verify(signed); err != nil {
		v.state = signatureInvalid
		return v
	}
	v.state = signatureUnknown
	for _, one := range s.ssh {
		if !bytes.Equal(one.key.Marshal(), parsed.key.Marshal()) {
			continue
		}
		v.signers = one.principals
		if one.valid(at) {
			v.state = signatureValid
			return v
		}
		v.state = signatureExpired
	}
	return v
}

// unsigned encodes an object without its signature: the bytes it was made over.
func unsigned(encode func(plumbing.EncodedObject) error) ([]byte, error) {
	o := &plumbing.MemoryObject{}
	if err := encode(o); err != nil {
		return nil, err
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
