package git_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"

	"github.com/tickmark/tickmark/internal/collectors/git"
)

// born is when the keys of these tests were made.
var born = now.AddDate(-2, 0, 0)

func config(at time.Time) *packet.Config {
	return &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return at }}
}

func pgpKey(t testing.TB) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.NewEntity("Ada Ng", "", "ada@acme.test", config(born))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func pgpPublic(t testing.TB, e *openpgp.Entity) string {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Serialize(w); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return b.String()
}

// copyOf is the same key, to be changed alone: a key that has ended refuses to
// sign.
func copyOf(t testing.TB, e *openpgp.Entity) *openpgp.Entity {
	t.Helper()
	var b bytes.Buffer
	if err := e.SerializePrivate(&b, config(born)); err != nil {
		t.Fatal(err)
	}
	list, err := openpgp.ReadKeyRing(&b)
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

// revoked is a key that was revoked a year ago.
func revoked(t testing.TB, e *openpgp.Entity, why packet.ReasonForRevocation) *openpgp.Entity {
	t.Helper()
	e = copyOf(t, e)
	if err := e.RevokeKey(why, "", config(now.AddDate(-1, 0, 0))); err != nil {
		t.Fatal(err)
	}
	return e
}

// ended is a key that expired a year ago.
func ended(t testing.TB, e *openpgp.Entity) *openpgp.Entity {
	t.Helper()
	e = copyOf(t, e)
	life := uint32(365 * 24 * 60 * 60)
	for _, id := range e.Identities {
		id.SelfSignature.KeyLifetimeSecs = &life
	}
	return copyOf(t, e)
}

func pgpSign(t testing.TB, e *openpgp.Entity, at time.Time) func([]byte) string {
	return func(payload []byte) string {
		var b bytes.Buffer
		if err := openpgp.ArmoredDetachSign(&b, e, bytes.NewReader(payload), config(at)); err != nil {
			t.Fatal(err)
		}
		return b.String() + "\n"
	}
}

func sshPair(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

func sshSign(t testing.TB, signer ssh.Signer, namespace string) func([]byte) string {
	return func(payload []byte) string {
		digest := sha512.Sum512(payload)
		inner := append([]byte("SSHSIG"), ssh.Marshal(struct {
			Namespace, Reserved, Hash string
			Digest                    []byte
		}{namespace, "", "sha512", digest[:]})...)
		signature, err := signer.Sign(rand.Reader, inner)
		if err != nil {
			t.Fatal(err)
		}
		blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
			Version                   uint32
			Key                       []byte
			Namespace, Reserved, Hash string
			Signature                 []byte
		}{1, signer.PublicKey().Marshal(), namespace, "", "sha512", ssh.Marshal(signature)})...)
		return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: blob}))
	}
}

func TestSignatures(t *testing.T) {
	key, stranger := pgpKey(t), pgpKey(t)
	year, retired, compromised := pgpKey(t), pgpKey(t), pgpKey(t)
	sshKey, sshPublic := sshPair(t)
	sshStranger, _ := sshPair(t)
	recent, before := now.AddDate(0, -1, 0), now.AddDate(0, -18, 0)
	signers := []map[string]any{{"name": "Ada", "email": "Ada@acme.test", "ssh": sshPublic + " laptop"}}
	for _, e := range []*openpgp.Entity{key, ended(t, year), revoked(t, retired, packet.KeyRetired), revoked(t, compromised, packet.KeyCompromised)} {
		signers = append(signers, map[string]any{"email": "ada@acme.test", "openpgp": pgpPublic(t, e)})
	}
	good := pgpSign(t, key, recent)
	for name, c := range map[string]struct {
		sign    func([]byte) string
		want    string
		matches any
		author  string
	}{
		"unsigned":              {nil, "none", nil, ada},
		"openpgp":               {good, "valid", true, ada},
		"another's key":         {good, "valid", false, bo},
		"stranger":              {pgpSign(t, stranger, recent), "unknown_signer", nil, ada},
		"other bytes":           {func(p []byte) string { return good(append(p, ' ')) }, "invalid", nil, ada},
		"key expired since":     {pgpSign(t, year, before), "valid", true, ada},
		"key expired":           {pgpSign(t, year, recent), "expired", true, ada},
		"key retired since":     {pgpSign(t, retired, before), "valid", true, ada},
		"key retired":           {pgpSign(t, retired, recent), "revoked", true, ada},
		"key compromised":       {pgpSign(t, compromised, before), "revoked", true, ada},
		"dated in the future":   {pgpSign(t, key, now.AddDate(1, 0, 0)), "expired", true, ada},
		"two signatures":        {func(p []byte) string { return good(p) + good(p) }, "invalid", nil, ada},
		"no signature at all":   {func([]byte) string { return "hello" }, "invalid", nil, ada},
		"broken armor":          {func([]byte) string { return "-----BEGIN PGP SIGNATURE-----\n\n!!!\n-----END PGP SIGNATURE-----" }, "invalid", nil, ada},
		"a message":             {func([]byte) string { return "-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----" }, "invalid", nil, ada},
		"ssh":                   {sshSign(t, sshKey, "git"), "valid", true, ada},
		"ssh, for files":        {sshSign(t, sshKey, "file"), "invalid", nil, ada},
		"ssh, stranger":         {sshSign(t, sshStranger, "git"), "unknown_signer", nil, ada},
		"ssh, other bytes":      {func(p []byte) string { return sshSign(t, sshKey, "git")(append(p, ' ')) }, "invalid", nil, ada},
		"ssh, broken":           {func([]byte) string { return "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----" }, "invalid", nil, ada},
		"ssh, by a stolen blob": {func(p []byte) string { return sshSign(t, stolen{sshStranger, sshKey.PublicKey()}, "git")(p) }, "invalid", nil, ada},
	} {
		t.Run(name, func(t *testing.T) {
			m := makeRepo(t)
			h := m.commit(change{author: c.author, at: recent, sign: c.sign})
			r := m.collect(map[string]any{"signers": signers})
			has(t, r.commit(h), map[string]any{"signature": c.want, "signer_matches": c.matches})
			if c.sign == nil || !strings.Contains(c.want, "valid") {
				return
			}
			// Without signers nothing can be said of the same signature.
			r = m.collect()
			if strings.Contains(c.sign([]byte("x")), "-----BEGIN ") && strings.Count(c.sign([]byte("x")), "-----BEGIN ") == 1 {
				has(t, r.commit(h), map[string]any{"signature": nil, "signer": nil})
				if _, said := r.missing("commit", "signature"); !said {
					t.Error("nobody is told that signers are not configured")
				}
			}
		})
	}
}

// stolen signs with one key and shows another.
type stolen struct {
	ssh.Signer
	shown ssh.PublicKey
}

func (s stolen) PublicKey() ssh.PublicKey { return s.shown }

func TestTagsAndMIMESignatures(t *testing.T) {
	key, _ := sshPair(t)
	public := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	m := makeRepo(t)
	mime := m.commit(change{sign: func([]byte) string { return "-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----" }})
	m.tag("v1.0.0", now, sshSign(t, key, "git"))
	m.tag("v1.0.1", now, func(p []byte) string { return sshSign(t, key, "git")(append(p, ' ')) })
	r := m.collect(map[string]any{"signers": []map[string]any{{"email": "bo@acme.test", "ssh": public}}})
	has(t, r.one("tag", "v1.0.0"), map[string]any{"signature": "valid", "signer": "bo@acme.test", "signer_matches": true})
	has(t, r.one("tag", "v1.0.1"), map[string]any{"signature": "invalid"})
	has(t, r.commit(mime), map[string]any{"signature": nil, "signature_format": "x509"})
}

func TestAllowedSignersFile(t *testing.T) {
	key, public := sshPair(t)
	at := now.AddDate(0, -1, 0)
	m := makeRepo(t)
	h := m.commit(change{at: at, sign: sshSign(t, key, "git")})
	for line, want := range map[string]string{
		"ada@acme.test " + public:                                                                     "valid",
		"# people\n\n*@acme.test " + public + " laptop":                                               "valid",
		`"ada@acme.test,bo@acme.test" namespaces="file,git" ` + public:                                "valid",
		`ada@acme.test namespaces="file" ` + public:                                                   "unknown_signer",
		`ada@acme.test cert-authority ` + public:                                                      "unknown_signer",
		`ada@acme.test valid-before="` + now.AddDate(-1, 0, 0).Format("20060102") + `" ` + public:     "expired",
		`ada@acme.test valid-after="` + at.AddDate(0, 0, 1).Format("20060102150405") + `Z" ` + public: "expired",
		`ada@acme.test valid-after="20200101",valid-before="20991231" ` + public:                      "valid",
	} {
		file := filepath.Join(t.TempDir(), "allowed")
		write(t, file, line+"\n")
		r := m.collect(map[string]any{"allowed_signers_file": file})
		if got := r.commit(h).Attrs["signature"]; got != want && (want != "unknown_signer" || got != nil) {
			t.Errorf("%s: %v, want %s", strings.ReplaceAll(line, public, "KEY"), got, want)
		}
	}
	for _, bad := range []string{"ada@acme.test", "ada@acme.test ssh-ed25519 !!!", "ada@acme.test novel " + public, `ada@acme.test valid-after="soon" ` + public} {
		file := filepath.Join(t.TempDir(), "allowed")
		write(t, file, "# first\n"+bad+"\n")
		_, err := try(t, map[string]any{"path": m.dir, "allowed_signers_file": file})
		refused(t, err, "allowed_signers_file", "line 2")
	}
}

func TestPrivateKeysAreRefused(t *testing.T) {
	e := pgpKey(t)
	var b bytes.Buffer
	w, err := armor.Encode(&b, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SerializePrivate(w, config(born)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	_, err = try(t, map[string]any{"path": "x", "signers": []map[string]any{{"email": "ada@acme.test", "openpgp": b.String()}}})
	refused(t, err, "signers[0].openpgp", "private key")
}

// What ssh-keygen signs we verify, and the other way round.
func TestSSHSignaturesAgreeWithSSHKeygen(t *testing.T) {
	program, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	dir := t.TempDir()
	message := filepath.Join(dir, "message")
	write(t, message, "hello\n")
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		file := filepath.Join(dir, kind)
		if out, err := exec.Command(program, "-q", "-t", kind, "-N", "", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if out, err := exec.Command(program, "-q", "-Y", "sign", "-n", "git", "-f", file, message).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		signature, err := os.ReadFile(message + ".sig")
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(message + ".sig")
		if err := git.VerifySSH(signature, []byte("hello\n")); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if err := git.VerifySSH(signature, []byte("hello")); err == nil {
			t.Errorf("%s: other bytes were accepted", kind)
		}
	}
	key, public := sshPair(t)
	allowed := filepath.Join(dir, "allowed")
	write(t, allowed, "ada@acme.test "+public+"\n")
	write(t, filepath.Join(dir, "ours.sig"), sshSign(t, key, "git")([]byte("hello\n")))
	verify := exec.Command(program, "-Y", "verify", "-n", "git", "-I", "ada@acme.test", "-f", allowed, "-s", filepath.Join(dir, "ours.sig"))
	verify.Stdin = strings.NewReader("hello\n")
	if out, err := verify.CombinedOutput(); err != nil {
		t.Errorf("ssh-keygen refuses what the tests sign: %v: %s", err, out)
	}
}

// Git itself must take what these tests sign for valid, or they prove nothing.
func TestSignedPayloadAgreesWithGit(t *testing.T) {
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	key, public := sshPair(t)
	m := makeRepo(t)
	m.commit(change{sign: sshSign(t, key, "git"), header: "encoding ISO-8859-1\n", message: "Gr\xfc\xdfe\n"})
	m.tag("v1.0.0", now, sshSign(t, key, "git"))
	allowed := filepath.Join(t.TempDir(), "allowed")
	write(t, allowed, "ada@acme.test "+public+"\n")
	for _, args := range [][]string{{"verify-commit", "HEAD"}, {"verify-tag", "v1.0.0"}} {
		all := append([]string{"-c", "safe.directory=*", "-c", "gpg.ssh.allowedSignersFile=" + allowed, "-C", m.dir}, args...)
		if out, err := exec.Command(program, all...).CombinedOutput(); err != nil {
			t.Errorf("git %v: %v: %s", args, err, out)
		}
	}
	r := m.collect(map[string]any{"allowed_signers_file": allowed})
	has(t, r.commit(m.head), map[string]any{"signature": "valid", "subject": "Grüße"})
}
