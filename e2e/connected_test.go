package e2e_test

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path"
	"sync/atomic"
	"testing"
)

// hung is an address that takes a connection and says nothing until it is let go.
func hung(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			open = append(open, c)
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
		for _, c := range open {
			c.Close()
		}
	})
	return ln.Addr().String()
}

// connected: a source is tried, mended, connected, read, paused and looked back
// on; another is stopped in the middle of a reading.
func connected(j *trip) {
	j.at("/sources/new")
	j.fair("kinds of sources")
	j.follow("main a[href$='kind=git']")
	j.press("button[name=try]")
	j.until("document.querySelector('#trial').innerText.length > 20")
	j.fair("a trial of nothing")
	j.fill("[name=name]", j.named("Ledger"))
	j.fill("[name=path]", j.t.TempDir())
	j.press("button[name=try]")
	j.WaitText("#trial", "git repository")
	j.fair("a trial that failed")
	j.fill("[name=path]", repository(j.t))
	j.press("button[name=try]")
	j.until("document.querySelector('#trial').innerText.includes('answers') || document.querySelector('#trial .tm-c-pass, #trial .tm-s-pass')")
	j.fair("a trial that was answered")
	j.fill("[name=every_minutes]", "day")
	j.fill("[name=at]", "25:99")
	const connect = "#source button[type=submit]:not([name])"
	j.follow(connect)
	j.Wait("#f-at-error")
	j.fair("a time that is none")
	j.fill("[name=at]", "06:30")
	j.follow(connect)
	j.WaitURL("/sources/src_")
	j.WaitText("main h1", "seen")
	j.fair("a source that was read")
	j.holds(".tm-facts", "06:30")
	j.follow("button[form=pause]")
	j.Wait("button[form=resume]")
	j.holds("main", "paused")
	j.fair("a source that rests")
	j.follow("button[form=resume]")
	j.Wait("button[form=pause]")
	j.follow("button[form=collect]")
	j.until("document.querySelectorAll('#runs tbody tr').length >= 2")
	j.follow("#runs tbody a[href^='/runs/']")
	j.fair("a run")

	j.stopped()
	j.answered()
}

// stopped connects what never answers, and gives up on it.
func (j *trip) stopped() {
	j.t.Helper()
	j.at("/sources/new?kind=tls")
	j.fill("[name=name]", j.named("Silent"))
	j.fill("[name=names]", hung(j.t))
	j.follow("#source button[type=submit]:not([name])")
	j.Wait("#reading")
	j.fair("a reading")
	j.follow("button[form=cancel]")
	j.WaitText("main h1", "cancelled by "+who.name)
	j.fair("a reading that was stopped")
}

// answered tries an address before and after something listens there.
func (j *trip) answered() {
	j.t.Helper()
	j.at("/sources/new?kind=prometheus")
	var up atomic.Bool
	says := map[string]string{"buildinfo": `{"version":"3.0.0"}`, "config": `{"yaml":"global: {}"}`, "targets": `{"activeTargets":[]}`, "rules": `{"groups":[]}`, "alerts": `{"alerts":[]}`,
		"alertmanagers": `{"activeAlertmanagers":[]}`, "query_range": `{"resultType":"matrix","result":[]}`}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, `{"status":"success","data":%s}`, cmp.Or(says[path.Base(r.URL.Path)], "{}"))
	}))
	j.t.Cleanup(s.Close)
	j.fill("[name=name]", j.named("Metrics"))
	j.fill("[name=url]", s.URL)
	j.press("button[name=try]")
	j.WaitText("#trial", "503")
	up.Store(true)
	j.press("button[name=try]")
	j.WaitText("#trial", "Prometheus 3.0.0")
	j.fair("a server that has come up")
}
