package stamp_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/stamp"
	"github.com/tickmark/tickmark/internal/stamp/stamptest"
)

var update = flag.Bool("update", false, "write the golden token anew")

var (
	imprint = sha256.Sum256([]byte("three lines\n"))
	nonce   = new(big.Int).SetBytes([]byte{0xf1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	moment  = time.Date(2026, 3, 1, 6, 0, 0, 250e6, time.UTC)
)

func now() time.Time { return moment }

func rootsOf(t testing.TB, holders ...*stamptest.Holder) *stamp.Roots {
	t.Helper()
	var all []byte
	for _, h := range holders {
		all = append(all, h.PEM()...)
	}
	r, err := stamp.ParseRoots(all)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func verify(t testing.TB, reply []byte, roots *stamp.Roots) (stamp.Reason, error) {
	t.Helper()
	token, err := stamp.Parse(reply)
	if err != nil {
		return "", err
	}
	return token.Verify(imprint, nonce, roots)
}

func TestVerifyTrusts(t *testing.T) {
	for name, bend := range map[string]func(*stamptest.Authority, *stamptest.Answer){
		"as it should be":        func(*stamptest.Authority, *stamptest.Answer) {},
		"SHA-384":                func(_ *stamptest.Authority, w *stamptest.Answer) { w.Hash = crypto.SHA384 },
		"SHA-512":                func(_ *stamptest.Authority, w *stamptest.Answer) { w.Hash = crypto.SHA512 },
		"first attribute":        func(_ *stamptest.Authority, w *stamptest.Answer) { w.First = true },
		"granted with changes":   func(_ *stamptest.Authority, w *stamptest.Answer) { w.Status = 1 },
		"without accuracy":       func(_ *stamptest.Authority, w *stamptest.Answer) { w.Accuracy = 0 },
		"accuracy in thousandth": func(_ *stamptest.Authority, w *stamptest.Answer) { w.Accuracy = 1500 * time.Millisecond },
		"root inside as well":    func(a *stamptest.Authority, _ *stamptest.Answer) { a.Inside = append(a.Inside, a.Root) },
	} {
		t.Run(name, func(t *testing.T) {
			a := stamptest.New(now)
			var said stamptest.Answer
			a.Bend = func(w *stamptest.Answer) { bend(a, w); said = *w }
			reply := a.Reply(stamp.NewRequest(imprint, nonce))
			token, err := stamp.Parse(reply)
			if err != nil {
				t.Fatal(err)
			}
			reason, err := token.Verify(imprint, nonce, rootsOf(t, a.Root))
			if err != nil || reason != stamp.Trusted {
				t.Errorf("verdict %q, %v", reason, err)
			}
			if !token.Time.Equal(moment) || token.Accuracy != said.Accuracy || token.Nonce.Cmp(nonce) != 0 {
				t.Errorf("time %v ± %v, nonce %x", token.Time, token.Accuracy, token.Nonce)
			}
			if reason, err := token.Verify(imprint, nil, rootsOf(t, a.Root)); err != nil || reason != stamp.Trusted {
				t.Errorf("without a nonce to compare: %q, %v", reason, err)
			}
		})
	}
}

func TestVerifyFindsBroken(t *testing.T) {
	other := sha256.Sum256([]byte("other"))
	stranger := stamptest.Issue("Stranger", 2, nil, nil)
	for name, c := range map[string]struct {
		bend func(*stamptest.Authority, *stamptest.Answer)
		want string
	}{
		"wrong imprint":     {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Imprint = other[:] }, "another digest"},
		"wrong nonce":       {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Nonce = big.NewInt(1) }, "another nonce"},
		"no nonce":          {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Nonce = nil }, "another nonce"},
		"refused":           {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Status = 2 }, "did not grant a stamp: status 2"},
		"binds another":     {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Binds = stranger.Raw }, "does not name the certificate"},
		"binds another, v1": {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Binds, w.First = stranger.Raw, true }, "does not name the certificate"},
		"another digest":    {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Digest = other[:] }, "signed digest"},
		"signer not inside": {func(a *stamptest.Authority, _ *stamptest.Answer) { a.Signer = without(a.Signer) }, "signer is not inside"},
		"signed by another": {func(a *stamptest.Authority, _ *stamptest.Answer) { a.Signer = lent(a.Signer) }, "signature does not fit"},
		"bytes behind":      {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Spoil = behind }, "bytes behind its end"},
		"cut short":         {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Spoil = cut }, "ends too early"},
		"too large":         {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Spoil = large }, "at most 65536"},
		"nothing":           {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Spoil = nothing }, "ends too early"},
		"not DER":           {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Spoil = indefinite }, "indefinite"},
		"before 1970": {func(_ *stamptest.Authority, w *stamptest.Answer) {
			w.Time = time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC)
		}, "before 1970"},
		"unreadable inside": {func(a *stamptest.Authority, _ *stamptest.Answer) {
			a.Inside = []*stamptest.Holder{{Raw: []byte{0x30, 0}}}
		}, "cannot be read"},
		"too many inside":    {func(a *stamptest.Authority, _ *stamptest.Answer) { a.Inside = many(a.Inside[0], 32) }, "more than 32"},
		"imprint of SHA-384": {func(_ *stamptest.Authority, w *stamptest.Answer) { w.Imprint = append(imprint[:], make([]byte, 16)...) }, "another digest"},
	} {
		t.Run(name, func(t *testing.T) {
			a := stamptest.New(now)
			a.Bend = func(w *stamptest.Answer) { c.bend(a, w) }
			_, err := verify(t, a.Reply(stamp.NewRequest(imprint, nonce)), rootsOf(t, a.Root))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want one with %q", err, c.want)
			}
		})
	}
}

func without(h *stamptest.Holder) *stamptest.Holder { c := *h; c.Raw = nil; return &c }

func lent(h *stamptest.Holder) *stamptest.Holder {
	c := *h
	c.Key = stamptest.Issue("x", 0, nil, nil).Key
	return &c
}

func many(h *stamptest.Holder, n int) (out []*stamptest.Holder) {
	for range n {
		out = append(out, h)
	}
	return out
}

func behind([]byte) []byte       { return append(goldenReply, 0) }
func cut(b []byte) []byte        { return b[:len(b)-1] }
func large([]byte) []byte        { return make([]byte, 1<<16+1) }
func nothing([]byte) []byte      { return nil }
func indefinite(b []byte) []byte { return append([]byte{0x30, 0x80}, append(b[4:], 0, 0)...) }

func TestVerifyDoesNotTrust(t *testing.T) {
	root := stamptest.Issue("Root", 0, nil, nil)
	issuer := stamptest.Issue("Issuer", 1, root, nil)
	signer := func(edit func(*x509.Certificate)) *stamptest.Holder { return stamptest.Signer(issuer, edit) }
	under := func(edit func(*x509.Certificate)) (*stamptest.Holder, []*stamptest.Holder) {
		i := stamptest.Issue("Issuer", 1, root, edit)
		return stamptest.Signer(i, nil), []*stamptest.Holder{i}
	}
	usage := func(critical bool, oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{stamptest.Usage(critical, oids...)} }
	}
	odd := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}
	past := func(c *x509.Certificate) { c.NotAfter = moment.Add(-time.Second) }
	future := func(c *x509.Certificate) { c.NotBefore = moment.Add(time.Second) }
	type who struct {
		signer *stamptest.Holder
		inside []*stamptest.Holder
	}
	is := func(s *stamptest.Holder, in []*stamptest.Holder) who { return who{s, in} }
	ok := []*stamptest.Holder{issuer}
	for name, c := range map[string]struct {
		who
		roots []*stamptest.Holder
		want  stamp.Reason
	}{
		"another root":               {who{signer(nil), ok}, []*stamptest.Holder{stamptest.Issue("Other", 1, nil, nil)}, stamp.Chain},
		"root's name, another key":   {who{signer(nil), ok}, []*stamptest.Holder{stamptest.Issue("Root", 2, nil, nil)}, stamp.Chain},
		"no issuer inside":           {who{signer(nil), nil}, nil, stamp.Chain},
		"signer expired":             {who{signer(past), ok}, nil, stamp.Expired},
		"signer not yet valid":       {who{signer(future), ok}, nil, stamp.Expired},
		"issuer expired":             {is(under(past)), nil, stamp.Expired},
		"root expired":               {who{signer(nil), ok}, []*stamptest.Holder{stamptest.Issue("Root", 0, nil, past)}, stamp.Expired},
		"another usage":              {who{signer(usage(true, stamptest.CodeSigning)), ok}, nil, stamp.Usage},
		"two usages":                 {who{signer(usage(true, stamptest.TimeStamping, stamptest.CodeSigning)), ok}, nil, stamp.Usage},
		"usage not critical":         {who{signer(usage(false, stamptest.TimeStamping)), ok}, nil, stamp.Usage},
		"no usage":                   {who{signer(func(c *x509.Certificate) { c.ExtraExtensions = nil }), ok}, nil, stamp.Usage},
		"key for other things":       {who{signer(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), ok}, nil, stamp.Usage},
		"critical and unknown":       {who{signer(func(c *x509.Certificate) { c.ExtraExtensions = append(c.ExtraExtensions, odd) }), ok}, nil, stamp.Unsupported},
		"issuer critical, unknown":   {is(under(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{odd} })), nil, stamp.Unsupported},
		"issuer is none":             {is(under(func(c *x509.Certificate) { c.IsCA = false })), nil, stamp.Usage},
		"issuer may not sign":        {is(under(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })), nil, stamp.Usage},
		"issuer for other things":    {is(under(usage(false, stamptest.CodeSigning))), nil, stamp.Usage},
		"root allows no issuer":      {who{signer(nil), ok}, []*stamptest.Holder{stamptest.Issue("Root", 0, nil, func(c *x509.Certificate) { c.MaxPathLenZero = true })}, stamp.Usage},
		"signed by an expired twin":  {is(stamptest.Signer(stamptest.Issue("Issuer", 1, root, past), nil), []*stamptest.Holder{stamptest.Issue("Issuer", 1, root, past), issuer}), nil, stamp.Trusted},
		"issuer pinned":              {who{signer(nil), nil}, ok, stamp.Trusted},
		"issuer for stamps, allowed": {is(under(usage(false, stamptest.TimeStamping))), nil, stamp.Trusted},
	} {
		t.Run(name, func(t *testing.T) {
			roots := c.roots
			if roots == nil {
				roots = []*stamptest.Holder{root}
			}
			a := &stamptest.Authority{Signer: c.signer, Inside: c.inside, Now: now}
			reason, err := verify(t, a.Reply(stamp.NewRequest(imprint, nonce)), rootsOf(t, roots...))
			if err != nil || reason != c.want {
				t.Errorf("verdict %q, %v; want %q", reason, err, c.want)
			}
		})
	}
	t.Run("signer pinned", func(t *testing.T) {
		s := signer(nil)
		a := &stamptest.Authority{Signer: s, Now: now}
		if reason, err := verify(t, a.Reply(stamp.NewRequest(imprint, nonce)), rootsOf(t, s)); err != nil || reason != stamp.Trusted {
			t.Errorf("verdict %q, %v", reason, err)
		}
	})
	t.Run("no roots", func(t *testing.T) {
		if reason, err := verify(t, goldenReply, nil); err != nil || reason != stamp.Chain {
			t.Errorf("verdict %q, %v", reason, err)
		}
	})
	t.Run("signed digest is SHA-1", func(t *testing.T) {
		a := stamptest.New(now)
		a.Bend = func(w *stamptest.Answer) { w.Hash = crypto.SHA1 }
		if reason, err := verify(t, a.Reply(stamp.NewRequest(imprint, nonce)), rootsOf(t, a.Root)); err != nil || reason != stamp.Unsupported {
			t.Errorf("verdict %q, %v", reason, err)
		}
	})
}

// goldenReply never changes: a verifier that stops reading it has lost an old
// bundle. TestGolden says what it must say.
var goldenReply, goldenRoot = func() ([]byte, []byte) {
	a, _ := os.ReadFile(filepath.Join("testdata", "golden.tsr"))
	b, _ := os.ReadFile(filepath.Join("testdata", "golden-root.pem"))
	return a, b
}()

func TestGolden(t *testing.T) {
	if *update {
		a := stamptest.New(now)
		goldenReply, goldenRoot = a.Reply(stamp.NewRequest(imprint, nonce)), a.Root.PEM()
		for name, b := range map[string][]byte{"golden.tsr": goldenReply, "golden-root.pem": goldenRoot} {
			if err := os.WriteFile(filepath.Join("testdata", name), b, 0o644); err != nil { //nolint:gosec // nothing secret
				t.Fatal(err)
			}
		}
	}
	roots, err := stamp.ParseRoots(goldenRoot)
	if err != nil {
		t.Fatal(err)
	}
	reason, err := verify(t, goldenReply, roots)
	if err != nil || reason != stamp.Trusted {
		t.Errorf("verdict %q, %v", reason, err)
	}
}

// Whatever byte of a reply changes, nobody is told what the authority did not
// say: it is broken, or the same stamp, since some bytes are nobody's word.
func TestNoByteChangesTheTime(t *testing.T) {
	roots, err := stamp.ParseRoots(goldenRoot)
	if err != nil {
		t.Fatal(err)
	}
	broken, untrusted, same := 0, 0, 0
	for i := range goldenReply {
		for _, flip := range []byte{1, 0x80} {
			b := bytes.Clone(goldenReply)
			b[i] ^= flip
			token, err := stamp.Parse(b)
			var reason stamp.Reason
			if err == nil {
				reason, err = token.Verify(imprint, nonce, roots)
			}
			switch {
			case err != nil:
				broken++
			case reason != stamp.Trusted:
				untrusted++
			case !token.Time.Equal(moment) || token.Accuracy != time.Second:
				t.Fatalf("byte %d: trusted with another time", i)
			default:
				same++
			}
		}
	}
	t.Logf("%d bytes: %d broken, %d untrusted, %d without a meaning", len(goldenReply), broken, untrusted, same)
	if broken < len(goldenReply) {
		t.Errorf("only %d of %d changes break it", broken, 2*len(goldenReply))
	}
}

func TestParseRootsRefuses(t *testing.T) {
	good := string(stamptest.New(now).Root.PEM())
	for name, text := range map[string]string{
		"nothing":          "",
		"words only":       "trust me\n",
		"not ended":        strings.Split(good, "-----END")[0],
		"not base64":       strings.Replace(good, "M", "!", 1),
		"begins twice":     "-----BEGIN CERTIFICATE-----\n" + good,
		"not DER":          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"more than 64":     strings.Repeat(good, 65),
		"more than 1 MiB":  strings.Repeat(" ", 1<<20+1),
		"another encoding": "-----BEGIN CERTIFICATE-----\n" + hex.EncodeToString([]byte("x")) + "\n-----END CERTIFICATE-----\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := stamp.ParseRoots([]byte(text)); err == nil {
				t.Error("accepted")
			}
		})
	}
	if r, err := stamp.ParseRoots([]byte("issued by the test\r\n" + strings.ReplaceAll(good, "\n", "\r\n") + "the end" + "\n" + good)); err != nil || r.Len() != 2 || len(r.Digests()) != 2 {
		t.Errorf("two with words and other line ends: %v, %v", r, err)
	}
}

func TestOtherKeysAreUnsupported(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := stamptest.New(now)
	s := stamptest.Signer(a.Root, nil)
	cert := *s.Cert
	cert.ExtraExtensions = []pkix.Extension{stamptest.Usage(true, stamptest.TimeStamping)}
	if s.Raw, err = x509.CreateCertificate(rand.Reader, &cert, a.Root.Cert, &key.PublicKey, a.Root.Key); err != nil {
		t.Fatal(err)
	}
	a.Signer = s
	a.Bend = func(w *stamptest.Answer) { w.Binds = s.Raw }
	if reason, err := verify(t, a.Reply(stamp.NewRequest(imprint, nonce)), rootsOf(t, a.Root)); err != nil || reason != stamp.Unsupported {
		t.Errorf("verdict %q, %v", reason, err)
	}
	if r := rootsOf(t, &stamptest.Holder{Raw: s.Raw}); r.Len() != 1 {
		t.Error("a certificate with another key can still be pinned, so that a file of roots is read whole")
	}
}

// openssl is a second opinion: it makes tokens that we check, and checks ours.
func openssl(t *testing.T) (string, func(args ...string) ([]byte, error)) {
	t.Helper()
	bin, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here: its authority makes no token for us, and it gives no second opinion on ours")
	}
	dir := t.TempDir()
	return dir, func(args ...string) ([]byte, error) {
		cmd := exec.Command(bin, args...)
		cmd.Dir = dir
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			return nil, errors.New(strings.Join(args, " ") + ": " + errs.String())
		}
		return out.Bytes(), nil
	}
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpensslAsAuthority(t *testing.T) {
	dir, run := openssl(t)
	a := stamptest.New(time.Now)
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(a.Signer.Key)})
	for name, lines := range map[string]string{
		"SHA-256, second attribute": "signer_digest = sha256\ness_cert_id_alg = sha256\n",
		"SHA-512, first attribute":  "signer_digest = sha512\ness_cert_id_alg = sha1\n",
		"SHA-384, whole chain":      "signer_digest = sha384\ness_cert_id_alg = sha512\ness_cert_id_chain = yes\n",
		"SHA-1":                     "signer_digest = sha1\ness_cert_id_alg = sha1\n",
	} {
		t.Run(name, func(t *testing.T) {
			write(t, dir, map[string][]byte{
				"signer.pem": a.Signer.PEM(), "key.pem": key, "chain.pem": a.Inside[0].PEM(), "serial": []byte("01\n"),
				"req.tsq": stamp.NewRequest(imprint, nonce),
				"ts.cnf": []byte("[tsa]\ndefault_tsa = t\n[t]\nserial = serial\nsigner_cert = signer.pem\ncerts = chain.pem\nsigner_key = key.pem\n" +
					"default_policy = 1.2.3.4\ndigests = sha256\naccuracy = secs:2, millisecs:500, microsecs:7\nordering = yes\ntsa_name = yes\nclock_precision_digits = 3\n" + lines),
			})
			reply, err := run("ts", "-reply", "-queryfile", "req.tsq", "-config", "ts.cnf")
			if err != nil {
				t.Fatal(err)
			}
			token, err := stamp.Parse(reply)
			if err != nil {
				t.Fatal(err)
			}
			want := stamp.Trusted
			if name == "SHA-1" {
				want = stamp.Unsupported
			}
			if reason, err := token.Verify(imprint, nonce, rootsOf(t, a.Root)); err != nil || reason != want {
				t.Errorf("verdict %q, %v; want %q", reason, err, want)
			}
			if token.Accuracy != 2500007*time.Microsecond {
				t.Errorf("accuracy %v", token.Accuracy)
			}
			if since := time.Since(token.Time); since < -time.Minute || since > time.Minute {
				t.Errorf("time %v", token.Time)
			}
		})
	}
}

// What our own test authority writes is what others read too, and a chain
// signed with SHA-1 is refused here though openssl can still make one.
func TestOpensslAgrees(t *testing.T) {
	dir, run := openssl(t)
	a := stamptest.New(time.Now)
	write(t, dir, map[string][]byte{
		"data": []byte("three lines\n"), "req.tsq": stamp.NewRequest(imprint, nonce), "root.pem": a.Root.PEM(),
		"reply.tsr": a.Reply(stamp.NewRequest(imprint, nonce)),
	})
	if out, err := run("ts", "-verify", "-data", "data", "-in", "reply.tsr", "-CAfile", "root.pem"); err != nil || !strings.Contains(string(out)+"", "Verification: OK") && err != nil {
		t.Errorf("%s %v", out, err)
	}
	if out, err := run("ts", "-verify", "-queryfile", "req.tsq", "-in", "reply.tsr", "-CAfile", "root.pem"); err != nil {
		t.Errorf("%s %v", out, err)
	}
	if out, err := run("ts", "-query", "-in", "req.tsq", "-text"); err != nil || !strings.Contains(string(out), "Nonce: 0xF102030405060708090A0B0C0D0E0F10") || !strings.Contains(string(out), "Certificate required: yes") {
		t.Errorf("request: %s %v", out, err)
	}

	rootKey := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(a.Root.Key)})
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(a.Signer.Key)})
	write(t, dir, map[string][]byte{"rootkey.pem": rootKey, "key.pem": key, "ext": []byte("extendedKeyUsage=critical,timeStamping\n")})
	if _, err := run("req", "-new", "-key", "key.pem", "-subj", "/CN=Weak", "-out", "weak.csr"); err != nil {
		t.Fatal(err)
	}
	weak, err := run("x509", "-req", "-in", "weak.csr", "-CA", "root.pem", "-CAkey", "rootkey.pem", "-set_serial", "9", "-sha1", "-days", "30", "-extfile", "ext", "-outform", "DER")
	if err != nil {
		t.Skip("openssl makes no SHA-1 certificate here: " + err.Error())
	}
	cert, err := x509.ParseCertificate(weak)
	if err != nil {
		t.Fatal(err)
	}
	b := &stamptest.Authority{Signer: &stamptest.Holder{Raw: weak, Cert: cert, Key: a.Signer.Key}, Now: time.Now}
	if reason, err := verify(t, b.Reply(stamp.NewRequest(imprint, nonce)), rootsOf(t, a.Root)); err != nil || reason != stamp.Unsupported {
		t.Errorf("chain signed with SHA-1: %q, %v", reason, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(goldenReply)
	f.Add([]byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02})
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff})
	roots, err := stamp.ParseRoots(goldenRoot)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		token, err := stamp.Parse(b)
		if err != nil {
			return
		}
		reason, err := token.Verify(imprint, nonce, roots)
		if err == nil && reason == stamp.Trusted && !token.Time.Equal(moment) {
			t.Fatalf("a time nobody signed: %v", token.Time)
		}
	})
}

func FuzzRoots(f *testing.F) {
	f.Add(goldenRoot)
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := stamp.ParseRoots(b); err == nil && r.Len() == 0 {
			t.Fatal("no roots and no error")
		}
	})
}
