package postgres

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/fault"
)

const (
	connectTime = 15 * time.Second
	answerTime  = 30 * time.Second // of one query; the server gives up earlier
	maxMessage  = 1 << 20          // bytes of one row
	maxAnswers  = 128 << 20        // bytes of one connection
)

// A target is the server that a source names.
type target struct {
	host, database, user, password string
	port                           int
	trust                          *tls.Config // nil without TLS
}

func parseSettings(raw json.RawMessage) (target, error) {
	v, err := wire.Settings("postgres", raw)
	if err != nil {
		return target{}, err
	}
	t := target{host: v["host"], database: v["database"], user: v["user"], password: v["password"]}
	if t.port, err = v.Int("port", 1, 65535); err != nil {
		return t, err
	}
	if t.socket() {
		return t, nil
	}
	if v["tls"] == "verify" {
		t.trust, err = v.Trust("ca", t.host)
		return t, err
	}
	if ip, err := netip.ParseAddr(t.host); t.host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return t, fault.Invalid("tls", "a connection in clear is made to this machine alone: choose verify")
	}
	return t, nil
}

func (t target) socket() bool { return path.IsAbs(t.host) }

// address names the server, without who signs in.
func (t target) address() string {
	if t.socket() {
		return fmt.Sprintf("%s/.s.PGSQL.%d", strings.TrimRight(t.host, "/"), t.port)
	}
	return net.JoinHostPort(t.host, strconv.Itoa(t.port))
}

// A session is one connection to one database, in a transaction that can write
// nothing and sees one state of the catalogue.
type session struct {
	conn *pgx.Conn
	tx   pgx.Tx
	trust
}

type trust struct{ encrypted string }

// protection says how the connection is protected.
func (t trust) protection() string {
	if t.encrypted == "" {
		return "without TLS"
	}
	return t.encrypted
}

// open signs in. Nothing but the target decides how: neither the variables of
// the environment that libpq obeys nor the files in its user's home.
func (t target) open(ctx context.Context, database string) (*session, error) {
	cfg, err := pgx.ParseConfig("host=127.0.0.1 port=1 user=nobody password=none dbname=none sslmode=disable passfile=/dev/null")
	if err != nil {
		return nil, fault.Invalid("", "the variables PG… in this server's environment are not understood: remove them").With(err)
	}
	cfg.Host, cfg.Port, cfg.User, cfg.Password, cfg.Database = t.host, uint16(t.port), t.user, t.password, database
	cfg.TLSConfig, cfg.Fallbacks, cfg.KerberosSrvName, cfg.ValidateConnect, cfg.AfterConnect = t.trust, nil, "", nil, nil
	cfg.ConnectTimeout = connectTime
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec // nothing is prepared, so that a pooler in between does no harm
	cfg.RuntimeParams = map[string]string{
		"application_name": "tickmark", "default_transaction_read_only": "on", "statement_timeout": "15000", "lock_timeout": "3000",
		"search_path": "pg_catalog, pg_temp", // what a database's owner calls pg_roles is not asked
		"DateStyle":   "ISO", "client_encoding": "UTF8",
	}
	dial := &net.Dialer{Timeout: connectTime}
	cfg.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &bounded{Conn: c, left: maxAnswers}, nil
	}
	cfg.MaxProtocolMessageBodyLen = maxMessage
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, t.refused(database, err)
	}
	s := &session{conn: conn}
	if c, is := conn.PgConn().Conn().(*tls.Conn); is {
		state := c.ConnectionState()
		s.encrypted = wire.TLSName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)
	}
	if s.tx, err = conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}); err != nil {
		s.close()
		return nil, s.lost(err)
	}
	return s, nil
}

func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.conn.Close(ctx)
}

// A bounded connection ends when the other side has said too much.
type bounded struct {
	net.Conn
	left int64
}

var errTooMuch = errors.New("it sent more than a catalogue holds")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooMuch
	}
	n, err := b.Conn.Read(p)
	b.left -= int64(n)
	return n, err
}

// refused puts a sign-in that failed into words.
func (t target) refused(database string, err error) error {
	say := func(field, format string, args ...any) error { return fault.Invalid(field, format, args...).With(err) }
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "28P01":
			return say("password", "%s refuses the password of %s: correct it", t.address(), t.user)
		case "28000":
			return say("user", "%s does not let %s sign in to %s from here: %s; add a rule to its pg_hba.conf, or correct the account", t.address(), t.user, database, wire.Clip(pg.Message))
		case "3D000":
			return say("database", "%s has no database %s: give one that exists", t.address(), database)
		case "42501":
			return say("database", "%s may not connect to %s: GRANT CONNECT ON DATABASE %s TO %s", t.user, database, quote(database), quote(t.user))
		case "53300":
			return say("", "%s has no connection left: raise max_connections, or read it at another time", t.address())
		}
		return say("", "%s refuses the connection: %s", t.address(), wire.Clip(pg.Message))
	}
	if strings.Contains(err.Error(), "refused TLS") {
		return say("tls", "%s offers no TLS: set ssl = on with a certificate there", t.address())
	}
	if strings.Contains(err.Error(), "password") && t.password == "" {
		return say("password", "%s asks for a password: give one", t.address())
	}
	return wire.Unreached("PostgreSQL", t.address(), err)
}

func quote(name string) string { return `"` + strings.ReplaceAll(wire.Clip(name), `"`, `""`) + `"` }

// unread is a question that the server answered with a refusal while the
// session goes on.
type unread struct {
	code, message string
}

func (u *unread) Error() string { return u.message }

// each asks a question and reads the answer row by row. After most rows it
// stops and reports that there are more. The question stands in a savepoint,
// so that a refusal does not end the transaction.
func (s *session) each(ctx context.Context, sql string, args []any, most int, row func(scan func(...any) error) error) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	sub, err := s.tx.Begin(ctx)
	if err != nil {
		return false, s.lost(err)
	}
	n := 0
	rows, err := sub.Query(ctx, sql, args...)
	if err == nil {
		for rows.Next() {
			if n++; n > most {
				more = true
				break
			}
			if err = row(rows.Scan); err != nil {
				break
			}
		}
		rows.Close()
		if err == nil {
			err = rows.Err()
		}
	}
	if back := sub.Rollback(ctx); back != nil && err == nil {
		err = back
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) && !s.conn.IsClosed() && pg.Severity != "FATAL" && pg.Severity != "PANIC" && ctx.Err() == nil {
		return false, &unread{pg.Code, wire.Clip(pg.Message)}
	}
	if err != nil {
		return false, s.lost(err)
	}
	return more, nil
}

// one asks a question that has one row.
func (s *session) one(ctx context.Context, sql string, dest ...any) error {
	n := 0
	_, err := s.each(ctx, sql, nil, 1, func(scan func(...any) error) error { n++; return scan(dest...) })
	if err == nil && n == 0 {
		return &unread{"02000", "the server gave no answer"}
	}
	return err
}

// lost puts the end of a session into words. What was read before it is not
// kept: a run that was cut off has seen nothing.
func (s *session) lost(err error) error {
	var pg *pgconn.PgError
	var said *fault.Error
	switch {
	case errors.Is(err, context.Canceled), errors.As(err, &said):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Invalid("", "the server did not answer in time: read it at another time").With(err)
	case errors.Is(err, errTooMuch), strings.Contains(err.Error(), "body length"):
		return fault.Invalid("", "the server sent more than a catalogue holds: see that it is PostgreSQL").With(err)
	case errors.As(err, &pg):
		return fault.Invalid("", "the server ended the session: %s", wire.Clip(pg.Message)).With(err)
	}
	return fault.Invalid("", "the connection to the server was lost while it was read: %s", wire.Clip(err.Error())).With(err)
}

// why puts an unread question into words and names what would settle it; false
// if the session is over.
func (l *look) why(err error, what, grant string) (reason, remedy string, ok bool) {
	var u *unread
	if !errors.As(err, &u) {
		return "", "", false
	}
	switch u.code {
	case "42501":
		return fmt.Sprintf("%s is not shown to %s (%s)", what, wire.Clip(l.role), u.message), grant, true
	case "57014", "55P03":
		return what + " was not given in time", "Read the server when it has less to do.", true
	case "42P01", "42703", "42883":
		return fmt.Sprintf("%s is not kept by release %d in a form that is read here", what, l.major), "Upgrade the server.", true
	}
	return fmt.Sprintf("%s could not be read: %s", what, u.message), "See the server's log.", true
}
