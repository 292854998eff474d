// Package postgres reads a PostgreSQL server: how it is configured, who may
// enter it and do what, whether its log is shipped and its replicas follow. It
// reads the catalogue alone, in one read-only transaction to a database, and
// needs no more than pg_monitor. What an account cannot see it says.
package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/sources"
)

// Bounds of what one server is asked.
const (
	maxRoles     = 20_000
	maxDatabases = 100
	maxGrants    = 20_000
	maxRules     = 10_000
	maxReplicas  = 1_000
	wholeRun     = 10 * time.Minute
)

// A Collector holds no state: one value serves any number of runs at once.
type Collector struct{}

// New returns the collector.
func New() Collector { return Collector{} }

// Kind names the source type.
func (Collector) Kind() string { return "postgres" }

// Version changes whenever the same server would yield other facts.
func (Collector) Version() string { return "1" }

// A look is one reading of one server.
type look struct {
	*session
	at     target
	in     *sources.Intake
	server wire.Facts
	name   string // of the server, as its key
	major  int
	role   string // who reads
	stats  bool   // what other sessions do is shown to that role
	supers map[string]bool
	enter  []string // databases to visit
	noList string   // why their list is not known
}

// Collect reads the server that the settings name.
func (Collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	at, err := parseSettings(raw)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, wholeRun)
	defer cancel()
	s, err := at.open(ctx, at.database)
	if err != nil {
		return err
	}
	defer s.close()
	l := &look{session: s, at: at, in: in, server: wire.NewFacts(), name: at.address(), supers: map[string]bool{}}
	return l.all(ctx)
}

// Test says what would be read. The catalogue is small, so it reads it.
func (c Collector) Test(ctx context.Context, raw json.RawMessage) (sources.Trial, error) {
	schemas, err := sources.Schemas()
	if err != nil {
		return sources.Trial{}, err
	}
	in := sources.NewIntake(schemas, clock.System(), nil)
	if err := c.Collect(ctx, raw, in); err != nil {
		return sources.Trial{}, err
	}
	scope := in.Scopes()
	return sources.Trial{
		Found: []string{
			"PostgreSQL " + scope["version"] + " at " + scope["server"],
			"Signed in as " + scope["role"] + ", " + scope["protection"],
			fmt.Sprintf("%d roles, %d databases", len(in.Resources("database_role")), len(in.Resources("database"))),
		},
		Missing: in.Missings(),
	}, nil
}

type step struct {
	what string
	read func(context.Context) error
}

func (l *look) all(ctx context.Context) error {
	steps := []step{
		{"who is asked", l.identity},
		{"settings", l.settings},
		{"connections", l.connections},
		{"archive of the log", l.archiver},
		{"roles", l.roles},
		{"databases", l.databases},
		{"access rules", l.rules},
		{"replicas", l.replicas},
		{"inside each database", l.inside},
	}
	for i, s := range steps {
		l.in.Progress(i, len(steps), s.what)
		if err := s.read(ctx); err != nil {
			return err
		}
	}
	if err := l.in.Add(l.server.Resource("database_server", l.name)); err != nil {
		return err
	}
	l.in.Progress(len(steps), len(steps), "done")
	return nil
}

const selectIdentity = `SELECT current_setting('server_version'), current_setting('server_version_num')::int, current_user::text,
	floor(extract(epoch FROM pg_postmaster_start_time()))::bigint, pg_is_in_recovery(),
	(SELECT bool_or(pg_has_role(current_user, oid, 'USAGE')) FROM pg_roles WHERE rolname = 'pg_read_all_stats'),
	(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`

func (l *look) identity(ctx context.Context) error {
	var (
		version string
		number  int
		started int64
		replica bool
		stats   *bool
		super   bool
	)
	err := l.one(ctx, selectIdentity, &version, &number, &l.role, &started, &replica, &stats, &super)
	if err != nil {
		return l.lost(err)
	}
	l.major = number / 10000
	l.stats = super || stats != nil && *stats
	f := l.server
	f.Set("product", "postgresql")
	f.Set("version", wire.Clip(version))
	f.Set("started_at", time.Unix(started, 0).UTC())
	f.Set("replica", replica)
	f.Set("read_as", wire.Clip(l.role))
	if until, known := supportedUntil(l.major); known {
		f.Set("supported_until", until)
	} else {
		f.Blind(l.in, "database_server", fmt.Sprintf("the end of support of release line %d is not in the table of %s", l.major, tableAsOf),
			"State the release's end of support in a document linked to the control.", "supported_until")
	}
	version, _, _ = strings.Cut(version, " ")
	l.in.Scope("server", l.name)
	l.in.Scope("version", wire.Clip(version))
	l.in.Scope("role", wire.Clip(l.role))
	l.in.Scope("protection", l.protection())
	return nil
}
