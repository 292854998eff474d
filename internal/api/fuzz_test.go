package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// FuzzInput sends any path, query and body: what comes back is an answer or a
// refusal, never a failure.
func FuzzInput(f *testing.F) {
	f.Add("7", "limit=5&many=a&many=b&at=2026-12-31", `{"name":"x"}`)
	f.Add("x", "limit=%zz&id=1&flag=&sizes=9223372036854775808", `{"id":1}`)
	f.Add("", ";=&=&\x00", `[null]`)
	d, err := db.Open(context.Background(), dbtest.SQLite(f), db.Options{Unsafe: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close() })
	desk := optest.Found(f, optest.Engine(f, d), "Larchmere")
	ask := op.Write("machines.ask", "Answer what was asked.", auth.OrgRead, func(c *op.Call, in typed) (typed, error) { return in, nil })
	h := api.New(desk.Engine, []op.Operation{echo, ask}, api.Extra{Who: func(*http.Request) (auth.Actor, id.Org, error) {
		return desk.Actor, desk.Org, nil
	}})
	f.Fuzz(func(t *testing.T, number, query, body string) {
		for _, r := range []*http.Request{
			{Method: http.MethodGet, URL: &url.URL{Path: "/api/v1/machines/" + number + "/echo", RawQuery: query}, Body: http.NoBody},
			httptest.NewRequest(http.MethodPost, "/api/v1/machines/7/ask", strings.NewReader(body)),
		} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s: %d %s", r.Method, w.Code, w.Body)
			}
		}
	})
}
