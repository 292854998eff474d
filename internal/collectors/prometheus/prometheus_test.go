package prometheus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/collectors/prometheus"
	"github.com/tickmark/tickmark/internal/collectors/serverstest"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

func TestServerIsRead(t *testing.T) {
	s := start(t)
	in := mustRead(t, s.settings())
	serverstest.Has(t, in, "monitoring_server", "127.0.0.1:"+s.port, map[string]any{
		"product": "prometheus", "own_tls": true, "open_to_strangers": false, "scrape_interval_seconds": 300, "retention_days": 400, "remote_write": false,
		"config_ok": true, "admin_api": false, "lifecycle_api": true, "alert_receivers": 1, "alert_rules": 3, "targets": 3,
	})
	serverstest.Has(t, in, "monitoring_target", "web 127.0.0.1:9", map[string]any{"interval_seconds": 60, "tls": false, "labels": map[string]string{"team": "core"}})
	serverstest.Has(t, in, "monitoring_target", "quick 127.0.0.1:11", map[string]any{"health": "down", "interval_seconds": 1})
	serverstest.Has(t, in, "monitoring_target", "gone 127.0.0.1:10", map[string]any{"interval_seconds": 300, "tls": true})
	rule := func(name string) string {
		for _, r := range in.Resources("alert_rule") {
			if r.Attrs["name"] == name {
				return r.Key
			}
		}
		return "none called " + name
	}
	serverstest.Has(t, in, "alert_rule", rule("Down"), map[string]any{
		"group": "service", "expression": "up == 2", "for_seconds": 5400, "severity": "critical", "runbook": "https://runbooks.acme.test/down", "described": true, "health": "ok",
	})
	serverstest.Has(t, in, "alert_rule", rule("Always"), map[string]any{"severity": "", "runbook": "", "described": false, "state": "firing"})
	serverstest.Has(t, in, "alert_rule", rule("Broken"), map[string]any{"health": "err"})
	serverstest.Has(t, in, "alert", `{alertname="Always"}`, map[string]any{"state": "firing", "name": "Always", "severity": ""})
	serverstest.EverythingIsSaid(t, in)
	serverstest.Silent(t, in, "hunter22", "$2a$04")
}

func TestGapsAreNeitherUpNorDown(t *testing.T) {
	s := start(t)
	in := mustRead(t, s.settings())
	serverstest.Has(t, in, "availability_day", "2026-09-28 web a", map[string]any{"samples_expected": 1440, "samples_seen": 1440, "samples_up": 1440, "up_ppm": 1000000, "down_ppm": 0, "unknown_ppm": 0, "whole": true})
	serverstest.Has(t, in, "availability_day", "2026-09-29 web a", map[string]any{"samples_up": 1320, "up_ppm": 916666, "unknown_ppm": 0, "down_ppm": 83334, "whole": true})
	serverstest.Has(t, in, "availability_day", "2026-09-30 web b", map[string]any{"samples_seen": 1080, "samples_up": 1080, "up_ppm": 750000, "unknown_ppm": 250000, "down_ppm": 0, "whole": nil})
	serverstest.Lacks(t, in, "availability_day", "2026-09-28 web b")
	// Of a job that is no longer configured nobody knows how often it was to be asked.
	serverstest.Has(t, in, "availability_day", "2026-09-28 old c", map[string]any{"samples_seen": 1, "samples_expected": nil, "up_ppm": nil})
	serverstest.Missing(t, in, "availability_day", "samples_expected", "how often old should be asked is not known", "")
	if n := len(in.Resources("availability_day")); n != 6 {
		t.Errorf("%d days, want 6", n)
	}
	in = mustRead(t, s.settings("selector", `up{instance="b"}`, "days", "1"))
	if n := len(in.Resources("availability_day")); n != 1 {
		t.Errorf("of one service on one day: %d", n)
	}
	in = mustRead(t, s.settings("selector", "share"))
	serverstest.Has(t, in, "availability_day", "2026-09-28 web a", map[string]any{"samples_seen": 1, "up_ppm": nil})
	in = mustRead(t, s.settings("selector", "no_such_metric"))
	serverstest.Missing(t, in, "availability_day", "", "holds no sample of no_such_metric", "Correct the selector")
	serverstest.EverythingIsSaid(t, in)
}

func TestTestSaysWhatAnswers(t *testing.T) {
	s := start(t)
	var tester sources.Tester = prometheus.New()
	trial, err := tester.Test(t.Context(), s.settings())
	if err != nil || len(trial.Found) != 3 || !strings.HasPrefix(trial.Found[0], "Prometheus 2.") && !strings.HasPrefix(trial.Found[0], "Prometheus 3.") {
		t.Errorf("%+v %v", trial, err)
	}
}

// before stands in front of the real server and forbids some of it.
func before(t testing.TB, s *server, deny func(path string) int) string {
	t.Helper()
	to, err := url.Parse(s.url())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = s.client.Transport
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := deny(r.URL.Path); status != 0 {
			w.WriteHeader(status)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// One that may read a part is told which part it did not see.
func TestTooLittleIsUnknown(t *testing.T) {
	s := start(t)
	whole := mustRead(t, s.settings())
	for path, want := range map[string][][2]string{
		"/api/v1/rules":              {{"alert_rule", ""}, {"monitoring_server", "alert_rules"}},
		"/api/v1/targets":            {{"monitoring_target", ""}, {"monitoring_server", "targets"}},
		"/api/v1/alerts":             {{"alert", ""}},
		"/api/v1/query_range":        {{"availability_day", ""}},
		"/api/v1/status/config":      {{"monitoring_server", "scrape_interval_seconds"}},
		"/api/v1/status/flags":       {{"monitoring_server", "admin_api"}},
		"/api/v1/status/runtimeinfo": {{"monitoring_server", "retention"}},
		"/api/v1/alertmanagers":      {{"monitoring_server", "alert_receivers"}},
	} {
		t.Run(path, func(t *testing.T) {
			front := before(t, s, func(at string) int {
				if at == path {
					return http.StatusForbidden
				}
				return 0
			})
			in := mustRead(t, s.settings("url", front))
			for _, w := range want {
				serverstest.Missing(t, in, w[0], w[1], path+" is not shown to this account (403)", "Let the account read "+path)
			}
			serverstest.NeverFewer(t, whole, in)
			serverstest.EverythingIsSaid(t, in)
		})
	}
}

func TestRefusals(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct {
		settings     json.RawMessage
		field, words string
	}{
		"wrong password":     {s.settings("password", "wrong"), "user", "refuses the account or token (401)"},
		"no account":         {s.settings("user", "", "password", ""), "user", "asks who is there (401)"},
		"token":              {s.settings("user", "", "password", "", "token", "x"), "token", "401"},
		"both":               {s.settings("token", "x"), "token", "not both"},
		"half":               {s.settings("password", ""), "user", "given together"},
		"other authority":    {s.settings("ca", ""), "", "no known authority vouches for"},
		"in clear to TLS":    {s.settings("url", "http://127.0.0.1:"+s.port), "", "status 400"},
		"nobody there":       {s.settings("url", "https://127.0.0.1:1"), "", "nothing listens at 127.0.0.1:1"},
		"secret over a net":  {s.settings("url", "http://192.0.2.1"), "url", "give an address with https"},
		"secret in address":  {s.settings("url", "https://a:b@127.0.0.1"), "url", "without name, password"},
		"not an address":     {s.settings("url", "prometheus"), "url", "https://prometheus.example.com"},
		"file":               {s.settings("url", "file:///etc/passwd"), "url", "https://"},
		"wrong path":         {s.settings("url", s.url()+"/nowhere"), "url", "not offered"},
		"expression":         {s.settings("selector", "rate(up[5m])"), "selector", "one metric"},
		"escape of selector": {s.settings("selector", `up{a="}"} or vector(1`), "selector", "one metric"},
		"days":               {s.settings("days", "1000"), "days", "from 1 to 90"},
		"unknown setting":    {s.settings("query", "up"), "", `no setting "query"`},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := read(t.Context(), t, c.settings, nil)
			serverstest.Refused(t, err, c.field, c.words)
			if len(in.Kinds()) > 0 || strings.Contains(err.Error(), "wrong") && name == "wrong password" {
				t.Errorf("%v, covers %v", err, in.Kinds())
			}
		})
	}
}

// A connection that breaks between two questions, or a server that is killed
// there, fails the run: what was covered is covered whole.
func TestServerGoneInTheMiddle(t *testing.T) {
	s := start(t)
	whole := mustRead(t, s.settings())
	for step := range 6 {
		var gone atomic.Bool
		to, err := url.Parse(before(t, s, func(string) int { return 0 }))
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(to)
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if gone.Load() {
				panic(http.ErrAbortHandler)
			}
			proxy.ServeHTTP(w, r)
		}))
		in, err := read(t.Context(), t, s.settings("url", front.URL), func(done, _ int, _ string) {
			if done == step {
				gone.Store(true)
			}
		})
		front.Close()
		if f := fault.As(err); f == nil {
			t.Errorf("cut before step %d: %v", step, err)
		}
		serverstest.NeverFewer(t, whole, in)
	}
	other, err := launch(program, tool)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	in, err := read(t.Context(), t, other.settings(), func(done, _ int, _ string) {
		if done == 3 {
			if err := other.Kill(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	if f := fault.As(err); f == nil {
		t.Errorf("killed: %v", err)
	}
	serverstest.NeverFewer(t, whole, in)
}

// Just after its start the server knows neither its targets nor whom to send
// alerts to. That is not the same as having none.
func TestServerThatHasJustStarted(t *testing.T) {
	s := start(t)
	real := mustRead(t, s.settings())
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v1/targets":
			fmt.Fprint(w, `{"status":"success","data":{"activeTargets":[],"droppedTargets":[]}}`)
		case "/api/v1/alertmanagers":
			fmt.Fprint(w, `{"status":"success","data":{"activeAlertmanagers":[],"droppedAlertmanagers":[]}}`)
		}
	}))
	defer front.Close()
	fresh := before(t, s, func(string) int { return 0 })
	mixed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := fresh
		if r.URL.Path == "/api/v1/targets" || r.URL.Path == "/api/v1/alertmanagers" {
			to = front.URL
		}
		u, _ := url.Parse(to)
		httputil.NewSingleHostReverseProxy(u).ServeHTTP(w, r)
	}))
	defer mixed.Close()
	in := mustRead(t, s.settings("url", mixed.URL))
	serverstest.Missing(t, in, "monitoring_target", "", "no target was found yet", "Read it again")
	serverstest.Missing(t, in, "monitoring_server", "alert_receivers", "none was found yet", "")
	serverstest.NeverFewer(t, real, in)
	serverstest.EverythingIsSaid(t, in)
}

func TestCancelEndsTheRun(t *testing.T) {
	s := start(t)
	for step := range 6 {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := read(ctx, t, s.settings(), func(done, _ int, _ string) {
			if done == step {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before step %d: %v", step, err)
		}
	}
}

// A server may send what it likes: the run ends, or is blind to that part, and
// neither the memory nor the time of this machine is its to use.
func TestHostileServer(t *testing.T) {
	ok := `{"status":"success","data":`
	good := map[string]string{
		"/api/v1/status/buildinfo": ok + `{"version":"2.42.0"}}`, "/api/v1/status/config": ok + `{"yaml":"global: {scrape_interval: 1m}"}}`,
		"/api/v1/status/runtimeinfo": ok + `{"storageRetention":"15d"}}`, "/api/v1/status/flags": ok + `{}}`, "/api/v1/alertmanagers": ok + `{}}`,
		"/api/v1/targets": ok + `{"activeTargets":[]}}`, "/api/v1/rules": ok + `{"groups":[]}}`, "/api/v1/alerts": ok + `{"alerts":[]}}`,
		"/api/v1/query_range": ok + `{"resultType":"matrix","result":[]}}`,
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for i := 'b'; i < 'k'; i++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", i, i, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1)
	}
	quoted, _ := json.Marshal(bomb)
	for name, c := range map[string]struct{ path, body, field string }{
		"deep":             {"/api/v1/rules", ok + strings.Repeat("[", 5_000_000), ""},
		"other types":      {"/api/v1/rules", ok + `{"groups":"none"}}`, ""},
		"no data":          {"/api/v1/targets", `{"status":"success"}`, ""},
		"not JSON":         {"/api/v1/status/buildinfo", "<html>", ""},
		"numbers":          {"/api/v1/query_range", ok + `{"resultType":"matrix","result":[{"metric":{},"values":[[1e300,"NaN"]]}]}}`, "availability_day"},
		"scalar":           {"/api/v1/query_range", ok + `{"resultType":"scalar","result":[]}}`, "availability_day"},
		"bomb of YAML":     {"/api/v1/status/config", ok + `{"yaml":` + string(quoted) + `}}`, ""},
		"times of nowhere": {"/api/v1/alerts", ok + `{"alerts":[{"labels":{"alertname":"x"},"activeAt":"0001-01-01T00:00:00Z"}]}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body := good[r.URL.Path]
				if r.URL.Path == c.path {
					body = c.body
				}
				fmt.Fprint(w, body)
			}))
			defer front.Close()
			in, err := read(t.Context(), t, settings(map[string]string{"url": front.URL}), nil)
			if err != nil && fault.As(err) == nil {
				t.Errorf("%v", err)
			}
			if c.field != "" {
				serverstest.Missing(t, in, c.field, "", "", "Prometheus")
			}
			if time.Since(began) > 30*time.Second {
				t.Errorf("took %s", time.Since(began))
			}
			serverstest.EverythingIsSaid(t, in)
		})
	}
	t.Run("endless", func(t *testing.T) {
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body := good[r.URL.Path]; r.URL.Path != "/api/v1/targets" {
				fmt.Fprint(w, body)
				return
			}
			piece := []byte(strings.Repeat(" ", 1<<16))
			for {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		}))
		defer front.Close()
		in, err := read(t.Context(), t, settings(map[string]string{"url": front.URL}), nil)
		if err != nil {
			t.Fatal(err)
		}
		serverstest.Missing(t, in, "monitoring_target", "", "larger than 32 MiB", "")
	})
	t.Run("leads elsewhere", func(t *testing.T) {
		asked := false
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
		defer other.Close()
		front := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
		defer front.Close()
		_, err := read(t.Context(), t, settings(map[string]string{"url": front.URL, "token": "x"}), nil)
		serverstest.Refused(t, err, "url", "leads to another address")
		if asked {
			t.Error("the other address was asked")
		}
	})
	t.Run("silent", func(t *testing.T) {
		front := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		defer front.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := read(ctx, t, settings(map[string]string{"url": front.URL}), nil); err == nil {
			t.Error("the run ended well")
		}
	})
}
