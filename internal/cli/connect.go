package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// remote is where operations run: in this process or at the other end of a
// connection.
type remote interface {
	// call runs an operation and returns its answer as JSON.
	call(ctx context.Context, o op.Operation, in map[string]any, key string) (json.RawMessage, error)
	// upload stores bytes and returns their address.
	upload(ctx context.Context, data []byte) (string, error)
	close() error
}

type opener func(ctx context.Context, data, org string) (*op.Desk, func() error, error)

// SocketName is the file in a data directory at which the server that holds it
// listens. Its mode lets in the owner alone, so no token is asked for.
const SocketName = "tickmark.sock"

// OrgHeader names the organization on the socket, where a directory holds
// several.
const OrgHeader = "Tickmark-Org"

// connect finds out who runs the operation: a server that was named, the one
// that holds the directory, or nobody but ourselves.
func connect(ctx context.Context, t *Terminal, f flags, open opener) (remote, error) {
	if f.Server != "" {
		return dial(t, f.Server, f.Token)
	}
	socket := filepath.Join(f.Data, SocketName)
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(ctx, "unix", socket)
	switch {
	case err == nil:
		if err := c.Close(); err != nil {
			return nil, err
		}
		far := newClient("http://tickmark", "", func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", socket)
		})
		far.org = f.Org
		return far, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("a server holds %s and belongs to another user: run this as that user, or use --server with a token", f.Data)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("the server that holds %s does not answer: %w", f.Data, err)
	}
	if open == nil {
		return nil, fmt.Errorf("no server answers at %s", socket)
	}
	desk, done, err := open(ctx, f.Data, f.Org)
	if err != nil {
		return nil, err
	}
	return &local{desk, done}, nil
}

// dial checks an address that a person typed.
func dial(t *Terminal, server, token string) (remote, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.Invalid("server", "give an address such as https://tickmark.example")
	}
	if u.Scheme == "http" && token != "" && !loopback(u.Hostname()) {
		fmt.Fprintln(t.Err, "tickmark: the token crosses the network unencrypted; use an https address if there is one")
	}
	base := strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), op.Base)
	return newClient(strings.TrimSuffix(base, "/"), token, nil), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newClient speaks to a server. The transport is ours alone, so that closing
// it leaves nothing behind.
func newClient(base, token string, through func(context.Context, string, string) (net.Conn, error)) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if through != nil {
		transport.DialContext, transport.Proxy = through, nil
	}
	return &client{base: base, token: token, http: &http.Client{
		Transport: transport,
		// A redirect would turn a write into a read.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// local runs operations in this process.
type local struct {
	desk *op.Desk
	done func() error
}

func (l *local) call(ctx context.Context, o op.Operation, in map[string]any, key string) (json.RawMessage, error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	desk := *l.desk
	desk.Key = key
	out, err := o.Run(ctx, &desk, raw)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(out)
	return bytes.TrimSpace(b.Bytes()), err
}

func (l *local) upload(ctx context.Context, data []byte) (string, error) {
	if err := l.desk.Actor.Require(auth.EvidenceWrite); err != nil {
		return "", err
	}
	sealed, err := l.desk.Vault.Store(ctx, l.desk.Org, data, clock.Truncate(l.desk.Clock.Now()))
	return sealed.Address, err
}

func (l *local) close() error { return l.done() }
