package git

import (
	"regexp"
	"slices"
	"strings"
)

const (
	maxMessage  = 64 << 10 // of a message's end, where the trailers are
	maxTrailers = 200
)

// A message is what a commit's text says beside its subject.
type message struct {
	reviewers, signedOff, coAuthors []person
	tickets                         []string
	request                         string // the merge or pull request it came by
}

func readMessage(text string) message {
	if len(text) > maxMessage {
		text = text[:1000] + "\n\n" + text[len(text)-maxMessage+1000:]
	}
	var m message
	for _, t := range trailers(text) {
		switch strings.ToLower(t.key) {
		case "reviewed-by", "acked-by", "approved-by":
			m.reviewers = append(m.reviewers, parsePerson(t.value))
		case "signed-off-by":
			m.signedOff = append(m.signedOff, parsePerson(t.value))
		case "co-authored-by":
			m.coAuthors = append(m.coAuthors, parsePerson(t.value))
		}
	}
	m.request = request(text)
	m.tickets = tickets(text, m.request)
	return m
}

type trailer struct{ key, value string }

var trailerLine = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)$`)

// trailers reads the lines "Key: value" that end a message, as git
// interpret-trailers finds them: the last paragraph, not the first, if all of
// it is trailers, or if a quarter of it is and one of them git writes itself.
func trailers(text string) []trailer {
	lines := strings.Split(strings.TrimRight(text, " \t\r\n"), "\n")
	start := len(lines)
	for start > 0 && strings.TrimSpace(lines[start-1]) != "" {
		start--
	}
	if start == 0 || strings.TrimSpace(strings.Join(lines[:start], "")) == "" {
		return nil
	}
	var (
		found           []trailer
		matched, others int
		known           bool // a line that git writes itself
		continuing      bool
	)
	for _, line := range lines[start:] {
		line = strings.TrimRight(line, " \t\r")
		if continuing && line != "" && (line[0] == ' ' || line[0] == '\t') {
			if n := len(found); n > 0 {
				found[n-1].value += " " + strings.TrimSpace(line)
			}
			continue
		}
		continuing = false
		if m := trailerLine.FindStringSubmatch(line); m != nil && len(found) < maxTrailers {
			found = append(found, trailer{m[1], strings.TrimSpace(m[2])})
			matched++
			known = known || strings.EqualFold(m[1], "Signed-off-by")
			continuing = true
		} else if strings.HasPrefix(line, "(cherry picked from commit ") {
			known = true
			matched++
		} else {
			others++
		}
	}
	if others > 0 && !(known && 3*matched >= others) {
		return nil
	}
	return found
}

func parsePerson(s string) person {
	open, end := strings.LastIndexByte(s, '<'), strings.LastIndexByte(s, '>')
	if open >= 0 && end > open {
		return person{clip(strings.TrimSpace(s[:open])), clip(strings.TrimSpace(s[open+1 : end]))}
	}
	s = clip(strings.TrimSpace(s))
	if strings.Count(s, "@") == 1 && !strings.HasPrefix(s, "@") && !strings.ContainsAny(s, " \t") {
		return person{"", s}
	}
	return person{strings.TrimPrefix(s, "@"), ""}
}

// requests are how forges word the request that a merge or squash came by. Most
// messages are dismissed by looking for mark alone.
var requests = []struct {
	mark string
	re   *regexp.Regexp
}{
	{"Merge pull request #", regexp.MustCompile(`\AMerge pull request (#\d{1,9}) from `)},
	{"Merged in ", regexp.MustCompile(`\AMerged in [^\n]{1,300} \(pull request (#\d{1,9})\)`)},
	{"Merged PR ", regexp.MustCompile(`\AMerged PR (\d{1,9}): `)},
	{"(#", regexp.MustCompile(`\A[^\n]*\((#\d{1,9})\)[ \t\r]*(?:\n|\z)`)},
	{"See merge request ", regexp.MustCompile(`(?m)^See merge request (?:[\w./-]{1,200})?(!\d{1,9})\s*$`)},
	{"Reviewed-on: http", regexp.MustCompile(`(?m)^Reviewed-on: (https?://[^\s]{1,300})$`)},
}

func request(text string) string {
	for _, r := range requests {
		if !strings.Contains(text, r.mark) {
			continue
		}
		if m := r.re.FindStringSubmatch(text); m != nil {
			return m[1]
		}
	}
	return ""
}

var (
	ticketKey    = regexp.MustCompile(`(?:^|[\s(\[{,:;/"'])([A-Z][A-Z0-9]{1,9}-[1-9]\d{0,6})(?:$|[\s)\]},.:;/"'!?])`)
	ticketNumber = regexp.MustCompile(`(?:^|[\s(\[,:;])((?:[\w.-]{1,100}/[\w.-]{1,100})?#\d{1,9}|GH-\d{1,9}|AB#\d{1,9})\b`)
	ticketURL    = regexp.MustCompile(`https?://[^\s<>()\[\]]{1,200}/(?:issues|work_items|tickets?|browse)/[A-Za-z0-9-]{1,40}`)
	// notTickets begin names of standards, licences and weaknesses that look
	// like the key of a ticket.
	notTickets = []string{"UTF", "SHA", "SHA2", "SHA3", "ISO", "RFC", "CVE", "CWE", "AES", "GPL", "LGPL", "AGPL", "MPL", "BSD", "CC", "TLS", "SSL", "HTTP", "IPV", "UTC", "GMT", "PEP", "EC", "ES", "MD", "RSA", "ED", "X", "BASE", "CRC", "JAVA", "GHSA", "GO", "RHSA", "DSA", "USN", "ARM", "I", "IEEE", "ECMA", "FIPS", "NIST", "SOC"}
)

// tickets are references to what asked for the change. The request it came by
// is not one.
func tickets(text, request string) []string {
	found := []string{}
	add := func(s string) {
		if len(found) < 50 && s != request && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	for _, line := range strings.SplitN(text, "\n", 2000) {
		if len(line) > 2000 {
			line = line[:2000]
		}
		var forms []*regexp.Regexp
		if dashedNumber(line) {
			forms = append(forms, ticketKey, ticketNumber)
		} else if strings.Contains(line, "#") {
			forms = append(forms, ticketNumber)
		}
		for _, re := range forms {
			rest := line
			for { // matches may share the character between them
				at := re.FindStringSubmatchIndex(rest)
				if at == nil {
					break
				}
				ref := rest[at[2]:at[3]]
				prefix, _, dashed := strings.Cut(ref, "-")
				if strings.Contains(ref, "#") || !dashed || prefix == "GH" || !slices.Contains(notTickets, prefix) {
					add(ref)
				}
				rest = rest[at[3]:]
			}
		}
		if !strings.Contains(line, "://") {
			continue
		}
		for _, u := range ticketURL.FindAllString(line, 20) {
			add(u)
		}
	}
	return found
}

// dashedNumber reports whether a line holds a capital or digit, a dash and a
// digit, as every key of a ticket does.
func dashedNumber(line string) bool {
	for i := 1; i+1 < len(line); i++ {
		if line[i] == '-' && line[i+1] >= '1' && line[i+1] <= '9' && (line[i-1] >= 'A' && line[i-1] <= 'Z' || line[i-1] >= '0' && line[i-1] <= '9') {
			return true
		}
	}
	return false
}
