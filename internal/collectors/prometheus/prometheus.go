// Package prometheus reads a monitoring server over its HTTP API: what it
// watches, by which rules it raises alerts, and what it saw of each service on
// each of the last days. What it did not see is neither up nor down.
package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/collectors/wire"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

// Bounds of what one server is asked.
const (
	maxTargets = 50_000
	maxRules   = 20_000
	maxAlerts  = 50_000
	maxDays    = 500_000 // of all services
)

// A Collector holds no state: one value serves any number of runs at once.
type Collector struct{}

// New returns the collector.
func New() Collector { return Collector{} }

// Kind names the source type.
func (Collector) Kind() string { return "prometheus" }

// Version changes whenever the same server would yield other facts.
func (Collector) Version() string { return "1" }

// A look is one reading of one server.
type look struct {
	target
	in        *sources.Intake
	server    wire.Facts
	version   string
	intervals map[string]int64 // seconds between samples, by job
	usual     int64            // by default; 0 if not known
	early     bool             // some rule was not evaluated since the server started
}

// Collect reads the server that the settings name.
func (Collector) Collect(ctx context.Context, raw json.RawMessage, in *sources.Intake) error {
	t, err := parseSettings(raw)
	if err != nil {
		return err
	}
	defer t.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, wholeRun)
	defer cancel()
	l := &look{target: t, in: in, server: wire.NewFacts(), intervals: map[string]int64{}}
	steps := []struct {
		what string
		read func(context.Context) error
	}{
		{"what the server is", l.identity}, {"its configuration", l.configuration}, {"targets", l.targets},
		{"alert rules", l.rules}, {"alerts", l.alerts}, {"availability", l.availability},
	}
	for i, s := range steps {
		in.Progress(i, len(steps), s.what)
		if err := s.read(ctx); err != nil {
			return err
		}
	}
	if err := in.Add(l.server.Resource("monitoring_server", l.name())); err != nil {
		return err
	}
	in.Progress(len(steps), len(steps), "done")
	return nil
}

// identity is the first question. Whoever is refused here is told at once.
func (l *look) identity(ctx context.Context) error {
	var build struct{ Version string }
	err := l.get(ctx, true, "/api/v1/status/buildinfo", nil, &build)
	var g *gap
	if errors.As(err, &g) {
		field := "url"
		if strings.Contains(g.reason, "401") {
			field = "user"
			if l.token != "" {
				field = "token"
			}
		}
		return fault.Invalid(field, "%s: %s", g.reason, lowerFirst(g.remedy))
	}
	if err != nil {
		return err
	}
	l.version = wire.Clip(build.Version)
	f := l.server
	f.Set("product", "prometheus")
	f.Set("version", l.version)
	f.Set("own_tls", l.base.Scheme == "https")
	open := true
	if l.secret() {
		err := l.get(ctx, false, "/api/v1/status/buildinfo", nil, &build)
		if err != nil && !errors.As(err, &g) {
			return err
		}
		open = err == nil
	}
	f.Set("open_to_strangers", open)
	l.in.Scope("server", l.name())
	l.in.Scope("version", l.version)
	l.in.Scope("selector", l.selector)
	l.in.Scope("days", strconv.Itoa(l.days))
	return nil
}

func lowerFirst(s string) string { return strings.ToLower(s[:1]) + strings.TrimSuffix(s[1:], ".") }

// blind says of fields of the server that they could not be read; other errors
// end the run.
func (l *look) blind(err error, fields ...string) error {
	var g *gap
	if !errors.As(err, &g) {
		return err
	}
	l.server.Blind(l.in, "monitoring_server", g.reason, g.remedy, fields...)
	return nil
}

// settings are the parts of the configuration that facts are made of. The
// server itself puts <secret> where secrets stand.
type settings struct {
	Global struct {
		ScrapeInterval string `yaml:"scrape_interval"`
	} `yaml:"global"`
	ScrapeConfigs []struct {
		JobName        string `yaml:"job_name"`
		ScrapeInterval string `yaml:"scrape_interval"`
	} `yaml:"scrape_configs"`
	RemoteWrite []struct {
		URL string `yaml:"url"`
	} `yaml:"remote_write"`
	Alerting struct {
		Alertmanagers []yaml.Node `yaml:"alertmanagers"`
	} `yaml:"alerting"`
}

func (l *look) configuration(ctx context.Context) error {
	f := l.server
	var config struct{ YAML string }
	err := l.get(ctx, true, "/api/v1/status/config", nil, &config)
	var s settings
	if err == nil {
		if err = yaml.Unmarshal([]byte(config.YAML), &s); err != nil {
			err = &gap{"the server's configuration cannot be read: " + wire.Clip(err.Error()), "See the configuration."}
		}
	}
	if err == nil {
		// What is left out is a minute.
		l.usual = 60
		if n, ok := seconds(s.Global.ScrapeInterval); ok {
			l.usual = n
		}
		for _, c := range s.ScrapeConfigs {
			l.intervals[c.JobName] = l.usual
			if n, ok := seconds(c.ScrapeInterval); ok {
				l.intervals[c.JobName] = n
			}
		}
		f.Set("scrape_interval_seconds", l.usual)
		f.Set("remote_write", len(s.RemoteWrite) > 0)
	} else if err := l.blind(err, "scrape_interval_seconds", "remote_write"); err != nil {
		return err
	}
	var runtime struct {
		ReloadConfigSuccess *bool
		StorageRetention    string
	}
	if err := l.get(ctx, true, "/api/v1/status/runtimeinfo", nil, &runtime); err == nil {
		if runtime.ReloadConfigSuccess != nil {
			f.Set("config_ok", *runtime.ReloadConfigSuccess)
		}
		f.Set("retention", wire.Clip(runtime.StorageRetention))
		if n, ok := seconds(firstTime(runtime.StorageRetention)); ok {
			f.Set("retention_days", n/86400)
		}
		f.Unsaid("the server does not say", "config_ok")
		f.Unsaid("history is bounded by its size and not by time", "retention_days")
	} else if err := l.blind(err, "config_ok", "retention", "retention_days"); err != nil {
		return err
	}
	flags := map[string]string{}
	if err := l.get(ctx, true, "/api/v1/status/flags", nil, &flags); err == nil {
		for field, flag := range map[string]string{"admin_api": "web.enable-admin-api", "lifecycle_api": "web.enable-lifecycle"} {
			if v, there := flags[flag]; there {
				f.Set(field, v == "true")
			}
			f.Unsaid("the server does not say", field)
		}
	} else if err := l.blind(err, "admin_api", "lifecycle_api"); err != nil {
		return err
	}
	var receivers struct {
		Active  []struct{ URL string } `json:"activeAlertmanagers"`
		Dropped []struct{ URL string } `json:"droppedAlertmanagers"`
	}
	err = l.get(ctx, true, "/api/v1/alertmanagers", nil, &receivers)
	if err == nil && len(s.Alerting.Alertmanagers) > 0 && len(receivers.Active) == 0 {
		err = &gap{"servers to send alerts to are configured and none was found yet: the server has just started, or its discovery fails", "Read it again when it has run for a minute, and see its log."}
	}
	if err == nil {
		f.Set("alert_receivers", len(receivers.Active))
		f.Set("alert_receivers_dropped", len(receivers.Dropped))
	}
	return l.blind(err, "alert_receivers", "alert_receivers_dropped")
}

// firstTime takes the time out of "15d or 50GB".
func firstTime(s string) string {
	for _, part := range strings.Split(s, " or ") {
		if _, ok := seconds(part); ok {
			return part
		}
	}
	return ""
}

var spans = regexp.MustCompile(`^(\d{1,9})(ms|s|m|h|d|w|y)`)

var units = map[string]int64{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}

// seconds reads a span as Prometheus writes it, such as 1h30m. Parts of a
// second are dropped; a span of none is refused.
func seconds(s string) (int64, bool) {
	total := int64(0)
	s = strings.TrimSpace(s)
	for s != "" {
		m := spans.FindStringSubmatch(s)
		if m == nil {
			return 0, false
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		total += n * units[m[2]]
		s = s[len(m[0]):]
	}
	return total, total > 0
}

// labels without the ones that the server adds for itself, and bounded.
func labels(all map[string]string, but ...string) map[string]string {
	out := map[string]string{}
next:
	for name, value := range all {
		for _, b := range append(but, "__name__") {
			if name == b {
				continue next
			}
		}
		if len(out) < 100 {
			out[wire.Clip(name)] = wire.Clip(value)
		}
	}
	return out
}

// empty says that a list could not be read, unless the run is over.
func (l *look) empty(shelf *wire.Shelf, err error) error {
	var g *gap
	if !errors.As(err, &g) {
		return err
	}
	shelf.Empty(l.in, g.reason, g.remedy)
	return nil
}

func (l *look) targets(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "monitoring_target", Most: maxTargets}
	var answer struct {
		Active []struct {
			Labels         map[string]string
			ScrapeURL      string `json:"scrapeUrl"`
			Health         string
			LastError      string
			LastScrape     time.Time
			ScrapeInterval string
		} `json:"activeTargets"`
	}
	err := l.get(ctx, true, "/api/v1/targets", map[string][]string{"state": {"active"}}, &answer)
	// Just after its start a server lists none of those it is going to watch.
	if err == nil && len(answer.Active) == 0 && len(l.intervals) > 0 {
		err = &gap{"jobs are configured and no target was found yet: the server has just started, or its discovery fails", "Read it again when it has run for a minute, and see its log."}
	}
	if err != nil {
		if err := l.blind(err, "targets", "targets_down"); err != nil {
			return err
		}
		return l.empty(shelf, err)
	}
	down := 0
	for _, t := range answer.Active {
		f := wire.NewFacts()
		job := t.Labels["job"]
		f.Set("job", wire.Clip(job))
		f.Set("instance", wire.Clip(t.Labels["instance"]))
		f.Set("labels", labels(t.Labels, "job", "instance"))
		f.Set("health", wire.Clip(t.Health))
		f.Set("last_error", wire.Clip(t.LastError))
		if t.LastScrape.Year() >= 1970 {
			f.Set("last_scrape_at", t.LastScrape)
		}
		f.Unsaid("it has not been asked yet", "last_scrape_at")
		if n, ok := seconds(t.ScrapeInterval); ok {
			f.Set("interval_seconds", n)
			l.intervals[job] = n
		} else if n, ok := l.intervals[job]; ok {
			f.Set("interval_seconds", n)
		}
		f.Unsaid("the server does not say", "interval_seconds")
		f.Set("tls", strings.HasPrefix(t.ScrapeURL, "https:"))
		if t.Health == "down" {
			down++
		}
		shelf.Add(f, wire.Clip(job+" "+t.Labels["instance"]))
	}
	l.server.Set("targets", len(answer.Active))
	l.server.Set("targets_down", down)
	return shelf.HandOver(l.in)
}

func (l *look) rules(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "alert_rule", Most: maxRules}
	var answer struct {
		Groups []struct {
			Name, File string
			Interval   float64
			Rules      []struct {
				Type, Name, Query, State, Health, LastError string
				Duration                                    float64
				Labels, Annotations                         map[string]string
				LastEvaluation                              time.Time
			}
		}
	}
	err := l.get(ctx, true, "/api/v1/rules", map[string][]string{"type": {"alert"}}, &answer)
	if err != nil {
		if err := l.blind(err, "alert_rules"); err != nil {
			return err
		}
		return l.empty(shelf, err)
	}
	for _, g := range answer.Groups {
		for _, r := range g.Rules {
			if r.Type != "alerting" {
				continue
			}
			f := wire.NewFacts()
			f.Set("name", wire.Clip(r.Name))
			f.Set("group", wire.Clip(g.Name))
			f.Set("file", wire.Clip(g.File))
			f.Set("expression", wire.Clip(r.Query))
			f.Set("for_seconds", int64(r.Duration))
			f.Set("severity", wire.Clip(r.Labels["severity"]))
			f.Set("runbook", wire.Clip(firstOf(r.Annotations, "runbook_url", "runbook", "playbook", "playbook_url")))
			f.Set("described", firstOf(r.Annotations, "summary", "description", "message") != "")
			f.Set("labels", labels(r.Labels))
			f.Set("state", wire.Clip(r.State))
			f.Set("health", wire.Clip(r.Health))
			f.Set("last_error", wire.Clip(r.LastError))
			f.Set("interval_seconds", int64(g.Interval))
			if r.LastEvaluation.Year() >= 1970 {
				f.Set("evaluated_at", r.LastEvaluation)
			}
			f.Unsaid("it has not been evaluated yet", "evaluated_at")
			l.early = l.early || r.Health == "unknown"
			shelf.Add(f, wire.Clip(fmt.Sprintf("%s %s %s", g.File, g.Name, r.Name)))
		}
	}
	l.server.Set("alert_rules", shelf.Len())
	return shelf.HandOver(l.in)
}

func firstOf(all map[string]string, names ...string) string {
	for _, n := range names {
		if all[n] != "" {
			return all[n]
		}
	}
	return ""
}

func (l *look) alerts(ctx context.Context) error {
	shelf := &wire.Shelf{Kind: "alert", Most: maxAlerts}
	var answer struct {
		Alerts []struct {
			Labels   map[string]string
			State    string
			ActiveAt time.Time `json:"activeAt"`
		}
	}
	err := l.get(ctx, true, "/api/v1/alerts", nil, &answer)
	if err == nil && l.early {
		err = &gap{"not all rules were evaluated since the server started, so alerts may be raised that it does not list yet", "Read it again when it has run for a minute."}
	}
	if err != nil {
		return l.empty(shelf, err)
	}
	for _, a := range answer.Alerts {
		f := wire.NewFacts()
		f.Set("name", wire.Clip(a.Labels["alertname"]))
		f.Set("state", wire.Clip(a.State))
		f.Set("severity", wire.Clip(a.Labels["severity"]))
		f.Set("labels", labels(a.Labels, "alertname"))
		if a.ActiveAt.Year() >= 1970 {
			f.Set("since", a.ActiveAt)
		}
		f.Unsaid("the server does not say", "since")
		shelf.Add(f, wire.Clip(written(a.Labels)))
	}
	return shelf.HandOver(l.in)
}

// Test asks each question of the API whose answer is small, and for one day of
// history.
func (c Collector) Test(ctx context.Context, raw json.RawMessage) (sources.Trial, error) {
	t, err := parseSettings(raw)
	if err != nil {
		return sources.Trial{}, err
	}
	defer t.client.CloseIdleConnections()
	schemas, err := sources.Schemas()
	if err != nil {
		return sources.Trial{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	t.days = 1
	in := sources.NewIntake(schemas, clock.System(), nil)
	l := &look{target: t, in: in, server: wire.NewFacts(), intervals: map[string]int64{}}
	for _, read := range []func(context.Context) error{l.identity, l.configuration, l.targets, l.rules, l.alerts, l.availability} {
		if err := read(ctx); err != nil {
			return sources.Trial{}, err
		}
	}
	signed := "Read without signing in"
	switch {
	case t.token != "":
		signed = "Read with a token"
	case t.user != "":
		signed = "Signed in as " + wire.Clip(t.user)
	}
	return sources.Trial{
		Found: []string{
			"Prometheus " + l.version + " at " + l.name(), signed,
			fmt.Sprintf("%d targets, %d alert rules", len(in.Resources("monitoring_target")), len(in.Resources("alert_rule"))),
		},
		Missing: in.Missings(),
	}, nil
}
