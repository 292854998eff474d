package bundle_test

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/stamp"
	"github.com/tickmark/tickmark/internal/stamp/stamptest"
)

// subjects are one of everything that a verifier can be given.
func subjects(t testing.TB) []subject {
	t.Helper()
	var out []subject
	put := func(name string, file []byte, keys ...string) *subject {
		out = append(out, subject{name: name, file: file, honest: true, keys: keys})
		return &out[len(out)-1]
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	e := newExample(t)
	put("example", e.bytes(), vkey(1))
	put("packs", pack(t, packed(t, e, 2)), vkey(1)).honest = false // written by hand
	put("golden v1", read("v1.evb"), vkey(1), vkey(2))
	put("examination", read("examination-v1.evb"), vkey(fileSeed), vkey(clientSeed))
	put("forged examination", read("examination-forged-v1.evb"), vkey(fileSeed), vkey(clientSeed))
	demo := newBook(t, 7, true)
	demo.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.b"}`})
	put("demonstration", pack1(demo, nil), vkey(7))
	put("rotation", pack1(rotated(t), nil), vkey(1))
	now, old, blobs := estate(t)
	old.reopen(2)
	put("continuation", pack1(now, blobs, old), canon.VKey(now.origin, public(5)), vkey(1))
	b, o, blobs := anchored(t)
	s := put("anchors", pack1(b, blobs), vkey(1))
	s.policy, s.roots = o.text, string(o.authority.Root.PEM())
	s = put("anchors, nobody trusted", pack1(b, blobs), vkey(1))
	s.honest = false // the same file again
	for name, bend := range bends() {
		file, roots := stamped(t, bend)
		s := put("stamp, "+name, file, vkey(1))
		s.roots = roots
	}
	out = append(out, proofs(t, e, o)...)
	return out
}

// bends are ways of authorities, good and bad ones.
func bends() map[string]func(a *stamptest.Authority) {
	answer := func(change func(w *stamptest.Answer)) func(a *stamptest.Authority) {
		return func(a *stamptest.Authority) { a.Bend = change }
	}
	return map[string]func(a *stamptest.Authority){
		"as most":    func(*stamptest.Authority) {},
		"SHA-512":    answer(func(w *stamptest.Answer) { w.Hash = crypto.SHA512 }),
		"SHA-1":      answer(func(w *stamptest.Answer) { w.Hash = crypto.SHA1 }),
		"first form": answer(func(w *stamptest.Answer) { w.First = true }),
		"no issuer":  func(a *stamptest.Authority) { a.Inside = nil },
		"not made for it": func(a *stamptest.Authority) {
			a.Signer = stamptest.Signer(a.Inside[0], func(c *x509.Certificate) { c.ExtraExtensions = nil })
		},
		"expired": func(a *stamptest.Authority) {
			a.Signer = stamptest.Signer(a.Inside[0], func(c *x509.Certificate) { c.NotAfter = start.AddDate(-1, 0, 0) })
		},
		"ten years later": func(a *stamptest.Authority) {
			a.Now = func() time.Time { return start.AddDate(10, 0, 0).Add(7e8 + 123456) }
		},
	}
}

// stamped is a log that ends in a time stamp, so that nothing rests on it.
func stamped(t testing.TB, bend func(a *stamptest.Authority)) (file []byte, roots string) {
	at := start.Add(time.Minute)
	o := newOutside(t, &at)
	bend(o.authority)
	b := newBook(t, 1, false)
	b.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.b"}`})
	n := new(big.Int).SetBytes([]byte{0xf0, 0x0d, 0x11})
	reply := string(o.authority.Reply(stamp.NewRequest(sha256.Sum256([]byte(b.text(2))), n)))
	b.add(canon.Leaf{Kind: canon.KindAnchor}, map[string]string{
		"body":    `{"authority":"https://tsa.example/","id":"anc_1","media_type":"application/timestamp-reply","nonce":"f00d11","op":"anchors.stamp","size":2}`,
		"content": content(reply),
	})
	c := bundle.Contents{
		Created: start.Add(time.Hour), Scope: bundle.All, Logs: []bundle.Log{b.log()}, Blobs: []bundle.Blob{blob(reply)},
		Readme: []byte("r"), Spec: []byte("s"),
	}
	if bend != nil && !sound([]byte(reply), []byte(b.text(2)), n) {
		c.Scope = bundle.All // broken; the bundle is written all the same
	}
	return write(t, c, 1), string(o.authority.Root.PEM())
}

func sound(reply, text []byte, nonce *big.Int) bool {
	tok, err := stamp.Parse(reply)
	if err == nil {
		_, err = tok.Verify(sha256.Sum256(text), nonce, nil)
	}
	return err == nil
}

func proofs(t testing.TB, e example, o outside) (out []subject) {
	put := func(name string, p bundle.Proof, keys ...string) *subject {
		out = append(out, subject{name: "proof, " + name, file: writeProof(t, p), proof: true, honest: true, keys: keys, made: &p})
		return &out[len(out)-1]
	}
	put("first", e.proof(0), vkey(1))
	put("opened", e.proof(1), vkey(1)).content = []byte("first\n")
	put("closed", e.proof(4), vkey(1))
	put("no key", e.proof(2)).honest = false
	p := e.proof(3)
	for i, name := range []string{"witness.example", "other.example/w", "stranger.example"} {
		line := o.cosign(e.book, len(e.leaves), name, 20+byte(i), start.Add(time.Duration(i+9)*time.Minute))["body"]
		p.Cosignatures = append(p.Cosignatures, strings.Split(line, `"`)[3])
	}
	put("cosigned", p, vkey(1)).policy = o.text
	p = e.proof(1)
	p.Leaf, p.First, p.FirstHashes, p.Open = nil, nil, nil, nil
	put("receipt", p, vkey(1)).honest = false
	r := rotated(t)
	put("changed key", r.proof(4), r.vkeyAt(6))
	demo := newBook(t, 7, true)
	demo.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": `{"op":"a.b"}`})
	put("demonstration", demo.proof(1), vkey(7))
	return out
}

// mutate alters one of the subjects in one way; false if that way is not open to
// it.
func mutate(t *testing.T, r *rand.Rand, all []subject) (mutant, bool) {
	s := all[r.IntN(len(all))]
	m := mutant{subject: s}
	switch n := r.IntN(20); {
	case n == 0:
		return forgedExamination(t, r)
	case n <= 3:
		return given(r, m)
	case n <= 9:
		return raw(t, r, m), true
	case s.proof:
		return proofForger(t, r, m)
	case n <= 12:
		return unsealed(t, r, m), true
	}
	for _, w := range []string{"proof", "packs", "forged"} {
		if strings.HasPrefix(s.name, w) && r.IntN(2) == 0 {
			return raw(t, r, m), true
		}
	}
	return dishonest(t, r, m)
}

// raw alters bytes as they lie in the file.
func raw(t *testing.T, r *rand.Rand, m mutant) mutant {
	b := append([]byte(nil), m.file...)
	at := r.IntN(len(b))
	n := r.IntN(8)
	if n < 3 && !m.proof {
		if m.object = regions(t, m.file)[at]; strings.Contains(m.object, " ") {
			m.object = "" // of header and directory either may be believed, so that the other is named
		}
	}
	switch n {
	case 0, 1:
		b[at] ^= 1 << r.IntN(8)
		m.how = "bytes: one bit"
	case 2:
		b[at] = byte(r.IntN(256))
		m.how = "bytes: one byte"
	case 3:
		b = append(b[:at], b[at+1:]...)
		m.how = "bytes: one less"
	case 4:
		b = append(b[:at], append([]byte{byte(r.IntN(256))}, b[at:]...)...)
		m.how = "bytes: one more"
	case 5:
		b = b[:at]
		m.how = "bytes: cut short"
	case 6:
		n := min(1+r.IntN(200), len(b)-at)
		to := r.IntN(len(b) - n + 1)
		copy(b[to:], append([]byte(nil), b[at:at+n]...))
		m.how = "bytes: one part over another"
	case 7:
		n := min(1+r.IntN(40), len(b)-at)
		b = append(b, b[at:at+n]...)
		m.how = "bytes: a part again at the end"
	}
	same := string(b) == string(m.file)
	if same {
		m.object = ""
	}
	m.file = b
	// What an unknown witness signed may be anything; and the way of hashes in a
	// receipt leads from a leaf that is not there.
	m.must = !same && len(m.keys) > 0 && !(m.proof && m.policy != "") && m.name != "proof, receipt"
	return m
}

// given alters what the reader has, not the file.
func given(r *rand.Rand, m mutant) (mutant, bool) {
	switch r.IntN(6) {
	case 0:
		m.keys = nil
		m.how = "reader: no key"
	case 1:
		m.keys = append([]string{vkey(40)}, m.keys...)
		m.how = "reader: a key too many"
	case 2:
		m.keys = []string{vkey(41)}
		m.how = "reader: another key"
		m.must = m.policy == ""
	case 3:
		if m.policy == "" {
			return m, false
		}
		m.policy = spoilText(r, m.policy)
		m.how = "reader: another policy"
	case 4:
		if m.roots == "" {
			return m, false
		}
		m.roots = spoilText(r, m.roots)
		m.how = "reader: other roots"
	case 5:
		if len(m.keys) == 0 {
			return m, false
		}
		m.keys = []string{spoilText(r, m.keys[0])}
		m.how = "reader: a key that is none"
	}
	return m, true
}

func spoilText(r *rand.Rand, s string) string {
	at := r.IntN(len(s))
	lines := strings.SplitAfter(s, "\n")
	switch r.IntN(6) {
	case 0:
		return s[:at] + s[at+1:]
	case 1:
		return s[:at] + string(rune(' '+r.IntN(95))) + s[at+1:]
	case 2:
		return s[:at] + []string{"\t", "\n", "\r", "  ", "#", "é", "\x00", "+"}[r.IntN(8)] + s[at:]
	case 3:
		i := r.IntN(len(lines))
		return strings.Join(append(append([]string{}, lines[:i]...), lines[i+1:]...), "")
	case 4:
		i := r.IntN(len(lines))
		return s + "\n" + lines[i]
	}
	for _, w := range [][2]string{{"quorum both", "quorum none"}, {"quorum both", "quorum ours"}, {"group both 2", "group both any"}, {"group both 2", "group both 1"}, {"group both 2", "group both 3"}, {"group both 2", "group both all"}} {
		if r.IntN(3) == 0 {
			return strings.Replace(s, w[0], w[1], 1)
		}
	}
	return s[:at]
}

// forgedExamination is one of those of TestForgedExaminations.
func forgedExamination(t testing.TB, r *rand.Rand) (mutant, bool) {
	list := forgeries(t)
	c := list[r.IntN(len(list))]
	p := newPlay(t)
	if c.forge != nil {
		c.forge(p)
	}
	m := mutant{subject: subject{name: "an engagement", file: p.do(c.script...).bytes(), keys: []string{vkey(fileSeed), vkey(clientSeed)}}}
	m.how, m.must, m.sealed = "examination: "+c.rule+" "+c.name, true, true
	return m, true
}
