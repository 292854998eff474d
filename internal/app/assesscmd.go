package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/sources"
)

// Assess is what the command asks for.
type Assess struct {
	Offer assess.Offer
	Org   string // name of the organization to make or to use
	JSON  bool
	Quiet bool // no progress
}

// Assess reads the offered sources and prints the picture. It makes the
// organization if there is none, and returns the exit status that says what
// was found.
func (a *App) Assess(ctx context.Context, in Assess, out, progress io.Writer) (int, error) {
	desk, err := a.assessor(ctx, in.Org)
	if err != nil {
		return 0, err
	}
	list, err := a.toRead(ctx, desk, in.Offer)
	if err != nil {
		return 0, err
	}
	stop := a.sealing(ctx)
	defer stop()
	show := newProgress(progress, in.Quiet)
	report, err := assess.Perform(ctx, desk, a.Reader, list, show.step)
	show.end()
	if err != nil {
		return 0, err
	}
	if in.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		return report.Exit(), enc.Encode(report)
	}
	return report.Exit(), printReport(out, report)
}

// assessor finds or makes the organization.
func (a *App) assessor(ctx context.Context, org string) (*op.Desk, error) {
	var count int
	err := a.DB.Read(ctx, db.All, func(tx *db.Tx) error {
		all, err := orgs.All(tx)
		count = len(all)
		return err
	})
	if err != nil {
		return nil, err
	}
	if count == 0 {
		return a.Found(ctx, cmp.Or(org, "This organization"))
	}
	return a.Desk(ctx, org)
}

// toRead connects what is offered; with no offer, what is connected already.
func (a *App) toRead(ctx context.Context, desk *op.Desk, o assess.Offer) ([]sources.Source, error) {
	if !o.Empty() {
		return assess.Connect(ctx, desk, o)
	}
	list, err := sources.List.Do(ctx, desk, op.None{})
	if err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, fault.Invalid("", "nothing to read: give --git PATH for a repository, --host for this machine, or both")
	}
	return list.Items, nil
}

// sealing signs heads while a command runs, as the server does all the time.
func (a *App) sealing(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { a.Ledger.Run(ctx) })
	return func() { cancel(); done.Wait() }
}

// progress is one line on a terminal that says how far the work is, and
// nothing where nobody watches.
type progress struct {
	mu  sync.Mutex
	out io.Writer
	any bool
}

func newProgress(out io.Writer, quiet bool) *progress {
	f, ok := out.(*os.File)
	if !ok || quiet {
		return &progress{}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{out: out}
}

func (p *progress) step(done, about int, what string) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.any = true
	line := what
	if about > 0 {
		line = fmt.Sprintf("%s: %d of about %d", what, done, about)
	}
	fmt.Fprintf(p.out, "\r\x1b[K%.100s", line)
}

func (p *progress) end() {
	if p.any {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

var glyphs = map[checks.Status]string{checks.Pass: "pass", checks.Fail: "FAIL", checks.Unknown: "unknown", checks.Excepted: "excepted",
	checks.NotApplicable: "n/a"}

// printReport prints the picture for people: what was read, what fails, what
// cannot be known and why, and what to do next.
func printReport(out io.Writer, r assess.Report) error {
	p := r.Picture
	fmt.Fprintf(out, "%s\n\n", p.Sentence)
	for _, run := range r.Runs {
		if run.Status != sources.RunOK {
			fmt.Fprintf(out, "%s (%s) could not be read: %s\n", run.Name, run.Source, run.Error)
			continue
		}
		total := int64(0)
		for _, n := range run.Resources {
			total += n
		}
		fmt.Fprintf(out, "%s (%s): %d things seen of %d kinds\n", run.Name, run.Source, total, len(run.Resources))
	}
	t := p.Checks
	fmt.Fprintf(out, "\n%d checks: %d pass, %d fail, %d unknown, %d excepted, %d not applicable\n\n", t.Total(), t.Pass, t.Fail, t.Unknown,
		t.Excepted, t.NotApplicable)
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, status := range []checks.Status{checks.Fail, checks.Unknown, checks.Excepted, checks.Pass, checks.NotApplicable} {
		for _, c := range r.Checks {
			if c.Status == status {
				fmt.Fprintf(w, "%s\t%s\t%s\n", glyphs[c.Status], c.ID, firstLine(cmp.Or(c.Summary, c.Reason, c.Title)))
			}
		}
	}
	fmt.Fprintf(w, "\ncategory\tin scope\tdesigned\timplemented\tevidenced\tready\tnot ready\tunknown\n")
	for _, row := range append(p.Categories[:len(p.Categories):len(p.Categories)], p.Total) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", row.Title, row.InScope, row.Designed, row.InPlace, row.Evidenced, row.Ready,
			row.NotReady, row.Unknown)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	printActions(out, p.Actions)
	_, err := fmt.Fprintf(out, "\nEvidence log %s: %d entries, root %s\n", r.Ledger.Origin, r.Ledger.Size, r.Ledger.Root)
	return err
}

// shownActions is how many of the next acts the terminal shows.
const shownActions = 6

func printActions(out io.Writer, list []readiness.Action) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(out, "\nWhat settles it, first things first:\n")
	for i, a := range list {
		if i == shownActions {
			fmt.Fprintf(out, "  and %d more\n", len(list)-i)
			break
		}
		fmt.Fprintf(out, "  %d. %s (%s; settles %s)\n", i+1, a.Text, cmp.Or(a.Owner, "nobody yet"), strings.Join(few(a.Settles), " "))
	}
}

func few(codes []string) []string {
	if len(codes) > 6 {
		return append(codes[:6:6], fmt.Sprintf("and %d more", len(codes)-6))
	}
	return codes
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return s
}

// Key prints the key a verifier pins.
func (a *App) Key(ctx context.Context, org string, out io.Writer) error {
	desk, err := a.Desk(ctx, org)
	if err != nil {
		return err
	}
	return a.DB.Read(ctx, string(desk.Org), func(tx *db.Tx) error {
		head, err := a.Ledger.Head(tx, desk.Org)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, head.VKey)
		return err
	})
}

// create makes the file a bundle is written to. It is put in place only when
// it is whole.
func create(path string, write func(io.Writer) error) error {
	err := durable.Write(path, write)
	if errors.Is(err, durable.ErrFolder) {
		return fault.Invalid("out", "cannot write beside %s: give a folder that exists and may be written", path).With(err)
	}
	return err
}
