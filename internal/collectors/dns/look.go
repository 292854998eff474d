package dns

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tickmark/tickmark/internal/sources"
)

// A look is everything asked about one domain.
type look struct {
	ctx    context.Context
	ask    *resolver
	in     *sources.Intake
	domain string
}

// facts are what is known, and why the rest is not.
type facts struct {
	attrs  map[string]any
	absent map[string]string
}

func newFacts(name string) facts {
	return facts{map[string]any{"name": name}, map[string]string{}}
}

func (f facts) unknown(why string, fields ...string) {
	for _, field := range fields {
		f.absent[field] = why
	}
}

func (l *look) all(keys []dkimName) error {
	d, m := newFacts(l.domain), newFacts(l.domain)
	exists := l.ask.get(l.ctx, l.domain, dns.TypeNS)
	if exists.err != "" {
		d.unknown(exists.err, "exists", "name_servers", "validated")
		m.unknown(exists.err, "exists")
		l.missing("domain", "exists", exists.err)
	} else {
		d.attrs["exists"], m.attrs["exists"] = !exists.none, !exists.none
		d.attrs["validated"] = exists.validated
		names := []string{}
		for _, rr := range exists.rrs {
			names = append(names, bare(rr.(*dns.NS).Ns))
		}
		slices.Sort(names)
		d.attrs["name_servers"] = names
	}
	if ds := l.ask.get(l.ctx, l.domain, dns.TypeDS); ds.err != "" {
		d.unknown(ds.err, "signed")
		l.missing("domain", "signed", ds.err)
	} else {
		d.attrs["signed"] = len(ds.rrs) > 0
	}
	l.caa(d)
	l.mx(m)
	l.spf(m)
	l.dmarc(m, exists.none)
	l.transport(m)
	if err := l.in.Add(sources.Resource{Kind: "domain", Key: l.domain, Attrs: d.attrs, Absent: d.absent}); err != nil {
		return err
	}
	if err := l.in.Add(sources.Resource{Kind: "mail_domain", Key: l.domain, Attrs: m.attrs, Absent: m.absent}); err != nil {
		return err
	}
	for _, k := range keys {
		if k.domain == "" || k.domain == l.domain {
			if err := l.dkim(k.selector); err != nil {
				return err
			}
		}
	}
	return l.ctx.Err()
}

func (l *look) missing(kind, field, why string) {
	l.in.Missing(sources.Missing{Kind: kind, Field: field, Reason: l.domain + ": " + why, Remedy: remedy})
}

func bare(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// caa climbs to the nearest domain that says who may issue (RFC 8659).
func (l *look) caa(d facts) {
	for at := l.domain; at != ""; at = above(at) {
		a := l.ask.get(l.ctx, at, dns.TypeCAA)
		if a.err != "" {
			d.unknown(a.err, "caa", "caa_from", "caa_issuers", "caa_wildcard_issuers", "caa_reports")
			l.missing("domain", "caa", a.err)
			return
		}
		if len(a.rrs) == 0 {
			continue
		}
		issue, wild, reports, wilds := []string{}, []string{}, []string{}, false
		for _, rr := range a.rrs {
			c := rr.(*dns.CAA)
			value := clip(strings.TrimSpace(c.Value), 500)
			who, _, _ := strings.Cut(value, ";")
			who = strings.TrimSpace(who)
			switch strings.ToLower(c.Tag) {
			case "issue":
				issue = append(issue, who)
			case "issuewild":
				wild, wilds = append(wild, who), true
			case "iodef":
				reports = append(reports, value)
			}
		}
		if !wilds {
			wild = issue
		}
		nobody := func(s string) bool { return s == "" }
		d.attrs["caa"], d.attrs["caa_from"] = true, at
		d.attrs["caa_issuers"], d.attrs["caa_wildcard_issuers"], d.attrs["caa_reports"] =
			slices.DeleteFunc(slices.Clone(issue), nobody), slices.DeleteFunc(slices.Clone(wild), nobody), reports
		return
	}
	d.attrs["caa"] = false
	d.unknown("neither it nor a domain above it says who may issue", "caa_from", "caa_issuers", "caa_wildcard_issuers", "caa_reports")
}

func above(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

func (l *look) mx(m facts) {
	a := l.ask.get(l.ctx, l.domain, dns.TypeMX)
	if a.err != "" {
		m.unknown(a.err, "mx", "takes_mail")
		l.missing("mail_domain", "mx", a.err)
		return
	}
	slices.SortFunc(a.rrs, func(x, y dns.RR) int {
		a, b := x.(*dns.MX), y.(*dns.MX)
		return cmp.Or(cmp.Compare(a.Preference, b.Preference), cmp.Compare(a.Mx, b.Mx))
	})
	hosts := []string{}
	for _, rr := range a.rrs {
		if host := bare(rr.(*dns.MX).Mx); host != "" { // "." says that it takes none (RFC 7505)
			hosts = append(hosts, host)
		}
	}
	m.attrs["mx"], m.attrs["takes_mail"] = hosts, len(hosts) > 0
}

// transport looks for the records that announce TLS for incoming mail. The
// policy itself lies on a web server and is not fetched.
func (l *look) transport(m facts) {
	for _, x := range []struct{ field, at, tag string }{{"mta_sts", "_mta-sts.", "v=STSv1"}, {"tls_reports", "_smtp._tls.", "v=TLSRPTv1"}} {
		a := l.ask.get(l.ctx, x.at+l.domain, dns.TypeTXT)
		if a.err != "" {
			m.unknown(a.err, x.field)
			l.missing("mail_domain", x.field, a.err)
			continue
		}
		m.attrs[x.field] = len(a.texts(x.tag)) == 1
	}
}

// dmarc takes the record of the domain, or of the nearest above it. Climbing
// stops after eight names, as RFC 9989 has it, and needs no list of suffixes.
func (l *look) dmarc(m facts, gone bool) {
	fields := []string{"dmarc_valid", "dmarc_policy", "dmarc_percent", "dmarc_reports", "dmarc_strict_dkim", "dmarc_strict_spf"}
	at, inherited := l.domain, false
	for step := 0; step < 8 && at != "" && (step == 0 || strings.Contains(at, ".")); step, at, inherited = step+1, climb(at), true {
		a := l.ask.get(l.ctx, "_dmarc."+at, dns.TypeTXT)
		if a.err != "" {
			m.unknown(a.err, append(fields, "dmarc", "dmarc_present", "dmarc_from", "dmarc_inherited")...)
			l.missing("mail_domain", "dmarc_present", a.err)
			return
		}
		found := a.texts("v=DMARC1")
		if len(found) == 0 {
			continue
		}
		m.attrs["dmarc_present"], m.attrs["dmarc_from"], m.attrs["dmarc_inherited"] = true, at, inherited
		m.attrs["dmarc"] = found[0]
		if len(found) > 1 {
			m.attrs["dmarc_valid"], m.attrs["dmarc_problem"] = false, "there are several records, so receivers use none"
			m.unknown("there are several records", fields[1:]...)
			return
		}
		r := parseDMARC(found[0])
		m.attrs["dmarc_valid"] = r.problem == ""
		if r.problem != "" {
			m.attrs["dmarc_problem"] = r.problem
		}
		policy := r.policy
		switch {
		case inherited && gone && r.none != "":
			policy = r.none
		case inherited && r.sub != "":
			policy = r.sub
		}
		if policy != "" {
			m.attrs["dmarc_policy"] = policy
		} else {
			m.unknown(r.problem, "dmarc_policy")
		}
		m.attrs["dmarc_percent"], m.attrs["dmarc_reports"] = r.percent, r.reports
		m.attrs["dmarc_strict_dkim"], m.attrs["dmarc_strict_spf"] = r.strictDKIM, r.strictSPF
		return
	}
	m.attrs["dmarc_present"], m.attrs["dmarc_inherited"] = false, false
	m.unknown("there is no record", append(fields, "dmarc", "dmarc_from")...)
}

// climb goes one name up, or straight to seven where there are more.
func climb(at string) string {
	labels := strings.Split(at, ".")
	if len(labels) > 8 {
		return strings.Join(labels[len(labels)-7:], ".")
	}
	return above(at)
}

func (l *look) dkim(selector string) error {
	name := selector + "._domainkey." + l.domain
	f := facts{map[string]any{"domain": l.domain, "selector": selector}, map[string]string{}}
	rest := []string{"valid", "revoked", "testing", "key_kind", "key_bits"}
	a := l.ask.get(l.ctx, name, dns.TypeTXT)
	var found []string
	for _, rr := range a.rrs {
		found = append(found, clip(unescape(rr.(*dns.TXT).Txt), maxText))
	}
	switch {
	case a.err != "":
		f.unknown(a.err, append(rest, "found")...)
		l.missing("dkim_key", "found", a.err)
	case len(found) == 0:
		f.attrs["found"] = false
		f.unknown("there is no such key", rest...)
	case len(found) > 1:
		f.attrs["found"], f.attrs["valid"], f.attrs["problem"], f.attrs["revoked"] = true, false, "there are several records", false
		f.unknown("there are several records", "testing", "key_kind", "key_bits")
	default:
		k := parseDKIM(found[0])
		f.attrs["found"], f.attrs["valid"], f.attrs["revoked"], f.attrs["testing"] = true, k.problem == "" && !k.revoked, k.revoked, k.testing
		if k.problem != "" {
			f.attrs["problem"] = k.problem
		}
		if k.bits > 0 {
			f.attrs["key_kind"], f.attrs["key_bits"] = k.kind, k.bits
		} else {
			f.unknown("no key could be read", "key_kind", "key_bits")
		}
	}
	return l.in.Add(sources.Resource{Kind: "dkim_key", Key: name, Attrs: f.attrs, Absent: f.absent})
}
