package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/witness"
)

// witnessCmd is what an auditor, a customer or a peer runs, on a machine that
// is not the log's.
type witnessCmd struct {
	Listen  string   `help:"Address to listen on." default:"127.0.0.1:8478" env:"TICKMARK_WITNESS_LISTEN"`
	State   string   `help:"Directory for the witness's key and what it remembers. Never put back an older copy of it." required:"" type:"path" placeholder:"DIR"`
	Log     []string `name:"log" sep:"none" help:"Key of a log to watch, as tickmark key prints it; repeated for several. A log whose key changed is named with both." placeholder:"VKEY"`
	Policy  string   `help:"C2SP trust policy; the logs in it are watched." type:"path" placeholder:"FILE"`
	Name    string   `help:"Name of the witness's key, such as witness.example.com/w1; given at the first start." placeholder:"NAME"`
	TLSCert string   `name:"tls-cert" help:"Certificate file." type:"path"`
	TLSKey  string   `name:"tls-key" help:"Key file of the certificate." type:"path"`
}

// Run watches until the context ends.
func (c *witnessCmd) Run(ctx context.Context, t *cli.Terminal) (err error) {
	logs, err := c.logs()
	if err != nil {
		return err
	}
	if err := (conf.Server{TLSCert: c.TLSCert, TLSKey: c.TLSKey}).Check(); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(t.Err, nil))
	w, err := witness.Open(witness.Config{Dir: c.State, Name: c.Name, Logs: logs, Alarm: func(path, proof string) {
		log.Error("a log contradicts itself", "proof", path)
		fmt.Fprintf(t.Err, "\n%s\n", proof)
	}})
	if err != nil {
		return fault.Invalid("", "%s", err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	if err := c.welcome(w, ln.Addr(), t.Out); err != nil {
		return errors.Join(err, ln.Close())
	}
	return c.serve(ctx, ln, w.Handler(func(err error) { log.Error("not cosigned", "err", err) }))
}

// logs are those named one by one and those of the policy.
func (c *witnessCmd) logs() ([]string, error) {
	logs := c.Log
	if c.Policy != "" {
		b, err := os.ReadFile(c.Policy)
		if err != nil {
			return nil, fault.Invalid("policy", "give a file that can be read: %s", err)
		}
		p, err := cosign.ParsePolicy(b)
		if err != nil {
			return nil, fault.Invalid("policy", "%s", err)
		}
		for _, l := range p.Logs {
			logs = append(logs, l.Key.String())
		}
	}
	if len(logs) == 0 {
		return nil, fault.Invalid("log", "name a log to watch: --log KEY, as tickmark key prints it, or --policy FILE with log lines")
	}
	return logs, nil
}

func (c *witnessCmd) welcome(w *witness.Witness, at net.Addr, out io.Writer) error {
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	_, err := fmt.Fprintf(out, "\nThis witness watches\n\n")
	for _, o := range w.Origins() {
		_, err = fmt.Fprintf(out, "    %s\n", o)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\nand answers at %s://%s. Whoever runs a log names it in a policy file:\n\n    witness NAME %s %s://ADDRESS\n    quorum NAME\n\n",
		scheme, at, w.Key(), scheme)
	return err
}

func (c *witnessCmd) serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	failed := make(chan error, 1)
	go func() {
		if c.TLSCert != "" {
			failed <- srv.ServeTLS(ln, c.TLSCert, c.TLSKey)
			return
		}
		failed <- srv.Serve(ln)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	calm, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return srv.Shutdown(calm)
}
