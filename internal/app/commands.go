package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Run runs one command line and returns the exit status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return cli.Run(ctx, args, stdin, stdout, stderr, cli.Commands{
		Operations: Operations(), Extra: &commands{},
		Open: func(ctx context.Context, data, org string) (*op.Desk, func() error, error) {
			a, err := Open(ctx, conf.ForData(data), slog.New(slog.DiscardHandler))
			if err != nil {
				return nil, nil, err
			}
			desk, err := a.Desk(ctx, org)
			if err != nil {
				return nil, nil, errors.Join(err, a.Close())
			}
			stop := a.sealing(ctx)
			return desk, func() error { stop(); return a.Close() }, nil
		},
	})
}

// commands are those that are not operations.
type commands struct {
	Serve        serveCmd        `cmd:"" help:"Run the server."`
	Assess       assessCmd       `cmd:"" help:"Read a repository or this machine, judge it, and print where the organization stands. --org names the one to make."`
	Ingest       ingestCmd       `cmd:"" help:"Hand in files that other tools wrote, OCSF, SARIF, ASFF or Trivy, each as a run of its source."`
	Export       exportCmd       `cmd:"" help:"Write the evidence log with its evidence to a file that anyone can check."`
	Key          keyCmd          `cmd:"" help:"Print the key that a verifier pins; keep, change and revoke keys."`
	Ledger       ledgerCmd       `cmd:"" help:"Go on after a loss."`
	Demo         demoCmd         `cmd:"" help:"Play an examination over a repository's history, from the proposal to the issued report, and serve it."`
	Backup       backupCmd       `cmd:"" help:"Copy the installation into two files, while it is used."`
	Restore      restoreCmd      `cmd:"" help:"Put a backup back into an empty directory and check it; or, with --drill, try whether that would work."`
	Sample       sampleCmd       `cmd:"" help:"Repeat the selection of a sample and its evaluation, without a data directory."`
	RecoverOwner recoverOwnerCmd `cmd:"" name:"recover-owner" help:"Let an owner who cannot sign in back in, by a link that is good once. The log says that it was made."`
	Witness      witnessCmd      `cmd:"" help:"Watch the logs of others: cosign what continues, refuse and keep what does not. Needs no data directory."`
}

type serveCmd struct {
	conf.Config `embed:""`
	conf.Server `embed:""`
	Files       conf.Imports `embed:""`
	Git         string       `help:"Offer this repository at the guided start; the checkout Tickmark is started in, if left out." placeholder:"PATH" type:"path"`
}

// Run serves until the context ends.
func (c *serveCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data, c.Config.Imports = t.Data, c.Files
	a, err := Open(ctx, c.Config, c.Config.Logger())
	if err != nil {
		return err
	}
	from := c.Git
	if from == "" {
		from = "."
	}
	err = a.Serve(ctx, c.Server, assess.Offer{Git: assess.Checkout(from), Host: true}, t.Out)
	return errors.Join(err, a.Close())
}

// notAssessed is the exit status when there is no finding to speak of: 1 and 3
// are findings.
const notAssessed = 2

type assessCmd struct {
	conf.Config `embed:""`
	Git         string `help:"Read this repository." placeholder:"PATH" type:"path"`
	Host        bool   `help:"Read this Linux machine."`
	Quiet       bool   `help:"Show no progress."`
}

// Run assesses and exits with what was found: 0 all pass, 1 something fails,
// 3 nothing fails but something is unknown.
func (c *assessCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	log := slog.New(slog.DiscardHandler)
	if c.Verbose {
		log = c.Config.Logger()
	}
	a, err := Open(ctx, c.Config, log)
	if err != nil {
		fmt.Fprintln(t.Err, "tickmark:", err)
		return cli.Status(notAssessed)
	}
	status, err := a.Assess(ctx, Assess{Offer: assess.Offer{Git: c.Git, Host: c.Host}, Org: t.Org, JSON: t.JSON, Quiet: c.Quiet}, t.Out, t.Err)
	if err := errors.Join(err, a.Close()); err != nil {
		fmt.Fprintln(t.Err, "tickmark:", err)
		return cli.Status(notAssessed)
	}
	if status == assess.AllPass {
		return nil
	}
	return cli.Status(status)
}

type exportCmd struct {
	conf.Config `embed:""`
	Out         string `help:"File to write, FILE.evb." required:"" placeholder:"FILE" type:"path"`
	Engagement  string `help:"Export this engagement with the logs of both sides. People of the firm do, with --server and --token." placeholder:"ID"`
}

// Run writes the bundle, through the server that holds the directory if one
// does.
func (c *exportCmd) Run(ctx context.Context, t *cli.Terminal) error {
	c.Config.Data = t.Data
	if t.Server != "" || c.Engagement != "" {
		return c.fetch(ctx, t)
	}
	if client := answering(ctx, c.Config); client != nil {
		err := create(c.Out, func(w io.Writer) error {
			return ask(ctx, client, http.MethodPost, "/exports/bundle", t.Org, func(r io.Reader) error {
				_, err := io.Copy(w, r)
				return err
			})
		})
		if err == nil {
			_, err = fmt.Fprintf(t.Out, "Wrote %s.\nCheck it with: tickmark-verify --key KEY %s\n", c.Out, filepath.Base(c.Out))
		}
		return err
	}
	a, err := Open(ctx, c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return errors.Join(a.Export(ctx, t.Org, c.Out, t.Out), a.Close())
}

// fetch has a server write the bundle.
func (c *exportCmd) fetch(ctx context.Context, t *cli.Terminal) error {
	if t.Server == "" {
		return fault.Invalid("server", "an engagement is exported by people of the firm: give --server and --token")
	}
	path, keys := "/exports/bundle", "--key KEY"
	if c.Engagement != "" {
		path, keys = "/engagements/"+url.PathEscape(c.Engagement)+"/bundle", "--key KEY --key KEY"
	}
	err := create(c.Out, func(w io.Writer) error { return t.Fetch(ctx, path, w) })
	if err == nil {
		_, err = fmt.Fprintf(t.Out, "Wrote %s.\nCheck it with: tickmark-verify %s %s\n", c.Out, keys, filepath.Base(c.Out))
	}
	return err
}

// answering returns a client of the server that holds the data directory, or
// nil when none answers.
func answering(ctx context.Context, c conf.Config) *http.Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", c.Socket())
	}
	conn, err := dial(ctx, "", "")
	if err != nil {
		return nil
	}
	conn.Close()
	return &http.Client{Transport: &http.Transport{DialContext: dial}}
}

// ask sends a request to the socket and hands over the answer.
func ask(ctx context.Context, client *http.Client, method, path, org string, take func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://tickmark"+op.Base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set(cli.OrgHeader, org)
	return answerOf(client, req, take)
}

// answerOf sends a request to the socket and hands over the answer.
func answerOf(client *http.Client, req *http.Request, take func(io.Reader) error) error {
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the server that holds the directory does not answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return take(res.Body)
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&problem); err != nil || problem.Detail == "" {
		return fmt.Errorf("the server that holds the directory answers %s", res.Status)
	}
	return fault.Conflict("%s", problem.Detail)
}
