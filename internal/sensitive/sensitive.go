// Package sensitive looks for what should not be in evidence: numbers of
// payment cards and accounts, national ids, keys, tokens and passwords. It says
// where and of which kind, and never repeats what it found. What can be checked
// by its own checksum is, so that an order number is not taken for a card.
package sensitive

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a scan.
const (
	MaxSize     = 64 << 20
	MaxFindings = 500
	maxKey      = 16 << 10
	bulk        = 25 // so many different addresses are a list of people
)

// Kinds of finding.
const (
	Card       = "payment_card"
	IBAN       = "iban"
	NationalID = "national_id"
	PrivateKey = "private_key"
	Token      = "token"
	Password   = "password"
	Emails     = "email_list"
)

// Words say each kind to people.
var Words = map[string]string{Card: "number of a payment card", IBAN: "number of a bank account", NationalID: "national id of a person", PrivateKey: "private key",
	Token: "access token", Password: "password", Emails: "e-mail address in a list"}

// A Finding is one place. Start and End are offsets of bytes in the content;
// both are 0 where it was read out of a packed file and cannot be replaced in
// place.
type Finding struct {
	Kind   string `json:"kind"`
	Line   int    `json:"line"` // from 1; of a packed file, of its text
	Start  int    `json:"start"`
	End    int    `json:"end"`
	Masked string `json:"masked"` // first and last characters only
	Part   string `json:"part,omitempty"`
}

// Span names the place, as a form sends it back.
func (f Finding) Span() string { return fmt.Sprintf("%d-%d", f.Start, f.End) }

// Grave reports whether the finding is one that nobody would hand in knowingly.
// A list of addresses is usual in evidence of access and only said.
func (f Finding) Grave() bool { return f.Kind != Emails }

// A Report is what a scan found, and how far it could look.
type Report struct {
	Findings []Finding `json:"findings"`
	// Read is what was looked through: "text", "packed" (the text inside a PDF or
	// an office file) or "" if nothing of it could be read.
	Read string `json:"read,omitempty"`
	// Cut is set when the content was larger, or had more findings, than a scan takes.
	Cut bool `json:"cut,omitempty"`
}

// Grave counts the findings that nobody would hand in knowingly.
func (r Report) Grave() (n int) {
	for _, f := range r.Findings {
		if f.Grave() {
			n++
		}
	}
	return n
}

// Summary says what was found, by kind, without saying it.
func (r Report) Summary() string {
	count := map[string]int{}
	first := map[string]int{}
	for _, f := range r.Findings {
		if count[f.Kind]++; count[f.Kind] == 1 {
			first[f.Kind] = f.Line
		}
	}
	var out []string
	for _, k := range []string{PrivateKey, Password, Token, Card, IBAN, NationalID, Emails} {
		if n := count[k]; n > 0 {
			out = append(out, fmt.Sprintf("%s (%d, first on line %d)", Words[k], n, first[k]))
		}
	}
	return strings.Join(out, ", ")
}

// shape is a pattern with a test of its own for what it matches.
type shape struct {
	kind  string
	form  *regexp.Regexp
	group int
	ok    func(b []byte) bool
}

var shapes = []shape{
	{PrivateKey, regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----`), 0, nil},
	{PrivateKey, regexp.MustCompile(`\bAGE-SECRET-KEY-1[0-9A-Z]{50,60}\b`), 0, nil},
	{Token, regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255}|glpat-[A-Za-z0-9_\-]{20,64}|xox[abprs]-[A-Za-z0-9\-]{20,255}|sk_live_[A-Za-z0-9]{20,128}|rk_live_[A-Za-z0-9]{20,128}|npm_[A-Za-z0-9]{36}|dop_v1_[a-f0-9]{64}|hvs\.[A-Za-z0-9_\-]{24,255}|SG\.[A-Za-z0-9_\-]{20,24}\.[A-Za-z0-9_\-]{40,45}|AIza[A-Za-z0-9_\-]{35}|(?:AKIA|ASIA)[A-Z2-7]{16}|dckr_pat_[A-Za-z0-9_\-]{27})\b`), 0, nil},
	{Token, regexp.MustCompile(`\beyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{20,}\b`), 0, nil},
	{Password, regexp.MustCompile(`\b[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://[^\s/:@"'<>]{0,100}:([^\s/@"'<>]{3,200})@`), 1, secretWord},
	{Card, regexp.MustCompile(`\b[2-6]\d{3}[ -]?\d{4}[ -]?\d{4}[ -]?\d{1,4}(?:[ -]?\d{1,3})?\b|\b3[47]\d{2}[ -]?\d{6}[ -]?\d{5}\b`), 0, card},
	{IBAN, regexp.MustCompile(`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b`), 0, iban},
	{NationalID, regexp.MustCompile(`\b\d{3}-\d{2}-\d{4}\b`), 0, ssn},
	{NationalID, regexp.MustCompile(`\b756\.\d{4}\.\d{4}\.\d{2}\b`), 0, ahv},
	{NationalID, regexp.MustCompile(`\b\d{3}\.\d{3}\.\d{3}-\d{2}\b`), 0, cpf},
	{NationalID, regexp.MustCompile(`\b[0-9]{8}-?[TRWAGMYFPDXBNJZSQVHLCKE]\b`), 0, dni},
	{NationalID, regexp.MustCompile(`\b\d{6}[-+A]\d{3}[0-9A-FHJ-NPR-Y]\b`), 0, hetu},
	{NationalID, regexp.MustCompile(`\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b`), 0, fiscale},
}

var address = regexp.MustCompile(`\b[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}\b`)

// Scan looks through a content. Text is looked through as it is; of a PDF or
// an office file, the text in it as far as it is plainly there.
func Scan(data []byte) Report {
	var r Report
	if len(data) > MaxSize {
		data, r.Cut = data[:MaxSize], true
	}
	if text, part, ok := unpack(data); ok {
		r.Read = "packed"
		r.look(text)
		for i := range r.Findings {
			r.Findings[i].Start, r.Findings[i].End, r.Findings[i].Part = 0, 0, part
		}
		return r
	}
	if !plain(data) {
		return r
	}
	r.Read = "text"
	r.look(data)
	return r
}

// Redactable reports whether findings of this content can be replaced in place.
func Redactable(data []byte) bool {
	_, _, packed := unpack(data)
	return !packed && plain(data)
}

// plain reports whether the content is text.
func plain(data []byte) bool {
	head := data[:min(len(data), 64<<10)]
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for i := 0; i < utf8.UTFMax && len(head) > 0; i++ { // a cut may have split a letter
		if utf8.Valid(head) {
			return true
		}
		head = head[:len(head)-1]
	}
	return len(data) == 0
}

func (r *Report) look(data []byte) {
	taken := map[int]bool{}
	add := func(kind string, from, to int) bool {
		if taken[from] {
			return true
		}
		if len(r.Findings) == MaxFindings {
			r.Cut = true
			return false
		}
		taken[from] = true
		r.Findings = append(r.Findings, Finding{Kind: kind, Start: from, End: to, Masked: mask(string(data[from:to]))})
		return true
	}
	for _, s := range shapes {
		for _, m := range s.form.FindAllSubmatchIndex(data, MaxFindings*4) {
			from, to := m[2*s.group], m[2*s.group+1]
			if s.ok != nil && !s.ok(data[from:to]) {
				continue
			}
			if s.kind == PrivateKey {
				to = keyEnd(data, to)
			}
			if !add(s.kind, from, to) {
				break
			}
		}
	}
	all := address.FindAllIndex(data, MaxFindings)
	different := map[string]bool{}
	for _, m := range all {
		different[strings.ToLower(string(data[m[0]:m[1]]))] = true
	}
	if len(different) >= bulk {
		for _, m := range all {
			if !add(Emails, m[0], m[1]) {
				break
			}
		}
	}
	slices.SortFunc(r.Findings, func(a, b Finding) int { return cmp.Compare(a.Start, b.Start) })
	line, at := 1, 0
	for i := range r.Findings {
		f := &r.Findings[i]
		line += bytes.Count(data[at:f.Start], []byte("\n"))
		f.Line, at = line, f.Start
	}
}

// keyEnd is where a key ends that begins before from. One without an end is
// taken as far as it can be one.
func keyEnd(data []byte, from int) int {
	body := data[from:min(len(data), from+maxKey)]
	if next := bytes.Index(body, []byte("-----BEGIN ")); next >= 0 {
		body = body[:next]
	}
	end := bytes.Index(body, []byte("-----END "))
	if end < 0 {
		return from + len(body)
	}
	dashes := bytes.Index(body[end+9:], []byte("-----"))
	if dashes < 0 {
		return from + len(body)
	}
	return from + end + 9 + dashes + 5
}

// mask keeps so little that nothing is given away: at most two characters at
// each end, and none of what is short.
func mask(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	r := []rune(s)
	switch {
	case len(r) >= 12:
		return string(r[:2]) + "…" + string(r[len(r)-2:])
	case len(r) >= 8:
		return string(r[:1]) + "…" + string(r[len(r)-1:])
	}
	return "…"
}

// Mark takes the place of what was redacted.
const Mark = "[redacted]"

// Redact returns the content with the spans replaced. Spans that touch or
// overlap become one.
func Redact(data []byte, spans [][2]int) ([]byte, error) {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	out := make([]byte, 0, len(data))
	at := 0
	for i, s := range spans {
		if s[0] < 0 || s[1] <= s[0] || s[1] > len(data) {
			return nil, fmt.Errorf("a span is first-end with 0 <= first < end <= %d, and not %d-%d", len(data), s[0], s[1])
		}
		if i > 0 && s[0] <= at {
			at = max(at, s[1])
			continue
		}
		out = append(out, data[at:s[0]]...)
		out = append(out, Mark...)
		at = s[1]
	}
	return append(out, data[at:]...), nil
}
