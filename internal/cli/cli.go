// Package cli is every operation as a command, on a directory of this machine
// or on a server. Nothing else in the program prints.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/tickmark/tickmark/internal/op"
)

// Commands are what there is to call.
type Commands struct {
	// Operations become commands by their names; those that no surface offers
	// do not.
	Operations []op.Operation
	// Extra points to a struct of further commands in kong's form. Their Run
	// methods may ask for a context.Context and a *Terminal. Flags of every
	// command (see flags) must not be declared again.
	Extra any
	// Open opens a data directory for whoever holds it, in the organization
	// named, or in the only one. The function it returns closes it.
	Open func(ctx context.Context, data, org string) (*op.Desk, func() error, error)
}

// Terminal is what a command sees of the world.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	Data     string // the data directory
	Org      string // the organization, when the directory holds several
	JSON     bool   // print JSON
	Server   string // a server to ask instead of a directory
	Token    string // for that server
}

// Status ends the program with an exit status and no word: what there is to
// say has been printed.
type Status int

func (s Status) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// flags are those of every command.
type flags struct {
	Data   string `name:"data" group:"everywhere" env:"TICKMARK_DATA" default:"data" placeholder:"DIR" help:"The directory that holds everything; ./data if left out."`
	Org    string `name:"org" group:"everywhere" env:"TICKMARK_ORG" placeholder:"NAME" help:"The organization, when the directory holds several."`
	Server string `name:"server" group:"everywhere" env:"TICKMARK_SERVER" placeholder:"URL" help:"Ask a server instead of a directory."`
	Token  string `name:"token" group:"everywhere" env:"TICKMARK_TOKEN" placeholder:"TOKEN" help:"The token for the server, tmk_…."`
	JSON   bool   `name:"json" group:"everywhere" help:"Print JSON. A list is one array of all its items."`
}

// globals are the names that no input may have as a flag.
var globals = []string{"data", "org", "server", "token", "json", "help"}

const purpose = "From a customer's question for a SOC 2 report to a report that anyone can check."

// everywhere heads the flags that every command has.
const everywhere = "Flags of every command"

// operations is the group of the commands that are operations.
const operations = "operations"

// quit is how kong's help ends the program from within.
type quit struct{ status int }

// Run runs one command line and returns the exit status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, c Commands) (status int) {
	defer func() {
		if r := recover(); r != nil {
			q, ok := r.(quit)
			if !ok {
				panic(r)
			}
			status = q.status
		}
	}()
	t := &Terminal{In: stdin, Out: stdout, Err: stderr}
	var f flags
	known, parser, err := grammar(c, &f, t)
	if err != nil {
		return complain(t, nil, err)
	}
	switch {
	case len(args) == 0:
		fmt.Fprint(stderr, rootHelp(parser.Model))
		return exitUsage
	case args[0] == "help":
		args = append(args[1:len(args):len(args)], "--help")
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return misused(t, err)
	}
	if f.Data == "" { // the variable is set, to nothing
		f.Data = "data"
	}
	t.Data, t.Org, t.JSON, t.Server, t.Token = f.Data, f.Org, f.JSON, f.Server, f.Token
	selected := parsed.Selected()
	if cmd, ok := known[selected]; ok {
		return complain(t, cmd, cmd.run(ctx, t, f, c.Open))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return complain(t, nil, parsed.Run())
}

// grammar makes the parser, and the commands that are operations.
func grammar(c Commands, f *flags, t *Terminal) (map[*kong.Node]*command, *kong.Kong, error) {
	options := []kong.Option{
		kong.Name("tickmark"), kong.Description(purpose), kong.Writers(t.Out, t.Err), kong.Help(help), kong.Bind(t),
		kong.ExplicitGroups([]kong.Group{{Key: "everywhere", Title: everywhere + ":"}}),
		kong.Exit(func(status int) { panic(quit{status}) }),
	}
	var nouns []string
	verbs := map[string][]*command{}
	for _, o := range op.Offered(c.Operations) {
		cmd := newCommand(o)
		if verbs[cmd.noun] == nil {
			nouns = append(nouns, cmd.noun)
		}
		verbs[cmd.noun] = append(verbs[cmd.noun], cmd)
	}
	for _, noun := range nouns {
		var fields []reflect.StructField
		for i, cmd := range verbs[noun] {
			fields = append(fields, reflect.StructField{Name: fmt.Sprintf("Verb%d", i), Type: cmd.shape,
				Tag: tag("cmd", "", "name", cmd.verb, "help", cmd.Summary())})
		}
		options = append(options, kong.DynamicCommand(noun, "", operations, reflect.New(reflect.StructOf(fields)).Interface()))
	}
	if c.Extra != nil {
		options = append(options, kong.Embed(c.Extra))
	}
	parser, err := kong.New(f, options...)
	if err != nil {
		return nil, nil, fmt.Errorf("the commands do not fit together: %w", err)
	}
	known := map[*kong.Node]*command{}
	for _, n := range parser.Model.Children {
		for i, cmd := range verbs[n.Name] {
			known[n.Children[i]] = cmd
			cmd.values = n.Children[i].Target
		}
	}
	return known, parser, nil
}

// misused says what is wrong with a command line.
func misused(t *Terminal, err error) int {
	var p *kong.ParseError
	at := "tickmark"
	if errors.As(err, &p) && p.Context != nil {
		if n := p.Context.Selected(); n != nil {
			at = n.FullPath()
			if i := strings.Index(at, " <"); i >= 0 {
				at = at[:i]
			}
		}
	}
	fmt.Fprintf(t.Err, "tickmark: %s\nRun \"%s --help\" to see what is accepted.\n", plain(err.Error()), at)
	return exitUsage
}
