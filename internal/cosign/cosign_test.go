package cosign_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/tickmark/tickmark/internal/cosign"
)

const text = "tickmark/34750f98bd59fcfc946da45aaabe933b/1\n3\nqz0QFHeFDDnVfb6Q6uTFBDhMgurYRMMYJZmq/zjhIUI=\n"

func private(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func key(t testing.TB, name string, n byte) cosign.Key {
	t.Helper()
	k, err := cosign.WitnessKey(name, private(n).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func logKey(t testing.TB, n byte) string {
	t.Helper()
	v, err := note.NewEd25519VerifierKey(fmt.Sprintf("tickmark/%032x/1", n), private(n).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSign(t *testing.T) {
	k := key(t, "witness.example/w1", 1)
	line, err := cosign.Sign(k, private(1), text, time.Unix(1772344800, 9e8))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cosign.ParseLine(line)
	if err != nil || c.Time != 1772344800 || c.Name != "witness.example/w1" || c.String() != line || !c.By(k) {
		t.Fatalf("%+v %v", c, err)
	}
	if err := c.Verify(k, text); err != nil {
		t.Error(err)
	}
	for name, refused := range map[string]error{
		"another text": c.Verify(k, strings.Replace(text, "\n3\n", "\n4\n", 1)),
		"another key":  c.Verify(key(t, "witness.example/w1", 2), text),
		"another name": c.Verify(key(t, "witness.example/w2", 1), text),
	} {
		if refused == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// The signed message is the one C2SP shows, byte for byte.
	raw, err := base64.StdEncoding.DecodeString(line[strings.LastIndex(line, " ")+1:])
	if err != nil || !ed25519.Verify(k.Public, []byte("cosignature/v1\ntime 1772344800\n"+text), raw[12:]) {
		t.Error("signs something else than cosignature/v1")
	}
	// And the module that others use reads the line as a note's.
	v, err := note.NewVerifier(logKey(t, 9))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := note.Open([]byte(text+"\n"+line+"\n"), note.VerifierList(v)); err == nil || !strings.Contains(err.Error(), "no verifiable signatures") {
		t.Errorf("as a note: %v", err)
	}
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		c, err := cosign.ParseLine("— witness.example/w1 " + base64.StdEncoding.EncodeToString(bad))
		if err == nil && c.Verify(k, text) == nil {
			t.Errorf("byte %d changed: accepted", i)
		}
	}
}

// The example of the specification, recomputed: the key id of a name and key.
func TestKeyRoundTrip(t *testing.T) {
	k := key(t, "w", 3)
	again, err := cosign.ParseWitnessKey(k.String())
	if err != nil || again.String() != k.String() || again.ID != k.ID {
		t.Fatalf("%v %v", again, err)
	}
	if _, err := cosign.ParseLogKey(logKey(t, 3)); err != nil {
		t.Error(err)
	}
	s := k.String()
	for name, bad := range map[string]string{
		"a log's key":     logKey(t, 3),
		"no key":          "w+00000000",
		"another id":      strings.Replace(s, fmt.Sprintf("%08x", k.ID), fmt.Sprintf("%08x", k.ID^1), 1),
		"capital id":      "w+" + strings.ToUpper(s[2:10]) + s[10:],
		"not base64":      s[:len(s)-3] + "!!!",
		"one byte less":   s[:len(s)-4],
		"no name":         s[1:],
		"a space in name": "a " + s,
		"empty":           "",
	} {
		if k, err := cosign.ParseWitnessKey(bad); err == nil && bad != s {
			t.Errorf("%s: accepted as %v", name, k)
		}
	}
	if _, err := cosign.ParseLogKey(s); err == nil {
		t.Error("a witness's key accepted as a log's")
	}
	if _, err := cosign.WitnessKey("a+b", k.Public); err == nil {
		t.Error("+ in a name accepted")
	}
}

func TestParseLineRefuses(t *testing.T) {
	k := key(t, "w", 1)
	good, err := cosign.Sign(k, private(1), text, time.Unix(5, 0))
	if err != nil {
		t.Fatal(err)
	}
	zero := base64.StdEncoding.EncodeToString(make([]byte, 76))
	for name, line := range map[string]string{
		"another dash":   strings.Replace(good, "—", "-", 1),
		"line end":       good + "\n",
		"two spaces":     strings.Replace(good, " w ", " w  ", 1),
		"no name":        strings.Replace(good, " w ", "  ", 1),
		"a log's":        "— w " + base64.StdEncoding.EncodeToString(make([]byte, 68)),
		"time 0":         "— w " + zero,
		"year 10000":     "— w AAAAAAAB" + zero[8:],
		"not base64":     "— w !",
		"words":          "hello",
		"unused bits":    good[:len(good)-2] + "B=",
		"name too long":  "— " + strings.Repeat("w", 256) + good[len("— w"):],
		"not printable":  "— é" + good[len("— w"):],
		"space in front": " " + good,
	} {
		if c, err := cosign.ParseLine(line); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
	if _, err := cosign.Sign(k, private(1), text, time.Unix(-1, 0)); err == nil {
		t.Error("signed before 1970")
	}
}

func example(t testing.TB) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# two of the first three, and one of the others\n\nlog %s https://log.example/\n", logKey(t, 9))
	for i, n := range []string{"X1", "X2", "X3", "Y1", "Y2", "Y3"} {
		fmt.Fprintf(&b, "\twitness  %s\t%s https://w%d.example/ \n", n, key(t, "w"+n, byte(i+1)), i)
	}
	b.WriteString("group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\n  # both\ngroup both all X-witnesses Y-witnesses\nquorum both\n")
	return b.String()
}

func TestPolicy(t *testing.T) {
	p, err := cosign.ParsePolicy([]byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Logs) != 1 || len(p.Witnesses) != 6 || p.Witnesses[3].URL != "https://w3.example/" || !p.Asks() {
		t.Errorf("%+v", p)
	}
	for _, c := range []struct {
		by   string
		want bool
	}{
		{"", false}, {"X1 X2", false}, {"X1 Y1", false}, {"X1 X2 Y3", true}, {"X1 X2 X3 Y1 Y2 Y3", true}, {"Y1 Y2 Y3", false}, {"X1 X2 both", false},
	} {
		by := map[string]bool{}
		for _, n := range strings.Fields(c.by) {
			by[n] = true
		}
		if p.Satisfied(by) != c.want {
			t.Errorf("Satisfied(%s) = %v", c.by, !c.want)
		}
	}
	again, err := cosign.ParsePolicy([]byte(p.String()))
	if err != nil || again.String() != p.String() {
		t.Errorf("written and read again:\n%s\n%v", p, err)
	}
	line, err := cosign.Sign(p.Witnesses[4].Key, private(5), text, time.Unix(5, 0))
	if err != nil {
		t.Fatal(err)
	}
	c, err := cosign.ParseLine(line)
	if err != nil {
		t.Fatal(err)
	}
	if w, ok := p.Witness(c); !ok || w.Name != "Y2" || c.Verify(w.Key, text) != nil {
		t.Errorf("%+v %v", w, ok)
	}
	if none, err := cosign.ParsePolicy([]byte("quorum none")); err != nil || none.Asks() || !none.Satisfied(nil) {
		t.Errorf("quorum none: %+v, %v", none, err)
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	w1, w2 := "witness A "+key(t, "a", 1).String()+"\n", "witness B "+key(t, "b", 2).String()+"\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":              {"", "no quorum"},
		"two quorums":          {"quorum none\nquorum none\n", "line 2: a second quorum"},
		"unknown quorum":       {"quorum A\n" + w1, "line 1"},
		"unknown word":         {"quorum none\nlimit 3\n", "line 2: \"limit\""},
		"name twice":           {w1 + strings.Replace(w2, "B", "A", 1) + "quorum none\n", "line 2: the name \"A\" is taken"},
		"key twice":            {w1 + "witness B " + key(t, "b", 1).String() + "\nquorum none\n", "line 2: the key of b is there already"},
		"log twice":            {"log " + logKey(t, 1) + "\nlog " + logKey(t, 1) + "\nquorum none", "line 2"},
		"log's key as witness": {"witness A " + logKey(t, 1) + "\nquorum none", "line 1"},
		"witness's as log":     {"log " + key(t, "a", 1).String() + "\nquorum none", "line 1"},
		"named none":           {strings.Replace(w1, "A", "none", 1) + "quorum none\n", "taken"},
		"member later":         {"group g any A\n" + w1 + "quorum g\n", "line 1: \"A\""},
		"member none":          {w1 + "group g any none\nquorum g\n", "line 2"},
		"member of itself":     {w1 + "group g any g\nquorum g\n", "line 2"},
		"member twice":         {w1 + "group g 2 A A\nquorum g\n", "counts in one way only"},
		"member of two":        {w1 + w2 + "group g any A\ngroup h all A B\nquorum h\n", "line 4"},
		"number too large":     {w1 + "group g 2 A\nquorum g\n", "from 1 to 1"},
		"number 0":             {w1 + "group g 0 A\nquorum g\n", "from 1 to 1"},
		"number 01":            {w1 + "group g 01 A\nquorum g\n", "from 1 to 1"},
		"no member":            {w1 + "group g any\nquorum g\n", "want: group"},
		"a word too many":      {w1 + "quorum A B\n", "want: quorum"},
		"log, three words":     {"log a b c\nquorum none\n", "want: log"},
		"witness, one word":    {"witness A\nquorum none\n", "want: witness"},
		"line ends of Windows": {"quorum none\r\n", "control character 0x0d"},
		"too large":            {strings.Repeat("#", 64<<10) + "\nquorum none\n", "at most 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := cosign.ParsePolicy([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v; want an error with %q", p, err, c.want)
			}
		})
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(example(f)))
	f.Add([]byte("quorum none\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := cosign.ParsePolicy(b)
		if err != nil {
			return
		}
		again, err := cosign.ParsePolicy([]byte(p.String()))
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q is not read as written: %v", p, err)
		}
		all := map[string]bool{}
		for _, w := range p.Witnesses {
			all[w.Name] = true
		}
		if !p.Satisfied(all) {
			t.Fatal("all witnesses together are no quorum")
		}
	})
}

func FuzzLine(f *testing.F) {
	line, err := cosign.Sign(key(f, "w", 1), private(1), text, time.Unix(5, 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := cosign.ParseLine(s); err == nil && c.String() != s {
			t.Fatalf("%q has two spellings", s)
		}
	})
}
