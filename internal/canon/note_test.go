package canon_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/canon"
	"golang.org/x/mod/sumdb/note"
)

func verifier(t testing.TB, seed byte) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(canon.VKey(origin(seed), public(seed)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCheckpointReadsBackAsWritten(t *testing.T) {
	text, err := canon.OpenNote(checkpoint(t, 1, 7), verifier(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if want := origin(1) + "\n7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
	c, err := canon.ParseCheckpoint(text)
	if err != nil || c.Text() != text || c.Size != 7 || c.Origin != origin(1) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	good := canon.Checkpoint{Origin: origin(1), Size: 7}.Text()
	for name, text := range map[string]string{
		"nothing":         "",
		"an extension":    good + "more\n",
		"no line end":     strings.TrimSuffix(good, "\n"),
		"another origin":  strings.Replace(good, "tickmark", "example", 1),
		"size with zero":  strings.Replace(good, "\n7", "\n07", 1),
		"negative size":   strings.Replace(good, "\n7", "\n-7", 1),
		"short root":      strings.Replace(good, "AAAA", "", 1),
		"trailing bits":   strings.Replace(good, "A=", "B=", 1),
		"carriage return": strings.Replace(good, "\n7\n", "\n7\r\n", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := canon.ParseCheckpoint(text); err == nil {
				t.Errorf("%q parsed as %+v", text, c)
			}
		})
	}
}

func TestOpenNoteRefusesEveryChangedByte(t *testing.T) {
	b, v := checkpoint(t, 1, 7), verifier(t, 1)
	for i := range b {
		for x := 1; x < 256; x++ {
			c := bytes.Clone(b)
			c[i] ^= byte(x)
			if _, err := canon.OpenNote(c, v); err == nil {
				t.Fatalf("byte %d xor %#x: opened", i, x)
			}
		}
	}
}

func TestOpenNoteRefuses(t *testing.T) {
	good := checkpoint(t, 1, 7)
	_, line, _ := bytes.Cut(good, []byte("\n\n"))
	_, other, _ := bytes.Cut(checkpoint(t, 2, 7), []byte("\n\n"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		note []byte
		want string
	}{
		"no signature":           {good[:bytes.Index(good, []byte("\n\n"))+1], "not a signed note"},
		"cut short":              {good[:len(good)-1], "exactly one"},
		"the same line twice":    {join(good, line), "exactly one"},
		"another line after":     {join(good, other), "exactly one"},
		"another line before":    {join(bytes.TrimSuffix(good, line), other, line), "exactly one"},
		"an unknown line":        {join(good, []byte("— witness AAAAAAAA\n")), "exactly one"},
		"a line end after":       {join(good, []byte("\n")), "exactly one"},
		"another signer":         {checkpoint(t, 2, 7), "signed by " + origin(2)},
		"spaces":                 {bytes.Replace(good, []byte("/1 "), []byte("/1  "), 1), "signature line"},
		"carriage return inside": {join(good[:len(good)-1], []byte("\r\n")), "signature line"},
		"signed twice over":      {join(good, []byte("\n"), line), "does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := canon.OpenNote(c.note, verifier(t, 1))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q, %v; want an error with %q", text, err, c.want)
			}
		})
	}
}

func TestVKey(t *testing.T) {
	s := canon.VKey(origin(1), public(1))
	if want := "tickmark/34750f98bd59fcfc946da45aaabe933b/1+6b05862d+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"; s != want {
		t.Errorf("%s, want %s", s, want)
	}
	got, pub, err := canon.ParseVKey(s)
	if err != nil || got != origin(1) || !pub.Equal(public(1)) {
		t.Errorf("%s, %x, %v", got, pub, err)
	}
	for i := range s {
		for x := 1; x < 256; x++ {
			b := []byte(s)
			b[i] ^= byte(x)
			if _, _, err := canon.ParseVKey(string(b)); err == nil {
				t.Fatalf("byte %d xor %#x: parsed %s", i, x, b)
			}
		}
	}
	for _, bad := range []string{"", "a", "a+b", "a+b+c", s + "\n", " " + s, s[:len(s)-4]} {
		if _, _, err := canon.ParseVKey(bad); err == nil {
			t.Errorf("%q parsed", bad)
		}
	}
}

func TestParseOrigin(t *testing.T) {
	digest, epoch, err := canon.ParseOrigin(canon.Origin(public(1), 12))
	if err != nil || epoch != 12 || digest != "34750f98bd59fcfc946da45aaabe933b" {
		t.Errorf("%s, %d, %v", digest, epoch, err)
	}
	for _, bad := range []string{"", origin(1) + "\n", origin(1) + "/1", strings.TrimSuffix(origin(1), "/1"), origin(1) + "234567890"} {
		if _, _, err := canon.ParseOrigin(bad); err == nil {
			t.Errorf("%q parsed", bad)
		}
	}
}

func TestNewSignerRefusesAnotherAlgorithm(t *testing.T) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := canon.NewSigner(origin(1), k); err == nil {
		t.Error("accepted")
	}
}

func FuzzOpenNote(f *testing.F) {
	good := checkpoint(f, 1, 7)
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := canon.OpenNote(b, verifier(t, 1)); err == nil && !bytes.Equal(b, good) {
			t.Errorf("%q opened", b)
		}
	})
}
