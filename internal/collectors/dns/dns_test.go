package dns_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/dns"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// A zone is what a server on loopback answers from.
type zone struct {
	records map[string][]mdns.RR // by name and type
	names   map[string]bool
	broken  map[string]int // rcode; -1 is silence
	tcp     atomic.Int64
	secure  bool
}

func (z *zone) add(t *testing.T, lines ...string) {
	for _, line := range lines {
		rr, err := mdns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		h := rr.Header()
		key := h.Name + mdns.TypeToString[h.Rrtype]
		z.records[key] = append(z.records[key], rr)
		for at := h.Name; at != ""; {
			z.names[at] = true
			_, at, _ = strings.Cut(at, ".")
		}
	}
}

func (z *zone) ServeDNS(w mdns.ResponseWriter, q *mdns.Msg) {
	m := new(mdns.Msg).SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	key := name + mdns.TypeToString[q.Question[0].Qtype]
	_, tcp := w.RemoteAddr().(*net.TCPAddr)
	if tcp {
		z.tcp.Add(1)
	}
	switch code, broken := z.broken[name]; {
	case broken && code < 0:
		return
	case broken:
		m.Rcode = code
	default:
		m.Answer = z.records[key]
		if !z.names[name] {
			m.Rcode = mdns.RcodeNameError
		}
		m.AuthenticatedData = z.secure
		if !tcp {
			m.Truncate(512)
		}
	}
	_ = w.WriteMsg(m)
}

// serve answers at a free port of loopback, over UDP and TCP.
func serve(t *testing.T, lines ...string) (*zone, string) {
	t.Helper()
	z := &zone{records: map[string][]mdns.RR{}, names: map[string]bool{}, broken: map[string]int{}}
	z.add(t, lines...)
	var pc net.PacketConn
	var l net.Listener
	for range 20 { // the port that UDP got may be taken for TCP
		var err error
		if pc, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			break
		}
		pc.Close()
	}
	for _, s := range []*mdns.Server{{PacketConn: pc, Handler: z}, {Listener: l, Handler: z}} {
		ready := make(chan struct{})
		s.NotifyStartedFunc = func() { close(ready) }
		go func() { _ = s.ActivateAndServe() }()
		<-ready
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	return z, pc.LocalAddr().String()
}

func collect(t *testing.T, settings map[string]any) (*sources.Intake, map[string]map[string]sources.Resource) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	in := sources.NewIntake(schemas, clock.NewFixed(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)), nil)
	if err := dns.New().Collect(context.Background(), raw, in); err != nil {
		t.Fatal(err)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]sources.Resource{}
	for _, kind := range in.Kinds() {
		out[kind] = map[string]sources.Resource{}
		for _, r := range in.Resources(kind) {
			out[kind][r.Key] = r
		}
	}
	return in, out
}

func wants(t *testing.T, r sources.Resource, want map[string]any) {
	t.Helper()
	for field, w := range want {
		if got := r.Attrs[field]; fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("%s %s: %s is %v (absent: %s), want %v", r.Kind, r.Key, field, got, r.Absent[field], w)
		}
	}
}

func rsaRecord(t *testing.T, bits int) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// quoted is a TXT value cut as DNS wants it.
func quoted(s string) string {
	var parts []string
	for ; len(s) > 200; s = s[200:] {
		parts = append(parts, `"`+s[:200]+`"`)
	}
	return strings.Join(append(parts, `"`+s+`"`), " ")
}

func TestAWellKeptDomainIsReportedWhole(t *testing.T) {
	z, at := serve(t,
		"acme.example. NS ns1.acme.example.", "acme.example. NS ns2.acme.example.", "acme.example. DS 1 13 2 "+strings.Repeat("ab", 32),
		`acme.example. CAA 0 issue "ca.example; validationmethods=dns-01"`, `acme.example. CAA 0 issuewild ";"`, `acme.example. CAA 0 iodef "mailto:sec@acme.example"`,
		"acme.example. MX 20 b.acme.example.", "acme.example. MX 10 a.acme.example.",
		`acme.example. TXT "v=spf1 mx include:_spf.mail.example ip4:192.0.2.0/24 -all"`, `acme.example. TXT "site-verification=x"`,
		`_spf.mail.example. TXT "v=spf1 a:out.mail.example ip6:2001:db8::/32 ~all"`, "out.mail.example. A 192.0.2.9",
		`_dmarc.acme.example. TXT "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@acme.example,mailto:x@y.example; adkim=s; aspf=r"`,
		`_mta-sts.acme.example. TXT "v=STSv1; id=1"`, `_smtp._tls.acme.example. TXT "v=TLSRPTv1; rua=mailto:t@acme.example"`,
		"s1._domainkey.acme.example. TXT "+quoted("v=DKIM1; k=rsa; p="+rsaRecord(t, 2048)),
		"s2._domainkey.acme.example. TXT "+quoted("v=DKIM1; k=ed25519; t=y; p="+base64.StdEncoding.EncodeToString(make([]byte, 32))),
		`s3._domainkey.acme.example. TXT "v=DKIM1; p="`,
		"app.acme.example. A 192.0.2.1",
	)
	z.secure = true
	in, all := collect(t, map[string]any{"domains": "acme.example\nApp.Acme.Example.", "selectors": "s1 acme.example\ns2 acme.example\ns3 acme.example\ns4 acme.example", "servers": at})
	wants(t, all["domain"]["acme.example"], map[string]any{"exists": true, "name_servers": []string{"ns1.acme.example", "ns2.acme.example"}, "signed": true,
		"validated": true, "caa": true, "caa_from": "acme.example", "caa_issuers": []string{"ca.example"}, "caa_wildcard_issuers": []string{}, "caa_reports": []string{"mailto:sec@acme.example"}})
	wants(t, all["domain"]["app.acme.example"], map[string]any{"exists": true, "caa": true, "caa_from": "acme.example", "signed": false})
	wants(t, all["mail_domain"]["acme.example"], map[string]any{"mx": []string{"a.acme.example", "b.acme.example"}, "takes_mail": true,
		"spf_present": true, "spf_valid": true, "spf_lookups": 3, "spf_void_lookups": 0, "spf_all": "fail",
		"dmarc_present": true, "dmarc_inherited": false, "dmarc_valid": true, "dmarc_policy": "reject", "dmarc_percent": 100,
		"dmarc_reports": []string{"mailto:d@acme.example", "mailto:x@y.example"}, "dmarc_strict_dkim": true, "dmarc_strict_spf": false, "mta_sts": true, "tls_reports": true})
	wants(t, all["mail_domain"]["app.acme.example"], map[string]any{"takes_mail": false, "spf_present": false, "dmarc_present": true, "dmarc_inherited": true,
		"dmarc_from": "acme.example", "dmarc_policy": "quarantine"})
	keys := all["dkim_key"]
	wants(t, keys["s1._domainkey.acme.example"], map[string]any{"found": true, "valid": true, "revoked": false, "testing": false, "key_kind": "RSA", "key_bits": 2048})
	wants(t, keys["s2._domainkey.acme.example"], map[string]any{"found": true, "valid": true, "testing": true, "key_kind": "Ed25519"})
	wants(t, keys["s3._domainkey.acme.example"], map[string]any{"found": true, "valid": false, "revoked": true})
	wants(t, keys["s4._domainkey.acme.example"], map[string]any{"found": false, "valid": nil})
	if len(keys) != 4 || len(in.Missings()) != 0 {
		t.Errorf("%d keys, missing %+v", len(keys), in.Missings())
	}
}

func TestSPFIsCountedAsReceiversCount(t *testing.T) {
	var many []string
	for i := range 11 {
		many = append(many, fmt.Sprintf("include:i%d.example", i))
	}
	lines := []string{
		`many.example. TXT ` + quoted("v=spf1 "+strings.Join(many, " ")+" -all"),
		`loop.example. TXT "v=spf1 include:loop.example -all"`,
		`void.example. TXT "v=spf1 a:n1.example mx:n2.example exists:n3.example -all"`,
		`two.example. TXT "v=spf1 -all"`, `two.example. TXT "v=spf1 ~all"`,
		`typo.example. TXT "v=spf1 inclde:x.example -all"`,
		`gone.example. TXT "v=spf1 include:nowhere.example -all"`,
		`redirect.example. TXT "v=spf1 redirect=soft.example"`, `soft.example. TXT "v=spf1 exists:%{i}.x.example ptr ?all"`,
		`after.example. TXT "v=spf1 -all include:nowhere.example"`,
		`open.example. TXT "v=spf1 +all"`,
	}
	for i := range 11 {
		lines = append(lines, fmt.Sprintf(`i%d.example. TXT "v=spf1 ip4:192.0.2.%d -all"`, i, i))
	}
	_, at := serve(t, lines...)
	var domains []string
	want := map[string]map[string]any{
		"many.example":     {"spf_valid": false, "spf_lookups": 11, "spf_problem": "it makes receivers do 11 look-ups, and 10 are allowed", "spf_all": "fail"},
		"loop.example":     {"spf_valid": false, "spf_problem": "it makes receivers do more than 30 look-ups, and 10 are allowed"},
		"void.example":     {"spf_valid": false, "spf_void_lookups": 3},
		"two.example":      {"spf_valid": false, "spf_problem": "there are several records, so receivers use none", "spf_all": nil},
		"typo.example":     {"spf_valid": false, "spf_problem": "it has a term that is not known: inclde:x.example"},
		"gone.example":     {"spf_valid": false, "spf_problem": "it refers to nowhere.example, which has 0 records", "spf_void_lookups": 1},
		"redirect.example": {"spf_valid": true, "spf_lookups": 3, "spf_all": "neutral"},
		"after.example":    {"spf_valid": true, "spf_lookups": 0, "spf_all": "fail"},
		"open.example":     {"spf_valid": true, "spf_all": "pass"},
		"none.example":     {"exists": false, "spf_present": false, "dmarc_present": false},
	}
	for d := range want {
		domains = append(domains, d)
	}
	_, all := collect(t, map[string]any{"domains": domains, "servers": []string{at}})
	for d, w := range want {
		wants(t, all["mail_domain"][d], w)
	}
}

func TestNoAnswerIsUnknownAndNoSuchNameIsAFact(t *testing.T) {
	dns.Hurry(t, 100*time.Millisecond)
	z, at := serve(t, "slow.example. NS ns.slow.example.", `inc.example. TXT "v=spf1 include:slow.example -all"`)
	z.broken["slow.example."] = -1
	z.broken["fail.example."] = mdns.RcodeServerFailure
	z.broken["_dmarc.inc.example."] = mdns.RcodeRefused
	in, all := collect(t, map[string]any{"domains": "slow.example\nfail.example\ngone.example\ninc.example", "servers": at})
	wants(t, all["domain"]["slow.example"], map[string]any{"exists": nil, "caa": nil, "signed": nil})
	wants(t, all["domain"]["fail.example"], map[string]any{"exists": nil})
	wants(t, all["domain"]["gone.example"], map[string]any{"exists": false, "caa": false, "signed": false})
	wants(t, all["mail_domain"]["inc.example"], map[string]any{"spf_present": true, "spf_valid": nil, "spf_all": nil, "dmarc_present": nil})
	for _, want := range []string{"slow.example: the resolver did not answer in time", "fail.example: the resolver answered SERVFAIL", "inc.example: slow.example: the resolver did not answer in time", "inc.example: the resolver answered REFUSED"} {
		if !slices.ContainsFunc(in.Missings(), func(m sources.Missing) bool { return m.Reason == want && m.Remedy != "" }) {
			t.Errorf("not said: %s; %+v", want, in.Missings())
		}
	}
	if !slices.ContainsFunc(in.Missings(), func(m sources.Missing) bool { return m.Kind == "dkim_key" }) {
		t.Error("that no selector was given is not said")
	}
}

func TestWhatDoesNotFitAPacketIsAskedOverTCP(t *testing.T) {
	z, at := serve(t, "big.example. NS ns.big.example.", "big.example. TXT "+quoted("v=spf1 "+strings.Repeat("ip4:192.0.2.1 ", 100)+"-all"))
	_, all := collect(t, map[string]any{"domains": "big.example", "servers": at})
	wants(t, all["mail_domain"]["big.example"], map[string]any{"spf_present": true, "spf_valid": true, "spf_all": "fail"})
	if z.tcp.Load() == 0 {
		t.Error("nothing was asked over TCP")
	}
}

func TestTheNextResolverIsAsked(t *testing.T) {
	dns.Hurry(t, 200*time.Millisecond)
	gone, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := gone.LocalAddr().String()
	gone.Close()
	_, at := serve(t, "a.example. NS ns.a.example.")
	_, all := collect(t, map[string]any{"domains": "a.example", "servers": []string{dead, at}})
	wants(t, all["domain"]["a.example"], map[string]any{"exists": true})
	trial, err := dns.New().Test(context.Background(), json.RawMessage(`{"domains":"a.example\nb.example","servers":"`+at+`"}`))
	if err != nil || !slices.Equal(trial.Found, []string{"a.example is answered for", "b.example does not exist"}) {
		t.Errorf("%+v, %v", trial, err)
	}
	if _, err := dns.New().Test(context.Background(), json.RawMessage(`{"domains":"a.example","servers":"`+dead+`"}`)); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("no resolver answers: %v", err)
	}
}

func TestSettingsAreRefusedWithWhatWouldBeAccepted(t *testing.T) {
	for settings, want := range map[string]string{
		`{}`: "one to a line", `{"domains":"https://a"}`: "without a path", `{"domains":"a.example","servers":"ns1"}`: "such as 192.0.2.53",
		`{"domains":"a.example","selectors":"s1 b.example"}`: "one of the domains above", `{"domain":"a"}`: "the settings are",
		`{"domains":"` + strings.Repeat(`a\n`, 501) + `"}`: "split the source",
	} {
		err := dns.New().Collect(context.Background(), json.RawMessage(settings), nil)
		if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", settings, err, want)
		}
	}
}

func TestRecordsAreRefusedWithTheirFault(t *testing.T) {
	for text, want := range map[string]string{
		"v=DMARC1; p=none": "", "p=none; v=DMARC1": "begin with", "v=DMARC1": "no policy", "v=DMARC1; p=yes": "none of none", "v=DMARC1; p=none; pct=200": "0 to 100",
		"v=DMARC1; p=none; rua=https://x": "mailto", "v=DMARC1; p=none; p=reject": "comes twice",
	} {
		if _, _, problem := dns.DMARC(text); (problem == "") != (want == "") || !strings.Contains(problem, want) {
			t.Errorf("%s: %q", text, problem)
		}
	}
	for text, want := range map[string]string{
		"v=spf1 ip4:192.0.2.0/24 -all": "", "v=spf1 ip4:2001:db8::1": "ip4 has no value", "v=spf1 include:": "include has no value", "v=spf1 all:x": "all has no value",
		"v=spf1 redirect=a redirect=b": "twice", "v=spf2": "begin with", "v=spf1 -": "not known", "v=spf1 unknown=x": "",
	} {
		if _, problem := dns.SPF(text); (problem == "") != (want == "") || !strings.Contains(problem, want) {
			t.Errorf("%s: %q", text, problem)
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=none; rua=mailto:a@b.example; pct=50")
	f.Add("v=spf1 a mx/24 include:x.example ip4:192.0.2.0/24 exists:%{i}.x redirect=y -all")
	f.Add("v=DKIM1; k=rsa; t=y:s; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==")
	f.Fuzz(func(t *testing.T, text string) {
		if policy, percent, problem := dns.DMARC(text); percent < 0 || percent > 100 || problem == "" && policy == "" {
			t.Errorf("%s %d %s", policy, percent, problem)
		}
		if terms, _ := dns.SPF(text); terms > 200 {
			t.Errorf("%d terms", terms)
		}
		dns.ParseDKIM(text)
	})
}
