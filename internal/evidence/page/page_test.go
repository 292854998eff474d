package page_test

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/evidence/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/sources"
)

// tags is a collector that shows tags, and bytes of its own.
type tags []string

func (tags) Kind() string    { return "git" }
func (tags) Version() string { return "test" }
func (c tags) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	in.Cover("tag")
	in.Raw("answer.txt", "text/plain", []byte("what was answered"))
	for _, name := range c {
		if err := in.Add(sources.Resource{Kind: "tag", Key: name, Attrs: map[string]any{"name": name, "annotated": true}}); err != nil {
			return err
		}
	}
	return nil
}

// file is an upload.
type file struct{ name, mediaType, data string }

// upload posts the form with a file, as a browser does.
func upload(t *testing.T, desk *op.Desk, f file, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if f.name != "" {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="` + f.name + `"`}, "Content-Type": {f.mediaType}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(f.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	door := &op.Desk{Engine: desk.Engine, Actor: auth.Actor{Via: "page"}}
	session, err := orgs.SignIn.Do(t.Context(), door, orgs.Visit{User: desk.Actor.User, Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	web := &site.Web{Engine: desk.Engine, Throttle: auth.NewThrottle(), Wake: func() {},
		Nav: func(auth.Actor) []site.NavGroup { return nil }, Tabs: func(auth.Actor) []site.NavItem { return nil }}
	mux := http.NewServeMux()
	web.Mount(mux, page.Routes())
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/evidence/new", &body)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.AddCookie(&http.Cookie{Name: auth.CookieNameFor(false), Value: session.Secret})
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, req)
	return rec
}

func TestUploadedEvidenceIsShownAndDownloadedSafely(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		adopted, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: []string{"IAM-02"}})
		if err != nil {
			t.Fatal(err)
		}
		control := string(adopted.Items[0].ID)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		if v.Get("/evidence/new?control="+control).Count("input[value="+control+"][checked]") != 1 {
			t.Error("the control is not chosen beforehand")
		}
		res := upload(t, desk, file{"factors.html", "text/html", "<script>alert(1)</script>"}, "title", "Accounts with their factors", "origin", "directory", "level", "4", "controls", control)
		path := res.Header().Get("Location")
		if res.Code != http.StatusSeeOther || !strings.HasPrefix(path, "/evidence/evd_") {
			t.Fatalf("status %d to %q\n%s", res.Code, path, res.Body)
		}
		p := v.Get(path)
		p.Says("h1", "Accounts with their factors.")
		p.Says("#content pre", "<script>alert(1)</script>")
		p.Says("main", "4 export with its query")
		if _, digest, _ := strings.Cut(p.Body, `data-copy="`); len(digest) < 64 {
			t.Error("the digest cannot be copied")
		}
		got := v.Get(path + "/bytes")
		for name, want := range map[string]string{"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff"} {
			if got.Header.Get(name) != want {
				t.Errorf("%s is %q", name, got.Header.Get(name))
			}
		}
		if !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") || got.Body != "<script>alert(1)</script>" {
			t.Errorf("%s: %q", got.Header.Get("Content-Disposition"), got.Body)
		}
		v.Get("/evidence?control="+control).Says("#records tbody", "Accounts with their factors")
	})
}

func TestARefusedUploadKeepsTheFileAndTheText(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		res := upload(t, desk, file{"a.csv", "text/csv", "user\nann\n"}, "title", "x", "origin", "directory")
		body := res.Body.String()
		if res.Code != http.StatusUnprocessableEntity || !strings.Contains(body, "a.csv, 9 B, is here already") || !strings.Contains(body, `value="directory"`) {
			t.Fatalf("status %d\n%s", res.Code, body)
		}
		_, rest, _ := strings.Cut(body, `name="blob" value="`)
		address, _, _ := strings.Cut(rest, `"`)
		again := upload(t, desk, file{}, "title", "Accounts", "origin", "directory", "blob", address, "name", "a.csv", "media_type", "text/csv")
		if again.Code != http.StatusSeeOther {
			t.Errorf("the kept file is not taken: %d\n%s", again.Code, again.Body)
		}
		if none := upload(t, desk, file{}, "title", "Accounts", "origin", "directory"); !strings.Contains(none.Body.String(), "Choose the file") {
			t.Errorf("no file is no fault: %d", none.Code)
		}
	})
}

func TestARunsEvidenceIsShownAsRowsAndAsSealed(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, err := sources.Create.Do(t.Context(), desk, sources.Connection{Kind: "git", Name: "main", Path: "/nowhere"})
		if err != nil {
			t.Fatal(err)
		}
		reader, err := sources.NewReader(tags{"v1", "v2"})
		if err != nil {
			t.Fatal(err)
		}
		run, err := reader.Read(t.Context(), desk, s.ID, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		list, err := evidence.List.Do(t.Context(), desk, evidence.Filter{Run: string(run.ID)})
		if err != nil || list.Total != 2 {
			t.Fatalf("%d records, %v", list.Total, err)
		}
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		for _, r := range list.Items {
			p := v.Get("/evidence/" + string(r.ID))
			if r.ResourceKind == "tag" {
				p.Says("#content tbody tr", "v1")
				p.Says("#content pre", `"key":"v2"`)
				p.Says("#content", "2 of 2")
			} else {
				p.Says("#content", "answer.txt")
				p.Says("#content pre", "what was answered")
			}
		}
		v.Get("/evidence?run="+string(run.ID)).Says("h1", "Two records are sealed in the log from one run.")
	})
}

func TestTheLogCanBeReadFilteredAndVerified(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		upload(t, desk, file{"a.txt", "text/plain", "a"}, "title", "Minutes", "origin", "drive")
		if _, err := desk.Ledger.Wait(t.Context(), desk.Org, 4); err != nil {
			t.Fatal(err)
		}
		all := v.Get("/log")
		all.Says("#entries tbody", "Organization made")
		all.Says("#head", "tickmark/")
		only := v.Get("/log?kind=evidence")
		if only.Count("#entries tbody tr") != 1 {
			t.Errorf("%d entries of evidence", only.Count("#entries tbody tr"))
		}
		entry := only.Attr("#entries tbody a", "href")
		p := v.Get(entry)
		p.Says("h1", "Minutes.")
		p.Says("main", "That rules out")
		p.Says("main pre", `"commit"`)
		receipt := v.Get(entry + "/receipt")
		if !strings.HasPrefix(receipt.Body, "c2sp.org/tlog-proof@v1\n") {
			t.Errorf("receipt:\n%s", receipt.Body)
		}
		file := v.Get(entry + "/proof")
		head := optest.Do(t, desk, evidence.HeadGet, op.None{})
		got, err := bundle.VerifyProof(strings.NewReader(file.Body), bundle.Options{Keys: []string{head.Key}})
		if err != nil || got.Verdict != bundle.Verified || len(got.Items) != 1 || !strings.Contains(file.Header.Get("Content-Disposition"), ".tlog-proof") {
			t.Errorf("the proof of %s: %+v, %v", entry, got, err)
		}
		p.Says("#yourself", "tickmark-verify --key "+head.Key)
		v.Post("/log/verify").Says("#verdict", "read back")
		v.Get("/log/999999").Is(http.StatusNotFound)
		v.Get("/log/first").Is(http.StatusNotFound)

		err = desk.DB.Write(t.Context(), db.All, func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE ledger_opening SET payload = ? WHERE idx = ? AND label = 'body'", `{"op":"nothing"}`, 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		broken := v.Post("/log/verify")
		broken.Says("h1", "does not fit what was signed")
		broken.Says("#verdict", "entry 1")
	})
}

func TestTheExportIsABundleThatVerifies(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes())
		v := s.As(desk)
		v.Get("/export").Says("pre", "tickmark-verify")
		got := v.Post("/export")
		got.Is(http.StatusOK)
		head, err := evidence.HeadGet.Do(t.Context(), desk, op.None{})
		if err != nil {
			t.Fatal(err)
		}
		report, err := bundle.Verify(strings.NewReader(got.Body), int64(len(got.Body)), bundle.Options{Keys: []string{head.Key}})
		if err != nil || report.Verdict != bundle.Verified {
			t.Errorf("%+v, %v", report, err)
		}
		if got.Header.Get("Content-Disposition") != `attachment; filename="tickmark-2026-11-21.evb"` {
			t.Error(got.Header.Get("Content-Disposition"))
		}
		other := s.As(optest.Member(t, desk, auth.Sponsor))
		other.Get("/export").Is(http.StatusForbidden)
		other.Post("/export").Is(http.StatusForbidden)
		other.Get("/evidence/new").Is(http.StatusForbidden)
	})
}
