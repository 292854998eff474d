// Package app puts the parts together: which areas exist, how they are offered,
// and how an installation is opened and served. It is the only package that
// knows them all.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/anchors"
	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/backup"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/checks"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/dns"
	"github.com/tickmark/tickmark/internal/collectors/git"
	"github.com/tickmark/tickmark/internal/collectors/gitea"
	"github.com/tickmark/tickmark/internal/collectors/host"
	"github.com/tickmark/tickmark/internal/collectors/ldap"
	"github.com/tickmark/tickmark/internal/collectors/postgres"
	"github.com/tickmark/tickmark/internal/collectors/prometheus"
	"github.com/tickmark/tickmark/internal/collectors/tls"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/erasures"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/frameworks"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/importers/asff"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/importers/ocsf"
	"github.com/tickmark/tickmark/internal/importers/sarif"
	"github.com/tickmark/tickmark/internal/importers/trivy"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/opinions"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/populations"
	"github.com/tickmark/tickmark/internal/procedures"
	"github.com/tickmark/tickmark/internal/readiness"
	"github.com/tickmark/tickmark/internal/reports"
	"github.com/tickmark/tickmark/internal/scopes"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/seal"
	"github.com/tickmark/tickmark/internal/sources"
	"github.com/tickmark/tickmark/internal/tasks"
	"github.com/tickmark/tickmark/internal/trust"
	"github.com/tickmark/tickmark/internal/views"
)

// Operations lists everything that can be done, by name. Every surface is
// derived from it.
func Operations() []op.Operation {
	all := slices.Concat(orgs.Operations, frameworks.Operations, scopes.Operations, controls.Operations, sources.Operations,
		evidence.Operations, checks.Operations, readiness.Operations, engagements.Operations, populations.Operations, procedures.Operations,
		opinions.Operations, reports.Operations, trust.Operations, erasures.Operations, job.Operations, anchors.Operations, backup.Operations, scrub.Operations, views.Operations,
		notify.Operations, tasks.Operations,
		assets.Operations)
	slices.SortFunc(all, func(a, b op.Operation) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// Collectors lists what can be read, beside what needs a folder for copies.
func Collectors() []sources.Collector {
	return []sources.Collector{
		dns.New(),
		git.New(),
		gitea.New(),
		host.New(),
		ldap.New(),
		postgres.New(),
		prometheus.New(),
		tls.New(),
	}
}

// Importers lists the formats of files that can become runs, those first that
// are told most surely.
func Importers() []sources.Importer {
	return []sources.Importer{
		ocsf.New(),
		asff.New(),
		trivy.New(),
		sarif.New(),
		file.New(),
	}
}

// App is an open installation.
type App struct {
	*op.Engine
	Reader  *sources.Reader
	Keeper  *anchors.Keeper // asks outsiders to vouch for the logs
	Courier *notify.Courier // carries letters out of the house
	Config  conf.Config
	// Recovery is the root key in writing, when it was made just now.
	Recovery string

	moved *clock.Moved // of a demonstration that is being made
	root  *seal.Root
}

// unsafe accepts a PostgreSQL that does not wait for the disk: that of tests.
var unsafe bool

// Open opens an installation, and makes it when the directory is new. It
// refuses to go on with a log that is shorter than it was.
func Open(ctx context.Context, c conf.Config, log *slog.Logger) (*App, error) {
	return open(ctx, &App{Config: c}, log)
}

func open(ctx context.Context, a *App, log *slog.Logger) (*App, error) {
	c := a.Config
	rootPath, heldPath, err := c.RootKey()
	if err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, c.URL(), db.Options{Log: log, Unsafe: unsafe})
	if err != nil {
		return nil, err
	}
	if err := a.assemble(ctx, d, rootPath, heldPath, log); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return a, nil
}

func (a *App) assemble(ctx context.Context, d *db.DB, rootPath, heldPath string, log *slog.Logger) error {
	if err := backup.Whole(ctx, d); err != nil {
		return err
	}
	newest, demo, err := ledger.Told(ctx, d)
	if err != nil {
		return err
	}
	// A demonstration goes on where its clock was set.
	now := clock.System()
	if demo && newest.After(now.Now()) {
		moved := &clock.Moved{}
		moved.Set(newest)
		now = moved
	}
	if a.moved != nil {
		if !newest.IsZero() && !demo {
			return fault.Conflict("%s holds records that are no demonstration. Their clock is not set by hand: give another directory with --data.", a.Config.Data)
		}
		now = a.moved
	}
	root, err := a.openRoot(rootPath, !newest.IsZero())
	if err != nil {
		return err
	}
	held, err := ledger.OpenHeld(heldPath)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, a.Config)
	if err != nil {
		return err
	}
	a.Engine = &op.Engine{DB: d, Ledger: ledger.New(d, root, held, now, log), Vault: blob.NewVault(d, store, root),
		Clock: now, Log: log}
	copies := git.NewRemote(filepath.Join(a.Config.Data, "cache", "git"))
	if a.Reader, err = sources.NewReader(append(Collectors(), copies)...); err != nil {
		return err
	}
	a.Reader.Feed(a.Config.Imports.Bytes(), Importers()...)
	a.Engine.Try = a.Reader.Try
	a.Courier = notify.NewCourier(a.Engine, a.Config.AllowPrivateWebhooks)
	if a.Keeper, err = a.outsiders(); err != nil {
		return err
	}
	server, err := a.Config.Mail.Server()
	if err != nil {
		return err
	}
	a.Mail, a.Throttle = mail.New(server), auth.NewThrottle()
	a.Courier.Sender = a.Mail
	return a.Ledger.Check(ctx)
}

// outsiders reads who is configured to vouch for the logs.
func (a *App) outsiders() (*anchors.Keeper, error) {
	roots, policy, err := a.Config.Texts()
	if err != nil {
		return nil, err
	}
	return anchors.New(a.Engine, anchors.Config{TSA: a.Config.TSA, Roots: roots, Policy: policy})
}

// Close closes the installation. Entries that wait for a signature get it.
func (a *App) Close() error {
	if a.Courier != nil {
		a.Courier.Close()
	}
	err := a.Ledger.SealAll(context.Background())
	if fault.KindOf(err) == fault.KindConflict {
		err = nil // the log is read-only; whoever wrote has been told
	}
	return errors.Join(err, a.DB.Close())
}

// Org finds the organization to act for: the named one, or the only one. CPA
// firms are not among them: whoever holds the directory is not their partner.
func (a *App) Org(ctx context.Context, name string) (orgs.Org, error) {
	var all []orgs.Org
	err := a.DB.Read(ctx, db.All, func(tx *db.Tx) (err error) {
		all, err = orgs.All(tx)
		return err
	})
	if err != nil {
		return orgs.Org{}, err
	}
	if len(all) == 0 {
		return orgs.Org{}, fault.NotFound("There is no organization in %s yet. Run tickmark serve or tickmark assess first.", a.Config.Data)
	}
	var names []string
	for _, o := range all {
		if o.Kind == orgs.Firm {
			if name != "" && (o.Name == name || string(o.ID) == name) {
				return orgs.Org{}, fault.Denied("%s is a CPA firm. Its people act with their own sign-in or token: use --server and --token.", o.Name)
			}
			continue
		}
		if name == "" && services(all) == 1 || name != "" && (o.Name == name || string(o.ID) == name) {
			return o, nil
		}
		names = append(names, o.Name)
	}
	return orgs.Org{}, fault.Invalid("org", "give one of: %s", strings.Join(names, ", "))
}

func services(all []orgs.Org) (n int) {
	for _, o := range all {
		if o.Kind == orgs.Service {
			n++
		}
	}
	return n
}

// Desk is where someone acts who has the data directory in hand: as the first
// owner of the organization.
func (a *App) Desk(ctx context.Context, org string) (*op.Desk, error) {
	o, err := a.Org(ctx, org)
	if err != nil {
		return nil, err
	}
	actor, err := a.owner(ctx, o.ID)
	return &op.Desk{Engine: a.Engine, Actor: actor, Org: o.ID}, err
}

func (a *App) owner(ctx context.Context, org id.Org) (auth.Actor, error) {
	var actor auth.Actor
	err := a.DB.Read(ctx, string(org), func(tx *db.Tx) error {
		members, err := auth.Members(tx, org)
		if err != nil {
			return err
		}
		for _, m := range members {
			if slices.Contains(m.Roles, auth.Owner) {
				actor, err = auth.MemberActor(tx, org, m.ID, "cli")
				return err
			}
		}
		return fmt.Errorf("organization %s has no owner", org)
	})
	return actor, err
}

// Found makes an organization for the command line, which has the directory
// in hand. Its owner cannot sign in until first setup claims it.
func (a *App) Found(ctx context.Context, name string) (*op.Desk, error) {
	desk := &op.Desk{Engine: a.Engine, Actor: auth.Actor{Name: "command line", Via: "cli"}}
	_, err := orgs.Found.Do(ctx, desk, orgs.Founding{Creation: orgs.Creation{Organization: name, Name: "Owner", Email: "owner@localhost"}})
	if err != nil {
		return nil, err
	}
	return a.Desk(ctx, "")
}

// Workers lists the kinds of work the machine does.
func (a *App) Workers() []job.Worker {
	list := append(erasures.Workers(), a.Reader.Worker(), a.Reader.ImportWorker(), checks.Worker(), a.Keeper.Worker(), scrub.Worker(), tasks.Worker(), checks.LookWorker(), sources.LookWorker())
	return append(list, a.Courier.Workers()...)
}
