package dns

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// RFC 7208, 4.6.4.
const (
	maxLookups = 10
	maxVoid    = 2
	maxTerms   = 200
	stopAfter  = 30 // look-ups, after which the count is "more than"
)

// A term is one mechanism or modifier of a record.
type term struct {
	qualifier byte // + - ~ ?
	name      string
	value     string
	modifier  bool
}

var mechanisms = []string{"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}

// parseSPF reads the terms of a record, and says what is wrong with it.
func parseSPF(text string) (terms []term, problem string) {
	words := strings.Fields(text)
	if len(words) == 0 || !strings.EqualFold(words[0], "v=spf1") {
		return nil, "it does not begin with v=spf1"
	}
	if len(words) > maxTerms {
		return nil, "it has more terms than are read"
	}
	seen := map[string]bool{}
	for _, w := range words[1:] {
		t := term{qualifier: '+'}
		if strings.IndexByte("+-~?", w[0]) >= 0 {
			t.qualifier, w = w[0], w[1:]
		}
		end := strings.IndexAny(w, ":/=")
		if end < 0 {
			end = len(w)
		}
		t.name = strings.ToLower(w[:end])
		rest := w[end:]
		switch {
		case strings.HasPrefix(rest, "=") && t.name != "":
			t.modifier, t.value = true, rest[1:]
			if t.name == "redirect" || t.name == "exp" {
				if seen[t.name] {
					return terms, "it has " + t.name + " twice"
				}
				seen[t.name] = true
			}
		case !slices.Contains(mechanisms, t.name):
			return terms, "it has a term that is not known: " + clip(w, 60)
		default:
			t.value = strings.TrimPrefix(rest, ":")
			if why := t.fits(rest); why != "" {
				return terms, why
			}
		}
		terms = append(terms, t)
	}
	return terms, ""
}

// fits says what is wrong with the value of a mechanism.
func (t term) fits(rest string) string {
	wrong := t.name + " has no value that can be read: " + clip(rest, 60)
	switch t.name {
	case "all":
		if rest != "" {
			return wrong
		}
	case "include", "exists":
		if !strings.HasPrefix(rest, ":") || t.value == "" {
			return wrong
		}
	case "ip4", "ip6":
		text := t.value
		if !strings.Contains(text, "/") {
			a, err := netip.ParseAddr(text)
			if err != nil || a.Is4() != (t.name == "ip4") {
				return wrong
			}
			return ""
		}
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Addr().Is4() != (t.name == "ip4") {
			return wrong
		}
	case "a", "mx", "ptr":
		if rest == ":" {
			return wrong
		}
	}
	return ""
}

// spf reads the record of a domain and everything that it refers to.
func (l *look) spf(m facts) {
	a := l.ask.get(l.ctx, l.domain, dns.TypeTXT)
	fields := []string{"spf_lookups", "spf_void_lookups", "spf_all"}
	if a.err != "" {
		m.unknown(a.err, append(fields, "spf", "spf_present", "spf_valid")...)
		l.missing("mail_domain", "spf_present", a.err)
		return
	}
	found := a.texts("v=spf1")
	m.attrs["spf_present"] = len(found) > 0
	switch len(found) {
	case 0:
		m.unknown("there is no record", append(fields, "spf", "spf_valid")...)
		return
	case 1:
		m.attrs["spf"] = found[0]
	default:
		m.attrs["spf"], m.attrs["spf_valid"], m.attrs["spf_problem"] = found[0], false, "there are several records, so receivers use none"
		m.unknown("there are several records", fields...)
		return
	}
	w := &walk{look: l}
	all := w.record(found[0], l.domain, 0)
	if w.unknown != "" {
		m.unknown(w.unknown, append(fields, "spf_valid")...)
		l.missing("mail_domain", "spf_valid", w.unknown)
		return
	}
	m.attrs["spf_lookups"], m.attrs["spf_void_lookups"] = w.lookups, w.void
	switch {
	case w.problem != "":
	case w.lookups > maxLookups:
		w.problem = "it makes receivers do " + strconv.Itoa(w.lookups) + " look-ups, and 10 are allowed"
		if w.lookups > stopAfter {
			w.problem = "it makes receivers do more than " + strconv.Itoa(stopAfter) + " look-ups, and 10 are allowed"
		}
	case w.void > maxVoid:
		w.problem = "it makes receivers do " + strconv.Itoa(w.void) + " look-ups that find nothing, and 2 are allowed"
	}
	m.attrs["spf_valid"] = w.problem == ""
	if w.problem != "" {
		m.attrs["spf_problem"] = w.problem
	}
	m.attrs["spf_all"] = all
}

// A walk goes through a record and those it refers to, counting as a receiver
// that finds no match until the end would.
type walk struct {
	*look
	lookups, void int
	problem       string // the first
	unknown       string
}

func (w *walk) wrong(why string) {
	if w.problem == "" {
		w.problem = why
	}
}

// record returns what becomes of everybody that no term names.
func (w *walk) record(text, domain string, depth int) string {
	terms, problem := parseSPF(text)
	if problem != "" {
		if depth > 0 {
			problem = domain + ": " + problem
		}
		w.wrong(problem)
	}
	all, redirect := "", ""
	for _, t := range terms {
		if w.unknown != "" || w.lookups > stopAfter {
			break
		}
		if t.modifier {
			if t.name == "redirect" {
				redirect = t.value
			}
			continue
		}
		switch t.name {
		case "all":
			if all == "" {
				all = map[byte]string{'+': "pass", '-': "fail", '~': "softfail", '?': "neutral"}[t.qualifier]
			}
		case "include":
			w.lookups++
			w.follow(t.value, depth)
		case "a", "exists", "mx", "ptr":
			w.lookups++
			w.find(t, domain)
		}
		if all != "" {
			break // what follows is never reached
		}
	}
	if all == "" && redirect != "" && w.unknown == "" && w.lookups <= stopAfter {
		w.lookups++
		return w.follow(redirect, depth)
	}
	if all == "" {
		return "neutral"
	}
	return all
}

// follow reads the record of another domain.
func (w *walk) follow(name string, depth int) string {
	if strings.Contains(name, "%") {
		return "neutral" // it depends on the sender
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !isName(name) {
		w.wrong("it refers to something that is no domain: " + clip(name, 60))
		return "neutral"
	}
	if depth >= maxLookups {
		w.lookups = stopAfter + 1
		return "neutral"
	}
	a := w.ask.get(w.ctx, name, dns.TypeTXT)
	if a.err != "" {
		w.unknown = name + ": " + a.err
		return "neutral"
	}
	if len(a.rrs) == 0 {
		w.void++
	}
	found := a.texts("v=spf1")
	if len(found) != 1 {
		w.wrong("it refers to " + name + ", which has " + strconv.Itoa(len(found)) + " records")
		return "neutral"
	}
	return w.record(found[0], name, depth+1)
}

// find looks up what a mechanism names, only to know whether it finds anything.
// What depends on the sender, and ptr, cannot be known beforehand.
func (w *walk) find(t term, domain string) {
	name, _, _ := strings.Cut(t.value, "/")
	if name == "" {
		name = domain
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if t.name == "ptr" || strings.Contains(name, "%") {
		return
	}
	if !isName(name) {
		w.wrong(t.name + " names something that is no domain: " + clip(name, 60))
		return
	}
	kinds := map[string][]uint16{"a": {dns.TypeA, dns.TypeAAAA}, "exists": {dns.TypeA}, "mx": {dns.TypeMX}}[t.name]
	empty := true
	for _, kind := range kinds {
		a := w.ask.get(w.ctx, name, kind)
		if a.err != "" {
			w.unknown = name + ": " + a.err
			return
		}
		if len(a.rrs) > 0 {
			empty = false
			break
		}
	}
	if empty {
		w.void++
	}
}
