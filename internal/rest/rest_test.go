package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/rest"
)

// serve starts a server and a client of it that notes how long it would wait.
func serve(t *testing.T, do http.HandlerFunc) (*rest.Client, *[]time.Duration) {
	t.Helper()
	s := httptest.NewServer(do)
	t.Cleanup(s.Close)
	var waited []time.Duration
	c, err := rest.New(s.URL, rest.Options{Header: map[string]string{"Authorization": "token tell-nobody"}, Wait: func(_ context.Context, d time.Duration) error {
		waited = append(waited, d)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, &waited
}

func TestWhatMayPassIsAskedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header map[string]string
		waits  []time.Duration
	}{
		"a server at fault":     {500, nil, []time.Duration{time.Second, 2 * time.Second}},
		"asked to come later":   {429, map[string]string{"Retry-After": "7"}, []time.Duration{7 * time.Second, 7 * time.Second}},
		"a limit by 403":        {403, map[string]string{"X-RateLimit-Remaining": "0"}, []time.Duration{30 * time.Second, 30 * time.Second}},
		"asked not to hurry it": {503, map[string]string{"Retry-After": "0"}, []time.Duration{time.Second, 2 * time.Second}},
	} {
		n := 0
		client, waited := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if n++; n > 2 {
				fmt.Fprint(w, `{"a": 1}`)
				return
			}
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(c.status)
		})
		var got struct{ A int }
		if _, err := client.Get(t.Context(), "/x", nil, &got); err != nil || got.A != 1 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if fmt.Sprint(*waited) != fmt.Sprint(c.waits) {
			t.Errorf("%s: waited %v, want %v", name, *waited, c.waits)
		}
	}
}

func TestWhatIsRefusedIsNotAskedAgain(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405} {
		n := 0
		client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			n++
			w.WriteHeader(status)
			fmt.Fprint(w, `{"message": "no,\n because"}`)
		})
		_, err := client.Get(t.Context(), "/x", nil, nil)
		if rest.StatusOf(err) != status || rest.Said(err) != "no, because" || n != 1 || rest.Refused(err) != (status == 401 || status == 403 || status == 404) {
			t.Errorf("%d: %v after %d", status, err, n)
		}
		var e *rest.Error
		if errors.As(err, &e) && e.Transient() {
			t.Errorf("%d passes for something that may pass", status)
		}
	}
}

func TestAServerThatAsksForHoursIsLeft(t *testing.T) {
	n := 0
	client, waited := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		w.Header().Set("Retry-After", "999999999")
		w.WriteHeader(429)
	})
	_, err := client.Get(t.Context(), "/x", nil, nil)
	if rest.StatusOf(err) != 429 || n != 1 || len(*waited) != 0 {
		t.Errorf("%v after %d questions and %v", err, n, *waited)
	}
}

func TestItStaysAtTheHostItWasGiven(t *testing.T) {
	told := ""
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told += r.Header.Get("Authorization") + "!" }))
	t.Cleanup(other.Close)
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, other.URL+"/", http.StatusFound)
		case "/near":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/list":
			w.Header().Set("Link", fmt.Sprintf(`<%s/list?page=2>; rel="next"`, other.URL))
			fmt.Fprint(w, `[1]`)
		default:
			fmt.Fprint(w, `{}`)
		}
	})
	_, err := client.Get(t.Context(), "/redirect", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "redirects to "+strings.TrimPrefix(other.URL, "http://")) {
		t.Errorf("a redirect elsewhere: %v", err)
	}
	if _, err := client.Get(t.Context(), "/near", nil, nil); err != nil {
		t.Errorf("a redirect at home: %v", err)
	}
	err = client.Pages(t.Context(), "/list", nil, func(json.RawMessage, int) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("a next page elsewhere: %v", err)
	}
	if told != "" {
		t.Errorf("the other host was told %q", told)
	}
}

func TestPagesFollowOneAnother(t *testing.T) {
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("page")
		w.Header().Set("X-Total-Count", "5")
		switch page {
		case "":
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/list?page=9>; rel="last", <http://%s/list?limit=2&page=2>; rel="next"`, r.Host, r.Host))
			fmt.Fprint(w, `[1, 2]`)
		case "2":
			w.Header().Set("Link", `</list?page=3>; rel=next`)
			fmt.Fprint(w, `[3, 4]`)
		default:
			fmt.Fprint(w, `[5]`)
		}
	})
	got := ""
	err := client.Pages(t.Context(), "/list", url.Values{"limit": {"2"}}, func(raw json.RawMessage, total int) error {
		got += fmt.Sprintf("%s of %d;", raw, total)
		return nil
	})
	if err != nil || got != "1 of 5;2 of 5;3 of 5;4 of 5;5 of 5;" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestForeignAnswersHaveLimits(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/big":
			for range 34 {
				fmt.Fprint(w, big)
			}
		case "/deep":
			fmt.Fprint(w, strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000))
		case "/cut":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"a":`)
		default:
			fmt.Fprint(w, `<html>`)
		}
	})
	for _, path := range []string{"/big", "/deep", "/cut", "/page"} {
		var v map[string]any
		_, err := client.Get(t.Context(), path, nil, &v)
		if err == nil || len(err.Error()) > 500 || strings.Contains(err.Error(), "tell-nobody") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	for _, at := range []string{"", "git.example.com", "ftp://x", "https://ana:pw@x", "https://x/?a=b", "https://x/#a", "https://"} {
		if _, err := rest.New(at, rest.Options{}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%q: %v", at, err)
		}
	}
	if _, err := rest.New("https://x", rest.Options{CA: "no certificate"}); fault.KindOf(err) != fault.KindInvalid {
		t.Errorf("a certificate that is none: %v", err)
	}
}

func TestNobodyThereIsSaidWithoutTheAddress(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	at := s.URL
	s.Close()
	c, err := rest.New(at, rest.Options{Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Get(t.Context(), "/x?token=tell-nobody", nil, nil)
	var e *rest.Error
	if !errors.As(err, &e) || !e.Transient() || c.Asked() != 4 {
		t.Errorf("%v after %d questions", err, c.Asked())
	}
}

func FuzzLinks(f *testing.F) {
	f.Add(`<https://x/a?page=2>; rel="next"`, `{"message": "x"}`)
	f.Add(`<>; rel=next, ;;=<`, `{"error": 1}`)
	f.Fuzz(func(t *testing.T, link, body string) {
		n := 0
		c, err := rest.New("https://x", rest.Options{Wait: func(context.Context, time.Duration) error { return nil }, Transport: answer(func(q *http.Request) *http.Response {
			if q.URL.Host != "x" || q.URL.Scheme != "https" {
				t.Errorf("%s was asked", q.URL)
			}
			w := httptest.NewRecorder()
			w.Header()["Link"] = []string{link}
			if n++; n%3 == 2 {
				w.WriteHeader(404)
				w.WriteString(body)
			} else {
				w.WriteString("[1]")
			}
			return w.Result()
		})})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Pages(t.Context(), "/a", nil, func(json.RawMessage, int) error {
			if n > 10 {
				return errors.New("enough")
			}
			return nil
		})
	})
}

type answer func(*http.Request) *http.Response

func (a answer) RoundTrip(q *http.Request) (*http.Response, error) { return a(q), nil }
