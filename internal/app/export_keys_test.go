package app

import (
	"context"
	"io"
	"strings"

	"github.com/tickmark/tickmark/internal/cli"
	"github.com/tickmark/tickmark/internal/conf"
)

func init() { unsafe = true }

// Rotate changes the root key as the command does, and hears of every step
// before it is done.
func Rotate(ctx context.Context, c conf.Config, in io.Reader, out io.Writer, step func(string) error) error {
	k := changeKey{Config: c, keyAct: keyAct{Op: "keys.rotate", Reason: "test"}, ask: newPrompter(&cli.Terminal{In: in, Err: out}), say: out, step: step}
	return k.do(ctx)
}

// Revoke revokes the root key as the command does.
func Revoke(ctx context.Context, c conf.Config, approvers []string, in io.Reader, out io.Writer, step func(string) error) error {
	k := revocation(c, approvals{Reason: "test", Approver: approvers}, "", newPrompter(&cli.Terminal{In: in, Err: out}), out)
	k.step = step
	return k.do(ctx)
}

// LastGroup is the last group of a recovery copy that was printed.
func LastGroup(printed string) string {
	for line := range strings.Lines(printed) {
		if line = strings.TrimSpace(line); strings.Count(line, "-") == 9 {
			return line[strings.LastIndex(line, "-")+1:]
		}
	}
	return ""
}
