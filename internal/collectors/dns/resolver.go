package dns

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// perAsk is how long one resolver may take for one question.
var perAsk = 4 * time.Second

const (
	maxQuestions = 400 // about one domain
	maxRecords   = 200 // of one answer
	maxText      = 8 << 10
	remedy       = "See that this machine reaches the resolver, and that the domain's name servers answer it."
)

// A resolver asks, and remembers what it asked.
type resolver struct {
	servers []string
	known   map[string]answer
}

// fresh is for one domain, so that what a run asks is bounded by domain.
func (r *resolver) fresh() *resolver {
	return &resolver{servers: r.servers, known: map[string]answer{}}
}

// An answer is a fact, or err says why there is none.
type answer struct {
	rrs       []dns.RR // of the type that was asked for
	none      bool     // there is no such name
	validated bool
	err       string
}

// get asks each server in turn until one knows.
func (r *resolver) get(ctx context.Context, name string, kind uint16) answer {
	key := name + " " + dns.TypeToString[kind]
	if a, ok := r.known[key]; ok {
		return a
	}
	if len(r.known) >= maxQuestions {
		return answer{err: "more questions would be needed than are asked about one domain"}
	}
	a := answer{err: "no resolver answered"}
	for range 2 {
		for _, server := range r.servers {
			if a = exchange(ctx, server, name, kind); a.err == "" || ctx.Err() != nil {
				break
			}
		}
		if a.err == "" || ctx.Err() != nil {
			break
		}
	}
	r.known[key] = a
	return a
}

// exchange asks one server, over TCP if the answer does not fit a packet.
func exchange(ctx context.Context, server, name string, kind uint16) answer {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	q.SetEdns0(1232, true)
	q.AuthenticatedData = true
	var res *dns.Msg
	for _, over := range []string{"udp", "tcp"} {
		c := &dns.Client{Net: over, Timeout: perAsk}
		in, _, err := c.ExchangeContext(ctx, q, server)
		if err != nil {
			return answer{err: whyNot(err)}
		}
		if res = in; !in.Truncated {
			break
		}
	}
	switch {
	case res.Truncated:
		return answer{err: "the answer was cut short"}
	case res.Rcode != dns.RcodeSuccess && res.Rcode != dns.RcodeNameError:
		return answer{err: "the resolver answered " + rcode(res.Rcode)}
	}
	a := answer{none: res.Rcode == dns.RcodeNameError, validated: res.AuthenticatedData}
	for _, rr := range res.Answer {
		if rr.Header().Rrtype == kind {
			a.rrs = append(a.rrs, rr)
		}
	}
	if len(a.rrs) > maxRecords {
		return answer{err: "the answer has more records than are read"}
	}
	return a
}

func rcode(code int) string {
	if s, ok := dns.RcodeToString[code]; ok {
		return s
	}
	return "with an error"
}

func whyNot(err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "the resolver did not answer in time"
	case errors.Is(err, context.Canceled):
		return "the run was ended"
	}
	return "the resolver could not be asked, or its answer could not be read"
}

// texts are the TXT records of a name that begin with a tag, each joined from
// its parts.
func (a answer) texts(tag string) []string {
	var out []string
	for _, rr := range a.rrs {
		t, ok := rr.(*dns.TXT)
		if !ok {
			continue
		}
		s := unescape(t.Txt)
		if begins(s, tag) {
			out = append(out, clip(s, maxText))
		}
	}
	return out
}

// begins reports whether a record is of a kind: its tag is the whole, or
// something other than a letter or digit follows.
func begins(s, tag string) bool {
	if len(s) < len(tag) || !strings.EqualFold(s[:len(tag)], tag) {
		return false
	}
	return len(s) == len(tag) || strings.ContainsRune(" \t;", rune(s[len(tag)]))
}

// unescape takes back what the library writes as \DDD and \".
func unescape(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		for i := 0; i < len(p); i++ {
			c := p[i]
			if c == '\\' && i+3 < len(p) && digit(p[i+1]) && digit(p[i+2]) && digit(p[i+3]) {
				b.WriteByte(byte(int(p[i+1]-'0')*100 + int(p[i+2]-'0')*10 + int(p[i+3]-'0')))
				i += 3
				continue
			}
			if c == '\\' && i+1 < len(p) {
				i++
				c = p[i]
			}
			b.WriteByte(c)
		}
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
