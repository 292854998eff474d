package ldap

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/fault"
)

const (
	connectTime = 15 * time.Second
	wholeRun    = 10 * time.Minute
	pageSize    = 500
	pagedOID    = "1.2.840.113556.1.4.319"
	policyOID   = "1.3.6.1.4.1.42.2.27.8.5.1"
)

// A target is the directory that a source names.
type target struct {
	host, user, password, base, filter, policy string
	port                                       int
	mode                                       string // ldaps, starttls, none
	trust                                      *tls.Config
	admins                                     []string
}

func parseSettings(raw json.RawMessage) (target, error) {
	v, err := wire.Settings("ldap", raw)
	if err != nil {
		return target{}, err
	}
	t := target{host: v["host"], user: v["user"], password: v["password"], base: v["base"], filter: v["filter"], policy: v["policy"], mode: v["tls"], port: 389, admins: v.List("admin_groups")}
	if t.mode == "ldaps" {
		t.port = 636
	}
	if v["port"] != "" {
		if t.port, err = v.Int("port", 1, 65535); err != nil {
			return t, err
		}
	}
	// An empty password would sign in as nobody and look like success.
	if t.password == "" {
		return t, fault.Invalid("password", "give the password of %s", wire.Clip(t.user))
	}
	if _, err := ldap.ParseDN(t.base); err != nil {
		return t, fault.Invalid("base", "%q is not the name of an entry: give one as in dc=example,dc=com", wire.Clip(t.base))
	}
	if t.filter != "" {
		if _, err := ldap.CompileFilter(t.filter); err != nil {
			return t, fault.Invalid("filter", "%q is not a filter: give one as in (objectClass=person)", wire.Clip(t.filter))
		}
	}
	if t.mode == "none" {
		if ip, err := netip.ParseAddr(t.host); t.host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return t, fault.Invalid("tls", "a connection in clear is made to this machine alone: choose ldaps or starttls")
		}
		return t, nil
	}
	t.trust, err = v.Trust("ca", t.host)
	return t, err
}

func (t target) address() string { return net.JoinHostPort(t.host, strconv.Itoa(t.port)) }

// A session is one connection, signed in or not.
type session struct {
	*ldap.Conn
	raw   net.Conn
	state *tls.ConnectionState // nil without TLS
	stop  func() bool
}

func (s *session) close() {
	s.stop()
	s.raw.Close()
	s.Conn.Close()
}

// dial opens a connection that ends with ctx. TLS is agreed on here and not in
// the library, so that the guard stands between the two.
func (t target) dial(ctx context.Context) (*session, error) {
	d := &net.Dialer{Timeout: connectTime}
	c, err := d.DialContext(ctx, "tcp", t.address())
	if err != nil {
		return nil, wire.Unreached("the directory", t.address(), err)
	}
	s := &session{raw: c, stop: context.AfterFunc(ctx, func() { c.Close() })}
	if err := c.SetDeadline(clock.System().Now().Add(connectTime)); err != nil {
		return nil, err
	}
	var through net.Conn = c
	if t.trust != nil {
		if t.mode == "starttls" {
			err = startTLS(c)
		}
		var secured *tls.Conn
		if err == nil {
			secured = tls.Client(c, t.trust)
			err = secured.HandshakeContext(ctx)
		}
		if err != nil {
			s.stop()
			c.Close()
			var said *fault.Error
			if errors.As(err, &said) {
				return nil, err
			}
			return nil, wire.Unreached("the directory", t.address(), err)
		}
		state := secured.ConnectionState()
		s.state, through = &state, secured
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	s.Conn = ldap.NewConn(newGuard(through), s.state != nil)
	s.SetTimeout(silence)
	s.Start()
	return s, nil
}

// startTLS asks for TLS on a connection in clear. The answer is read to its
// last byte and no further: what was sent before TLS is not taken for what
// comes after.
func startTLS(c net.Conn) error {
	const oid = "1.3.6.1.4.1.1466.20037"
	if _, err := c.Write(append([]byte{0x30, byte(7 + len(oid)), 2, 1, 1, 0x77, byte(2 + len(oid)), 0x80, byte(len(oid))}, oid...)); err != nil {
		return err
	}
	answer, err := readMessage(c)
	if err != nil {
		return err
	}
	// message id 1, [APPLICATION 24], result code 0
	if i := bytes.IndexByte(answer, 0x78); i < 0 || !bytes.Contains(answer[i:min(len(answer), i+10)], []byte{0x0a, 1, 0}) {
		return fault.Invalid("tls", "the directory refuses TLS: give it a certificate, or choose ldaps")
	}
	return nil
}

// open connects and signs in.
func (t target) open(ctx context.Context) (*session, error) {
	s, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Bind(t.user, t.password); err != nil {
		s.close()
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials):
			return nil, fault.Invalid("password", "%s refuses %s with this password: correct the one or the other", t.address(), wire.Clip(t.user))
		case ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidDNSyntax):
			return nil, fault.Invalid("user", "%q is not the name of an entry: give one as in cn=tickmark,dc=example,dc=com", wire.Clip(t.user))
		case ldap.IsErrorWithCode(err, ldap.LDAPResultConfidentialityRequired), ldap.IsErrorWithCode(err, ldap.LDAPResultStrongAuthRequired):
			return nil, fault.Invalid("tls", "%s takes passwords over TLS only: choose ldaps or starttls", t.address())
		case ldap.IsErrorWithCode(err, ldap.ErrorNetwork):
			return nil, lost(err)
		}
		return nil, fault.Invalid("", "%s refuses the sign-in: %s", t.address(), wire.Clip(err.Error()))
	}
	return s, nil
}

func (s *session) protection() string {
	if s.state == nil {
		return "without TLS"
	}
	return wire.TLSName(s.state.Version) + ", " + tls.CipherSuiteName(s.state.CipherSuite)
}

// lost puts the end of a connection into words.
func lost(err error) error {
	for _, e := range []error{errTooLarge, errTooMany, errTooDeep, errTooMuch, errNotBER} {
		if strings.Contains(err.Error(), e.Error()) { // the library keeps the text alone
			return fault.Invalid("", "the connection was ended because of what the other side sent (%s): see that it is a directory", e).With(err)
		}
	}
	return fault.Invalid("", "the connection to the directory was lost while it was read: %s", wire.Clip(err.Error())).With(err)
}

// partial is a search that the directory ended before its end, or refused.
type partial struct{ reason, remedy string }

func (p *partial) Error() string { return p.reason }

// search reads all entries below a place, page by page. Entries are given to
// take as they come; what it cannot finish it reports as partial, so that the
// caller can tell a part from the whole.
func (s *session) search(ctx context.Context, paged bool, base string, scope int, filter string, attributes []string, most int, take func(*ldap.Entry) error) error {
	var page *ldap.ControlPaging
	var controls []ldap.Control
	if paged {
		page = ldap.NewControlPaging(pageSize)
		controls = []ldap.Control{page}
	}
	n := 0
	for {
		// Not the search that streams: it ends without a word when the connection
		// does, and what came until then looks like everything.
		r, err := s.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, attributes, controls))
		if err := s.explain(ctx, err); err != nil {
			return err
		}
		if len(r.Referrals) > 0 {
			return &partial{"a part of the directory lies at another server, to which this one refers", "Add that server as a source of its own, and narrow the base of each."}
		}
		for _, e := range r.Entries {
			if n++; n > most {
				return &partial{fmt.Sprintf("there are more than %d entries, and a part of a list is not taken for the whole", most), "Narrow the base or the filter, or split the directory into several sources."}
			}
			if err := take(e); err != nil {
				return err
			}
		}
		if page == nil {
			return nil
		}
		got, is := ldap.FindControl(r.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !is || len(got.Cookie) == 0 {
			return nil
		}
		if len(r.Entries) == 0 {
			return fault.Invalid("", "the directory gives pages without entries, one after the other: see its log")
		}
		page.SetCookie(got.Cookie)
	}
}

// explain tells the end of the connection from a refusal.
func (s *session) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var l *ldap.Error
	if !errors.As(err, &l) || l.ResultCode >= ldap.ErrorNetwork || s.IsClosing() {
		if last := s.GetLastError(); last != nil {
			err = errors.Join(err, last)
		}
		return lost(err)
	}
	switch l.ResultCode {
	case ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded:
		return &partial{"the directory cut the list off at its limit for this account", "Raise the limit for this account. OpenLDAP: limits dn.exact=\"ACCOUNT\" size.prtotal=unlimited size.pr=500"}
	case ldap.LDAPResultTimeLimitExceeded:
		return &partial{"the directory ended the search at its limit of time", "Add an index for objectClass, or raise the limit of time for this account."}
	case ldap.LDAPResultInsufficientAccessRights:
		return &partial{"this account may not search there (insufficient access)", "Let the account read below the base."}
	case ldap.LDAPResultNoSuchObject:
		return &partial{"the base is not there, or is not shown to this account", "Correct the base, or let the account read below it."}
	case ldap.LDAPResultReferral:
		return &partial{"the base lies at another server, to which this one refers", "Name that server in the source."}
	case ldap.LDAPResultUnavailable, ldap.LDAPResultBusy, ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultOther:
		return fault.Invalid("", "the directory does not answer now: %s", wire.Clip(l.Error()))
	}
	return &partial{"the directory refused the search: " + wire.Clip(l.Error()), "See the directory's log."}
}
