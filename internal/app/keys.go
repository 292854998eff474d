package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/seal"
)

// keyPlace says where the root key may lie.
func keyPlace(c conf.Config) (seal.Place, error) {
	root, _, err := c.RootKey()
	return seal.Place{File: root, Sealed: root + ".age", Identity: c.Identity, Credential: c.Credential()}, err
}

// openRoot reads the root key. It makes one where there is neither a key nor
// anything that one was used for.
func (a *App) openRoot(path string, used bool) (*seal.Root, error) {
	place, err := keyPlace(a.Config)
	if err != nil {
		return nil, err
	}
	there, err := place.There()
	if err != nil {
		return nil, err
	}
	if !there && used {
		return nil, fault.Invalid("keys", "there is no root key in %s, and this installation has one: put it back with tickmark key restore, or name its place with --keys", filepath.Dir(path))
	}
	root, made, err := place.Open()
	if err != nil {
		return nil, err
	}
	if made {
		a.Recovery = root.Recovery()
	}
	a.root = root
	return root, nil
}

// A keyAct is a change of the root key: everything that it made is made anew by
// another. It can be taken up again wherever it was killed, since the file then
// holds both keys.
type keyAct struct {
	Op     string `json:"op"` // keys.rotate or keys.revoke
	Reason string `json:"reason"`
	// Approvers and Alone are those of a revocation, so that what is left of it
	// need not be approved again.
	Approved *ledger.Act `json:"approved,omitempty"`
}

// words are what people call an act.
func (k keyAct) words() string {
	if k.Op == "keys.revoke" {
		return "revoke"
	}
	return "rotate"
}

// pendingPath is where an act that has begun is noted, beside the root key.
func pendingPath(c conf.Config) (string, error) {
	root, _, err := c.RootKey()
	return filepath.Join(filepath.Dir(root), "pending"), err
}

// pending returns the act that has begun, or nil.
func pending(c conf.Config) (*keyAct, error) {
	path, err := pendingPath(c)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var k keyAct
	if err := json.Unmarshal(b, &k); err != nil || k.Op != "keys.rotate" && k.Op != "keys.revoke" {
		return nil, fault.Conflict("%s does not say which change of the key had begun: it was edited. Remove it if none had.", path)
	}
	return &k, nil
}

// begin notes an act before its first step.
func (k keyAct) begin(c conf.Config) error {
	path, err := pendingPath(c)
	if err != nil {
		return err
	}
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return seal.WriteFile(path, append(b, '\n'))
}

// changeKey gives the installation another root key.
type changeKey struct {
	Config conf.Config
	keyAct
	// Out is where a ring is written that others must install.
	Out string
	// approve asks people for a revocation.
	approve func(ctx context.Context, a *App, act *ledger.Act) error
	ask     *prompter
	say     io.Writer
	late    bool // only the old key was left to let go
	// step, in tests, ends the act before a step.
	step func(what string) error
}

func (c *changeKey) at(what string) error {
	if c.step == nil {
		return nil
	}
	return c.step(what)
}

// do does all of it, or what is left of it.
func (c *changeKey) do(ctx context.Context) error {
	begun, err := pending(c.Config)
	if err != nil {
		return err
	}
	if begun != nil && begun.Op != c.Op {
		return fault.Conflict("Another change of the key has begun: finish it first, with tickmark key %s.", begun.words())
	}
	if begun != nil {
		c.keyAct = *begun
	}
	a, err := Open(ctx, c.Config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if why := a.Ledger.Locked(); why != "" {
		return errors.Join(fault.Conflict("The log is read-only: %s", why), a.Close())
	}
	extended := !a.root.Ring()
	if extended {
		installed, err := c.extend(ctx, a, begun != nil)
		if err := errors.Join(err, a.Close()); err != nil || !installed {
			return err
		}
		if a, err = Open(ctx, c.Config, slog.New(slog.DiscardHandler)); err != nil {
			return err
		}
	}
	c.late = begun == nil && !extended
	return errors.Join(c.finish(ctx, a), a.Close())
}

// extend puts a new key in front of the present one. It reports false where
// somebody else has to install it.
func (c *changeKey) extend(ctx context.Context, a *App, begun bool) (installed bool, err error) {
	place, err := keyPlace(c.Config)
	if err != nil {
		return false, err
	}
	fixed, err := place.Fixed()
	if err != nil {
		return false, err
	}
	if fixed != "" && c.Out == "" {
		return false, fault.Invalid("out", "the root key comes from %s, which this program does not write: give --out FILE for the new one", fixed)
	}
	if c.approve != nil && c.Approved == nil {
		act := ledger.Act{Reason: c.Reason}
		if err := c.approve(ctx, a, &act); err != nil {
			return false, err
		}
		c.Approved = &act
	}
	if err := c.at("note what begins"); err != nil {
		return false, err
	}
	if !begun {
		if err := c.begin(c.Config); err != nil {
			return false, err
		}
	}
	if err := c.at("write the new key"); err != nil {
		return false, err
	}
	ring := seal.NewRoot().With(a.root)
	if fixed == "" {
		return true, place.Save(ring)
	}
	if err := ring.SaveNew(c.Out); err != nil {
		return false, err
	}
	fmt.Fprintf(c.say, "Wrote %s: the new root key, and the present one behind it.\nPut its content in the place of %s, as it is or encrypted, and run tickmark key %s again.\nUntil then nothing has changed.\n", c.Out, fixed, c.words())
	return false, nil
}

// finish does everything with the new key, shows it, and lets the old one go.
func (c *changeKey) finish(ctx context.Context, a *App) error {
	act := ledger.Act{Reason: c.Reason}
	if c.Approved != nil {
		act = *c.Approved
	}
	act.Actor, act.Step = operator, c.step
	if act.Reason == "" {
		act.Reason = "taken up again"
	}
	do := a.Ledger.Rotate
	if c.Op == "keys.revoke" {
		do = a.Ledger.Revoke
	}
	if err := do(ctx, act, a.Vault.Rewrap); err != nil {
		return err
	}
	if err := c.at("wrap the installation's own key"); err != nil {
		return err
	}
	if err := a.Vault.RewrapInstallation(ctx); err != nil {
		return err
	}
	if err := c.at("show the recovery copy"); err != nil {
		return err
	}
	if err := c.shown(ctx, a.root); err != nil {
		return err
	}
	place, err := keyPlace(c.Config)
	if err != nil {
		return err
	}
	fixed, err := place.Fixed()
	if err != nil {
		return err
	}
	if fixed != "" && c.Out == "" {
		return fault.Invalid("out", "give --out FILE for the new root key without the old one")
	}
	// What was begun is done. To let the old key go is left, which any further
	// command does; were it the other way round, one would begin anew.
	if err := c.at("forget that it had begun"); err != nil {
		return err
	}
	a.unwish()
	path, err := pendingPath(c.Config)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := c.at("let the old key go"); err != nil {
		return err
	}
	if fixed == "" {
		err = place.Save(a.root.Newest())
	} else if err = a.root.Newest().SaveNew(c.Out); err == nil {
		fmt.Fprintf(c.say, "Wrote %s: the new root key alone. Put it in the place of %s and destroy the files before it.\n", c.Out, fixed)
	}
	if err != nil {
		return err
	}
	if c.late {
		fmt.Fprint(c.say, "\nWhat had begun earlier is finished, and nothing besides. Run the command again if another change is wanted.\n")
		return nil
	}
	fmt.Fprint(c.say, "\nDone. The old root key is no longer in its place. Its recovery copy opens backups made until now:\nkeep it as long as you keep them, and destroy it with the last of them.\n")
	return nil
}

// shown has the operator write the new recovery copy down, and prove it by its
// last group.
func (c *changeKey) shown(ctx context.Context, root *seal.Root) error {
	copied := root.Recovery()
	fmt.Fprintf(c.say, "\nThe new recovery copy. Write it down and keep it elsewhere; it is not shown by itself again:\n\n    %s\n\n", copied)
	last := copied[strings.LastIndex(copied, "-")+1:]
	got, err := c.ask.ask(ctx, "Type its last group, to say that you have it:", false)
	if err == nil && strings.EqualFold(strings.TrimSpace(got), last) {
		return nil
	}
	return errors.Join(fault.Conflict("The old root key stays beside the new one until you say that you have the copy: run tickmark key %s again.", c.words()), err)
}

// RestoreKey puts a root key in its place from its recovery copy, once it is
// seen to open what is in the database. older adds it behind the present key,
// for a backup from before a rotation.
func RestoreKey(ctx context.Context, c conf.Config, recovery string, older bool) error {
	given, err := seal.ParseRoot(recovery)
	if err != nil {
		return err
	}
	place, err := keyPlace(c)
	if err != nil {
		return err
	}
	there, err := place.There()
	if err != nil {
		return err
	}
	fixed, err := place.Fixed()
	if err != nil {
		return err
	}
	root := given
	switch {
	case fixed != "":
		return fault.Conflict("The root key comes from %s, which this program does not write: put the recovery copy there as a line of text.", fixed)
	case there && !older:
		return fault.Conflict("There is a root key in %s already. Move it away first; or, if the copy is of an older key and you have restored a backup from its time, give --older.", place.File)
	case older && !there:
		return fault.Conflict("There is no root key in %s beside which an older one could be put.", place.File)
	case older:
		present, _, err := place.Open()
		if err != nil {
			return err
		}
		root = present.With(given)
	}
	if err := fits(ctx, c, root); err != nil {
		return err
	}
	if older {
		if err := (keyAct{Op: "keys.rotate", Reason: "a backup from before a rotation was restored"}).begin(c); err != nil {
			return err
		}
	}
	return place.Save(root)
}

// fits refuses a root key that does not open the database.
func fits(ctx context.Context, c conf.Config, root *seal.Root) error {
	d, err := db.Open(ctx, c.URL(), db.Options{Unsafe: unsafe})
	if err != nil {
		return err
	}
	return errors.Join(ledger.RootFits(ctx, d, root), d.Close())
}
