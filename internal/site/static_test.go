package site_test

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/site"
)

func get(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestStaticFilesHaveTypesAndMayBeKeptForEver(t *testing.T) {
	for name, want := range map[string]string{
		"css/app.css":              "text/css; charset=utf-8",
		"js/app.js":                "text/javascript; charset=utf-8",
		"vendor/htmx.min.js":       "text/javascript; charset=utf-8",
		"img/sprite.svg":           "image/svg+xml",
		"vendor/inter-latin.woff2": "font/woff2",
		"vendor/tabler.LICENSE":    "text/plain; charset=utf-8",
		"vendor/MANIFEST":          "text/plain; charset=utf-8",
	} {
		res := get(t, site.Static(), "GET", site.Asset(name))
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != want {
			t.Errorf("%s: status %d, type %q, want %q", name, res.StatusCode, res.Header.Get("Content-Type"), want)
		}
		if got := res.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
}

func TestStaticAnswersAnOldDigestWithoutLettingItBeKept(t *testing.T) {
	res := get(t, site.Static(), "GET", "/static/0123456789abcdef/js/app.js")
	if res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("status %d, Cache-Control %q", res.StatusCode, res.Header.Get("Cache-Control"))
	}
}

func TestStaticRefusesWhatItDoesNotHave(t *testing.T) {
	for _, path := range []string{"/static/", "/static/x/", "/static/x/js/none.js", "/static/x/../static.go"} {
		if res := get(t, site.Static(), "GET", path); res.StatusCode != 404 {
			t.Errorf("%s: status %d, want 404", path, res.StatusCode)
		}
	}
	if res := get(t, site.Static(), "POST", site.Asset("js/app.js")); res.StatusCode != 405 {
		t.Errorf("POST: status %d, want 405", res.StatusCode)
	}
}

func TestStaticCompressesTextAndOnlyText(t *testing.T) {
	res := get(t, site.Static(), "GET", site.Asset("css/app.css"), "Accept-Encoding", "br, gzip")
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal("the style sheet is not compressed")
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	zipped, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(get(t, site.Static(), "GET", site.Asset("css/app.css")).Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(len(plain), len(zipped)); diff != "" || string(plain) != string(zipped) {
		t.Errorf("compressed and plain differ: %s", diff)
	}
	if got := get(t, site.Static(), "GET", site.Asset("vendor/inter-latin.woff2"), "Accept-Encoding", "gzip").Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a font is compressed twice: %q", got)
	}
}

func TestVendoredFilesAreTheOnesInTheManifest(t *testing.T) {
	root := filepath.Join("..", "..")
	f, err := os.Open("static/vendor/MANIFEST")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	listed := map[string]bool{"internal/site/static/vendor/MANIFEST": true}
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") || s.Text() == "" {
			continue
		}
		cols := strings.Fields(s.Text())
		if len(cols) != 5 || !strings.HasPrefix(cols[3], "sha512-") {
			t.Fatalf("MANIFEST line %q: want file, package@version, path, integrity, sha256", s.Text())
		}
		listed[cols[0]] = true
		body, err := os.ReadFile(filepath.Join(root, cols[0]))
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != cols[4] {
			t.Errorf("%s differs from the MANIFEST: run scripts/vendor.sh", cols[0])
		}
	}
	for _, name := range glob(t, "static/vendor/*") {
		if !listed["internal/site/"+filepath.ToSlash(name)] {
			t.Errorf("%s is not in the MANIFEST", name)
		}
	}
}

func TestSecureSetsThePolicyAndDemandsTLSOnlyOverTLS(t *testing.T) {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, overTLS := range []bool{false, true} {
		h := get(t, site.Secure(next, overTLS), "GET", "/").Header
		if got := h.Get("Content-Security-Policy"); got != site.Policy || strings.Contains(got, "unsafe") {
			t.Errorf("policy %q", got)
		}
		for key, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if h.Get(key) != want {
				t.Errorf("%s: %q, want %q", key, h.Get(key), want)
			}
		}
		if (h.Get("Strict-Transport-Security") != "") != overTLS {
			t.Errorf("over TLS %v: Strict-Transport-Security %q", overTLS, h.Get("Strict-Transport-Security"))
		}
	}
}

func TestPreferencesAreKeptAndLeadBackToTheSamePage(t *testing.T) {
	r := httptest.NewRequest("POST", site.PrefsPath, strings.NewReader("theme=dark&keys=off&rows=compact"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Referer", "https://elsewhere.example/checks?status=fail")
	w := httptest.NewRecorder()
	site.SavePrefs(true).ServeHTTP(w, r)
	if got := w.Result().Header.Get("Location"); w.Code != 303 || got != "/checks?status=fail" {
		t.Errorf("status %d to %q, want 303 to the path alone", w.Code, got)
	}
	next := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		if !c.Secure || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s: Secure %v, SameSite %v", c.Name, c.Secure, c.SameSite)
		}
		next.AddCookie(c)
	}
	if diff := cmp.Diff(site.Prefs{Theme: "dark", KeysOff: true, Density: "compact"}, site.ReadPrefs(next)); diff != "" {
		t.Error(diff)
	}
	odd := httptest.NewRequest("GET", "/", nil)
	odd.AddCookie(&http.Cookie{Name: "tickmark-theme", Value: "neon"})
	if got := site.ReadPrefs(odd); got != (site.Prefs{}) {
		t.Errorf("an unknown choice is kept: %+v", got)
	}
}

func TestTheFoldingSidebarIsLeftOutAndNothingElse(t *testing.T) {
	body, err := io.ReadAll(get(t, site.Static(), "GET", site.Asset("css/app.css")).Body)
	if err != nil {
		t.Fatal(err)
	}
	sheet := string(body)
	if strings.Contains(sheet, "data-bs-sidebar") || strings.Contains(sheet, ":not(:has(:focus-visible))") {
		t.Error("each move of the focus restyles the whole page")
	}
	if n := strings.Count(sheet, "{") - strings.Count(sheet, "}"); n != 0 {
		t.Errorf("%d more braces are opened than closed", n)
	}
	if len(sheet) < 600_000 || !strings.Contains(sheet, ".card-header") || !strings.Contains(sheet, ".visually-hidden") {
		t.Errorf("more is gone than the sidebar: %d bytes are left", len(sheet))
	}
}

// TestPaperHasNoNavigation holds the sheet for paper to what it leaves out, and
// the narrow layouts to screens: a sheet of paper is as narrow as a phone.
func TestPaperHasNoNavigation(t *testing.T) {
	css := read(t, "static/css/print.css")
	_, inside, ok := strings.Cut(css, "@media print {")
	if !ok {
		t.Fatal("nothing is said of paper")
	}
	hidden, _, _ := strings.Cut(inside, "{ display: none !important; }")
	hidden = hidden[strings.LastIndexByte(hidden, '}'):]
	for _, part := range []string{".tm-side", ".tm-top", ".tm-tabs-bar", ".tm-sheet", ".tm-acts", ".btn", ".tm-skip", ".tm-find"} {
		if !strings.Contains(hidden, part+",") {
			t.Errorf("%s is printed", part)
		}
	}
	for _, want := range []string{"size: A4", "table-header-group", "break-inside: avoid", "color-scheme: light"} {
		if !strings.Contains(inside, want) {
			t.Errorf("the sheet for paper does not say %q", want)
		}
	}
	for _, name := range glob(t, "static/css/*.css") {
		for line := range strings.Lines(read(t, name)) {
			if strings.Contains(line, "@media (max-width") || strings.Contains(line, "@media (min-width") {
				t.Errorf("%s: a layout for a width is not kept to screens: %s", filepath.Base(name), line)
			}
		}
	}
}
