package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/site"
)

// jobSlots is how many jobs run at a time in one process.
const jobSlots = 2

// Serve runs the server until ctx ends or the storage fails. It prints where
// to go and, before first setup, the one-time token.
func (a *App) Serve(ctx context.Context, s conf.Server, offer assess.Offer, out io.Writer) error {
	if err := s.Check(); err != nil {
		return err
	}
	if err := a.Keeper.Compare(ctx); err != nil {
		return err
	}
	crypt, plain, err := a.encrypted(s)
	if err != nil {
		return err
	}
	ln, err := listen(s.Listen)
	if err != nil {
		return err
	}
	if at, ok := ln.Addr().(*net.TCPAddr); ok && !s.TLS() && !at.IP.IsLoopback() {
		a.Log.Warn("passwords and cookies cross the network unencrypted: give --tls-cert and --tls-key, or --base-url https://… where a proxy encrypts", "listen", at)
	}
	if a.Courier == nil { // of an App that was put together by hand
		a.Courier = notify.NewCourier(a.Engine, a.Config.AllowPrivateWebhooks)
	}
	a.Courier.BaseURL = address(s, ln)
	runner := job.NewRunner(a.Engine, a.Workers(), jobSlots)
	handler, local := a.handlers(s, offer, runner.Wake)
	servers := []*http.Server{a.server(handler)}
	listeners := []net.Listener{ln}
	if sock, err := listenSocket(a.Config.Socket()); err != nil {
		a.Log.Warn("the command line cannot reach this server", "err", err)
	} else {
		servers, listeners = append(servers, a.server(local)), append(listeners, sock)
	}
	if crypt != nil {
		listeners[0] = tls.NewListener(ln, crypt)
	}
	if s.HTTP != "" {
		ln, err := net.Listen("tcp", s.HTTP)
		if err != nil {
			return fault.Invalid("acme-http", "%s", err)
		}
		servers, listeners = append(servers, a.server(behind(s, site.Secure(plain, s.TLS())))), append(listeners, ln)
	}
	if err := a.welcome(ctx, address(s, ln), out); err != nil {
		return err
	}
	return a.run(ctx, runner, servers, listeners)
}

// run keeps everything going and stops it in order: no new request, no new
// job, a last signature.
func (a *App) run(ctx context.Context, runner *job.Runner, servers []*http.Server, listeners []net.Listener) error {
	work, stop := context.WithCancel(ctx)
	defer stop()
	var background sync.WaitGroup
	background.Go(func() { a.Ledger.Run(work) })
	background.Go(func() { runner.Run(work) })
	background.Go(func() { a.tidy(work) })
	background.Go(func() { a.Keeper.Run(work, runner.Wake) })
	failed := make(chan error, len(servers))
	for i, srv := range servers {
		go func() { failed <- srv.Serve(listeners[i]) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-a.DB.Broken():
		err = fmt.Errorf("storage failed; restart to read back what is really there: %w", err)
	}
	stop()
	calm, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, srv := range servers {
		if e := srv.Shutdown(calm); e != nil && err == nil {
			err = e
		}
	}
	background.Wait()
	a.Courier.Close()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// tidy forgets what has served its time.
func (a *App) tidy(ctx context.Context) {
	for {
		if err := errors.Join(op.ExpireKeys(ctx, a.Engine), job.Forget(ctx, a.Engine), erasures.Daily(ctx, a.Engine), orgs.Tidy(ctx, a.Engine), scrub.Arrange(ctx, a.Engine), a.Courier.Rouse(ctx)); err != nil && ctx.Err() == nil {
			a.Log.Error("tidying", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(6 * time.Hour):
		}
	}
}

func (a *App) server(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug)}
}

// listen takes the address, or a free port where only the default was meant.
func listen(addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil && addr == conf.DefaultListen {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return ln, err
}

// listenSocket answers the command line. The directory's lock is ours, so a
// socket file that is there was left by a process that is gone.
func listenSocket(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return ln, os.Chmod(path, 0o600)
}

func address(s conf.Server, ln net.Listener) string {
	if s.BaseURL != "" {
		return s.BaseURL
	}
	scheme := "http"
	if s.Own() {
		scheme = "https"
	}
	if host := s.Host(); host != "" {
		return scheme + "://" + host
	}
	return scheme + "://" + ln.Addr().String()
}

// welcome says where to go next.
func (a *App) welcome(ctx context.Context, url string, out io.Writer) error {
	var token string
	err := a.DB.Write(ctx, db.All, func(tx *db.Tx) (err error) {
		token, err = auth.NewSetupToken(tx, a.Clock.Now())
		return err
	})
	if err != nil {
		return err
	}
	if a.Recovery != "" {
		root, _, err := a.Config.RootKey()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nA root key was made in %s.\nWrite its recovery copy down and keep it elsewhere; without it a lost key is lost evidence:\n\n    %s\n", root, a.Recovery)
	}
	if token == "" {
		fmt.Fprintf(out, "\nTickmark is ready at %s\n\n", url)
		return nil
	}
	fmt.Fprintf(out, "\nTickmark is ready at %s/setup\nIt asks for this token, which is good once, for %d minutes:\n\n    %s\n\n", url, int(auth.SetupLife.Minutes()), token)
	return nil
}

// health answers whoever watches the process; it needs no sign-in and says
// nothing about anybody.
func (a *App) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	state := map[string]string{"status": "ok", "database": "ok", "log": "ok"}
	code := http.StatusOK
	if err := a.DB.Ping(ctx); err != nil {
		state["status"], state["database"], code = "down", "does not answer", http.StatusServiceUnavailable
	}
	if why := a.Ledger.Locked(); why != "" {
		state["status"], state["log"], code = "down", "read-only", http.StatusServiceUnavailable
	}
	if text, ok := a.Keeper.Health(); text != "" {
		state["anchors"] = text
		if !ok && code == http.StatusOK {
			state["status"] = "degraded" // it works; somebody should look
		}
	}
	if a.broken(ctx) {
		state["proof"] = "broken" // where, is told to those who may read the log
		if code == http.StatusOK {
			state["status"] = "degraded"
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(state); err != nil {
		a.Log.Debug("health", "err", err)
	}
}

// broken reports whether anything stored is known not to be as it was recorded.
func (a *App) broken(ctx context.Context) bool {
	var n int64
	err := a.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		n, err = scrub.OpenAnywhere(tx)
		return err
	})
	return err == nil && n > 0 // a database that does not answer is told apart
}
