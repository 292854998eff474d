package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// help prints the page of a command, of all that can be done with a noun, or
// of everything.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	selected := ctx.Selected()
	var text string
	switch {
	case selected == nil:
		text = rootHelp(ctx.Model)
	case len(selected.Children) > 0:
		text = nounHelp(ctx.Model, selected)
	default:
		options.WrapUpperBound = 100
		return kong.DefaultHelpPrinter(options, ctx)
	}
	_, err := io.WriteString(ctx.Stdout, text)
	return err
}

// line is a command and what it does.
type line struct{ left, right string }

// rootHelp lists every command on one line, those about one noun together.
// Nouns that are no operations ask neither a directory nor a server.
func rootHelp(app *kong.Application) string {
	var special, alone []line
	var groups [][]line
	for _, n := range app.Children {
		switch {
		case n.Hidden:
		case len(n.Children) == 0:
			special = append(special, line{n.Name, n.Help})
		case n.Group != nil && n.Group.Key == operations:
			groups = append(groups, lines(n))
		default:
			alone = append(alone, lines(n)...)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: tickmark <command> [flags]\n\n%s\n", purpose)
	write(&b, "Commands", special)
	write(&b, "Anywhere, without a directory or a server", alone)
	for i, g := range groups {
		head := ""
		if i == 0 {
			head = "On a directory of this machine, or with --server on a server"
		}
		write(&b, head, g)
	}
	write(&b, everywhere, globalFlags(app))
	b.WriteString("\nRun \"tickmark <command> --help\" for the flags of a command.\n")
	return b.String()
}

func nounHelp(app *kong.Application, noun *kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: tickmark %s <command> [flags]\n", noun.Name)
	write(&b, "Commands", lines(noun))
	write(&b, everywhere, globalFlags(app))
	fmt.Fprintf(&b, "\nRun \"tickmark %s <command> --help\" for the flags of a command.\n", noun.Name)
	return b.String()
}

// lines are the commands below a node.
func lines(n *kong.Node) []line {
	var out []line
	for _, leaf := range n.Leaves(true) {
		left := leaf.Path()
		for _, arg := range leaf.Positional {
			left += " " + arg.Summary()
		}
		out = append(out, line{left, leaf.Help})
	}
	return out
}

func globalFlags(app *kong.Application) []line {
	var out []line
	for _, f := range app.Flags {
		if f.Hidden {
			continue
		}
		left := "--" + f.Name
		if f.Short != 0 {
			left = "-" + string(f.Short) + ", " + left
		}
		if !f.IsBool() {
			left += "=" + f.FormatPlaceHolder()
		}
		right := f.Help
		if len(f.Envs) > 0 {
			right = strings.TrimSuffix(right, ".") + " ($" + strings.Join(f.Envs, ", $") + ")."
		}
		out = append(out, line{left, right})
	}
	return out
}

// write adds a block of lines with their right sides aligned.
func write(b *strings.Builder, head string, block []line) {
	if len(block) == 0 {
		return
	}
	b.WriteString("\n")
	if head != "" {
		b.WriteString(head + ":\n")
	}
	width := 26
	for _, l := range block {
		width = max(width, len(l.left))
	}
	for _, l := range block {
		fmt.Fprintf(b, "  %-*s  %s\n", width, l.left, l.right)
	}
}
