package sensitive_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/sensitive"
)

func TestEachKindIsFoundWhereItIsAndNotWhereItOnlyLooksLikeIt(t *testing.T) {
	// Put together here, so that scanners of repositories do not stop at it.
	token := "gh" + "p_" + strings.Repeat("a1B2", 9)
	for name, c := range map[string]struct {
		text, kind string
	}{
		"a card":                         {"paid with 4111 1111 1111 1111.", sensitive.Card},
		"a card without spaces":          {"5555555555554444", sensitive.Card},
		"a card of 15":                   {"3782 822463 10005", sensitive.Card},
		"a card with a wrong digit":      {"4111 1111 1111 1112", ""},
		"an order number":                {"order 1234567890123456", ""},
		"zeros":                          {"0000000000000000", ""},
		"a time in nanoseconds":          {"1700000000000000000", ""},
		"an account":                     {"to DE89 3704 0044 0532 0130 00", sensitive.IBAN},
		"an account without spaces":      {"GB82WEST12345698765432", sensitive.IBAN},
		"an account with a wrong digit":  {"DE88370400440532013000", ""},
		"a code like an account":         {"AB12CDEF3456GHIJ", ""},
		"an id of the United States":     {"ssn 219-09-9999", sensitive.NationalID},
		"an id never given out":          {"000-12-3456", ""},
		"an id of Switzerland":           {"756.9217.0769.85", sensitive.NationalID},
		"one with a wrong digit":         {"756.9217.0769.84", ""},
		"an id of Brazil":                {"529.982.247-25", sensitive.NationalID},
		"an id of Brazil, wrong":         {"529.982.247-26", ""},
		"an id of Spain":                 {"12345678Z", sensitive.NationalID},
		"an id of Spain, wrong":          {"12345678A", ""},
		"an id of Finland":               {"131052-308T", sensitive.NationalID},
		"an id of Finland, wrong":        {"131052-308U", ""},
		"an id of Italy":                 {"RSSMRA85T10A562S", sensitive.NationalID},
		"an id of Italy, wrong":          {"RSSMRA85T10A562T", ""},
		"a private key":                  {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", sensitive.PrivateKey},
		"a public key":                   {"-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY-----", ""},
		"a token":                        {"x " + token, sensitive.Token},
		"an access key":                  {"AK" + "IAIOSFODNN7EXAMPL2", sensitive.Token},
		"a password in an address":       {"postgres://app:hunter2x@db/main", sensitive.Password},
		"an address with a stand-in":     {"postgres://app:${PASS}@db/main", ""},
		"an address with a port":         {"https://example.org:8443/a@b", ""},
		"a digest":                       {strings.Repeat("0123456789abcdef", 4), ""},
		"an e-mail address on its own":   {"ann@example.org", ""},
		"a UUID":                         {"2f9c1c4e-41d1-4111-8111-111111111111", ""},
		"a date and a number beside one": {"2026-01-02 4111", ""},
	} {
		r := sensitive.Scan([]byte("first line\n" + c.text + "\nlast"))
		got := ""
		if len(r.Findings) > 0 {
			got = r.Findings[0].Kind
		}
		if got != c.kind {
			t.Errorf("%s: found %q, want %q", name, got, c.kind)
			continue
		}
		if c.kind != "" && r.Findings[0].Line != 2 {
			t.Errorf("%s: on line %d, want 2", name, r.Findings[0].Line)
		}
	}
}

func TestNothingThatWasFoundIsRepeated(t *testing.T) {
	r := sensitive.Scan([]byte("4111 1111 1111 1111 and postgres://app:hunter2x@db/main"))
	if len(r.Findings) != 2 {
		t.Fatalf("%+v", r)
	}
	if said := fmt.Sprintf("%+v %s", r, r.Summary()); strings.Contains(said, "1111 1111") || strings.Contains(said, "hunter") {
		t.Errorf("it says %s", said)
	}
}

func TestAListOfAddressesIsOneWhenManyPeopleAreInIt(t *testing.T) {
	var b strings.Builder
	for i := range 30 {
		fmt.Fprintf(&b, "person%d@example.org\n", i)
	}
	r := sensitive.Scan([]byte(b.String()))
	if len(r.Findings) != 30 || r.Findings[0].Kind != sensitive.Emails || r.Grave() != 0 {
		t.Errorf("%d findings, %d grave", len(r.Findings), r.Grave())
	}
	if r := sensitive.Scan([]byte(strings.Repeat("ann@example.org\n", 100))); len(r.Findings) != 0 {
		t.Error("one address many times is called a list of people")
	}
}

func TestTheTextInPackedFilesIsLookedThrough(t *testing.T) {
	var office bytes.Buffer
	z := zip.NewWriter(&office)
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "<w:p><w:t>4111 1111</w:t><w:t> 1111 1111</w:t></w:p>")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	d := zlib.NewWriter(&page)
	fmt.Fprint(d, "BT (4111 1111 ) Tj (1111 1111) Tj ET")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	pdf := "%PDF-1.4\n1 0 obj <<>> stream\n" + page.String() + "\nendstream"
	for name, data := range map[string][]byte{"office": office.Bytes(), "pdf": []byte(pdf)} {
		r := sensitive.Scan(data)
		if len(r.Findings) != 1 || r.Findings[0].Kind != sensitive.Card || r.Read != "packed" || r.Findings[0].End != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if sensitive.Redactable(data) {
			t.Errorf("%s is said to be redactable in place", name)
		}
	}
}

func TestRedactReplacesSpansAndNothingElse(t *testing.T) {
	text := []byte("a 4111 1111 1111 1111 b 5555555555554444 c")
	r := sensitive.Scan(text)
	var spans [][2]int
	for _, f := range r.Findings {
		spans = append(spans, [2]int{f.Start, f.End})
	}
	spans = append(spans, [2]int{spans[0][0] + 2, spans[0][1] - 1}) // inside another
	out, err := sensitive.Redact(text, spans)
	if err != nil || string(out) != "a [redacted] b [redacted] c" {
		t.Errorf("%q, %v", out, err)
	}
	for _, bad := range [][2]int{{-1, 2}, {3, 3}, {0, len(text) + 1}} {
		if _, err := sensitive.Redact(text, [][2]int{bad}); err == nil {
			t.Errorf("a span %v was taken", bad)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "%PDF-1.4 stream (a) endstream", "PK\x03\x04", "131052-308T", "RSSMRA85T10A562S"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := sensitive.Scan(data)
		var spans [][2]int
		for _, x := range r.Findings {
			if x.Line < 1 || x.Start > x.End || x.End > len(data) {
				t.Fatalf("%+v", x)
			}
			if x.End > 0 {
				spans = append(spans, [2]int{x.Start, x.End})
			}
		}
		if len(r.Findings) > sensitive.MaxFindings {
			t.Fatalf("%d findings", len(r.Findings))
		}
		out, err := sensitive.Redact(data, spans)
		if err != nil {
			t.Fatal(err)
		}
		if len(spans) > 0 && bytes.Equal(out, data) && !bytes.Contains(data, []byte(sensitive.Mark)) {
			t.Fatal("nothing was replaced")
		}
	})
}
