package canon

import (
	"encoding/base64"
	"encoding/hex"
	"time"
)

// Commits are the commitments of a leaf, in the order of their labels: actor,
// body, content.
type Commits struct {
	has [3]bool
	sum [3][32]byte
}

// Len is how many there are.
func (c *Commits) Len() (n int) {
	for _, has := range c.has {
		if has {
			n++
		}
	}
	return n
}

// Map is how a Leaf holds them; nil if there are none.
func (c *Commits) Map() map[string][32]byte {
	if c.Len() == 0 {
		return nil
	}
	m := make(map[string][32]byte, len(labels))
	for i, label := range labels {
		if c.has[i] {
			m[label] = c.sum[i]
		}
	}
	return m
}

func commitsOf(m map[string][32]byte) (c Commits) {
	for i, label := range labels {
		c.sum[i], c.has[i] = m[label]
	}
	return c
}

// ScanLeaf is ParseLeaf for whoever reads a million leaves of one log: it leaves
// Commit nil and fills commits instead, and takes the origin from the leaf
// before, which l still holds, if it is the same.
func ScanLeaf(b []byte, l *Leaf, commits *Commits) error {
	if len(b) <= MaxLeaf && scanLeaf(b, l, commits) {
		return nil
	}
	// Whatever is unusual is read, or refused, in words.
	p, err := ParseLeaf(b)
	*commits = commitsOf(p.Commit)
	p.Commit = nil
	*l = p
	return err
}

// scanLeaf reads the usual leaf in one pass. Fields have one order and one
// spelling, so a leaf that is read to its end is the only text that it can be.
// False says nothing: the leaf may be good, and unusual. A fuzz target holds
// what it accepts against ParseLeaf.
func scanLeaf(b []byte, l *Leaf, commits *Commits) bool {
	s := scanner{b: b}
	known := l.Log
	*l, *commits = Leaf{}, Commits{}
	if !s.eat(`{`) {
		return false
	}
	if s.eat(`"commit":{`) && !s.commits(commits) {
		return false
	}
	if s.eat(`"erases":`) {
		l.Erases = s.indices()
		s.want(`,`)
	}
	s.want(`"index":`)
	l.Index = s.integer()
	s.want(`,`)
	if s.eat(`"items":{"count":`) {
		l.Items = &Items{Count: s.integer()}
		s.want(`,"root":"`)
		s.digest(&l.Items.Root)
		s.want(`"},`)
	}
	if s.eat(`"key":"`) {
		l.Key = s.base64(32)
		s.want(`",`)
	}
	s.want(`"kind":"`)
	l.Kind = s.kind()
	s.want(`","log":"`)
	l.Log = s.origin(known)
	s.want(`","recorded":"`)
	l.Recorded = s.time()
	s.want(`",`)
	if s.eat(`"signed":"`) {
		l.Signed = s.base64(64)
		s.want(`",`)
	}
	if s.eat(`"supersedes":`) {
		l.Supersedes = s.indices()
		s.want(`,`)
	}
	s.want(`"v":1}`)
	if s.bad || s.i != len(b) {
		return false
	}
	return l.Index > 0 && l.Key == nil && l.usual() || l.validate() == nil
}

// usual reports whether nothing but the form of its fields, which is read
// already, could be wrong with a leaf.
func (l *Leaf) usual() bool {
	return l.Items == nil && l.Supersedes == nil && l.Erases == nil && l.Signed == nil && l.Kind != KindErasure
}

// scanner eats texts that have one spelling.
type scanner struct {
	b   []byte
	i   int
	bad bool
}

func (s *scanner) eat(text string) bool {
	if len(s.b)-s.i >= len(text) && string(s.b[s.i:s.i+len(text)]) == text {
		s.i += len(text)
		return true
	}
	return false
}

func (s *scanner) want(text string) {
	if !s.eat(text) {
		s.bad = true
	}
}

// text takes what stands before the next quotation mark.
func (s *scanner) text() []byte {
	for j := s.i; j < len(s.b); j++ {
		if c := s.b[j]; c == '"' {
			t := s.b[s.i:j]
			s.i = j
			return t
		} else if c < 0x20 || c > 0x7e || c == '\\' {
			break
		}
	}
	s.bad = true
	return nil
}

func (s *scanner) integer() (n int64) {
	start := s.i
	for ; s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' && s.i-start < 16; s.i++ {
		n = n*10 + int64(s.b[s.i]-'0')
	}
	if s.i == start || s.b[start] == '0' && s.i > start+1 || n > MaxInt {
		s.bad = true
	}
	return n
}

func (s *scanner) indices() (list []int64) {
	s.want(`[`)
	for !s.bad {
		list = append(list, s.integer())
		if s.eat(`]`) {
			return list
		}
		s.want(`,`)
	}
	return nil
}

// unhex are the values of lower-case hexadecimal characters; 0xff for others.
var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

func (s *scanner) digest(d *[32]byte) {
	if len(s.b)-s.i < 64 {
		s.bad = true
		return
	}
	text := s.b[s.i : s.i+64]
	for i := range d {
		hi, lo := unhex[text[2*i]], unhex[text[2*i+1]]
		if hi|lo > 0xf {
			s.bad = true
			return
		}
		d[i] = hi<<4 | lo
	}
	s.i += hex.EncodedLen(len(d))
}

func (s *scanner) base64(size int) []byte {
	t := s.text()
	out, err := base64.StdEncoding.Strict().DecodeString(string(t))
	if err != nil || len(out) != size {
		s.bad = true
	}
	return out
}

func (s *scanner) commits(c *Commits) bool {
	comma := false
	for i, field := range [...]string{`"actor":"`, `"body":"`, `"content":"`} {
		at := s.i
		if comma && !s.eat(`,`) || !s.eat(field) {
			s.i = at
			continue
		}
		s.digest(&c.sum[i])
		s.want(`"`)
		c.has[i], comma = true, true
	}
	s.want(`},`)
	return comma && !s.bad
}

func (s *scanner) kind() Kind {
	t := s.text()
	for _, k := range kinds {
		if string(t) == string(k) {
			return k
		}
	}
	s.bad = true
	return ""
}

// origin takes the origin of the leaf before if it is the same, and saves the
// looking at it.
func (s *scanner) origin(known string) string {
	t := s.text()
	if known != "" && string(t) == known {
		return known
	}
	o := string(t)
	if _, _, err := ParseOrigin(o); err != nil {
		s.bad = true
	}
	return o
}

// daysIn are the days of the months in a year that is not a leap year.
var daysIn = [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// time reads the one form of recorded: 2026-11-21T23:05:02.123Z.
func (s *scanner) time() time.Time {
	const form = "0000-00-00T00:00:00.000Z"
	if len(s.b)-s.i < len(form) {
		s.bad = true
		return time.Time{}
	}
	var n [7]int
	at := 0
	for i, f := range []byte(form) {
		switch c := s.b[s.i+i]; {
		case f != '0':
			if c != f {
				s.bad = true
			}
			at++
		case c < '0' || c > '9':
			s.bad = true
		default:
			n[at] = n[at]*10 + int(c-'0')
		}
		if s.bad {
			return time.Time{}
		}
	}
	s.i += len(form)
	year, month, day := n[0], n[1], n[2]
	if year < 1970 || month < 1 || month > 12 || day < 1 || n[3] > 23 || n[4] > 59 || n[5] > 59 {
		s.bad = true
		return time.Time{}
	}
	days := daysIn[month-1]
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		days++
	}
	if day > days {
		s.bad = true
	}
	return time.Date(year, time.Month(month), day, n[3], n[4], n[5], n[6]*1e6, time.UTC)
}
