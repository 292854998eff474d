package page_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/bundle/page"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

// export is the bundle of an organization's log.
func export(t *testing.T, desk *op.Desk) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := evidence.WriteBundle(t.Context(), desk, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nothingLeft fails if a file of a stranger was kept.
func nothingLeft(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, err := filepath.Glob(filepath.Join(dir, "tickmark-verify-*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

func TestAStrangerHasALogChecked(t *testing.T) {
	nothingLeft(t)
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		file := export(t, desk)
		s := sitetest.New(t, desk.Engine, page.Routes()).Stranger()
		s.Get("/verify").Says("h1", "Have a report checked")
		if p := s.Get("/verify/verify.py"); !strings.Contains(p.Header.Get("Content-Disposition"), "verify.py") || !strings.Contains(p.Body, "def main(") {
			t.Errorf("the second verifier is not handed out: %.100s", p.Body)
		}

		got := s.Upload("/verify", "file", "log.evb", file)
		got.Is(http.StatusOK)
		got.Says("h1", "This is the log that this installation keeps")
		got.Says("h1", "Nothing in it has changed since.")
		got.Says("#checked", "3 of 3 hold")
		if n := got.Count("#checked [aria-label='fail']"); n > 0 {
			t.Errorf("%d checks fail", n)
		}

		at := bytes.Index(file, []byte(`"kind":"op"`))
		file[at+8] ^= 1
		got = s.Upload("/verify", "file", "<b>log</b>.evb", file)
		got.Is(http.StatusOK)
		got.Says("h1", "Something in this file does not hold. Do not rely on it.")
		got.Says("main", "logs/0/entries/000000000.jsonl")
		got.Silent("h1", "changed since")
		if got.Count("main b") > 0 {
			t.Error("the file's name is taken for markup")
		}
	})
}

// golden is a bundle that another installation wrote.
func golden(t *testing.T) (file []byte, keys string) {
	t.Helper()
	file, err := os.ReadFile("../testdata/examination-v1.evb")
	if err != nil {
		t.Fatal(err)
	}
	for _, mark := range []string{"logs/0/key", "logs/1/key"} {
		at := bytes.Index(file, []byte(mark)) + len(mark)
		key, _, _ := strings.Cut(string(file[at:]), "\n")
		keys += key + "\n"
	}
	return file, keys
}

func TestAReportOfAnotherInstallationNeedsItsKeys(t *testing.T) {
	nothingLeft(t)
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes()).Stranger()
		file, keys := golden(t)
		got := s.Upload("/verify", "file", "report.evb", file)
		got.Says("h1", "Who wrote it is not shown")
		got.Silent("h1", "Nothing in it has changed since")

		r, err := bundle.Verify(bytes.NewReader(file), int64(len(file)), bundle.Options{Keys: strings.Fields(keys)})
		if err != nil {
			t.Fatal(err)
		}
		got = s.Upload("/verify", "file", "report.evb", file, "keys", keys)
		got.Is(http.StatusOK)
		got.Says("title", string(r.Verdict))
		got.Says("#checked", "Each sample can be drawn again")
		got.Says(".tm-order", "commit")
	})
}

func TestWhatCannotBeCheckedHereSaysWhy(t *testing.T) {
	nothingLeft(t)
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := sitetest.New(t, desk.Engine, page.Routes()).Stranger()
		file, _ := golden(t)
		for name, c := range map[string]struct {
			file   []byte
			keys   string
			status int
			want   string
		}{
			"no file":      {nil, "", http.StatusUnprocessableEntity, "choose a file"},
			"not a bundle": {[]byte("hello"), "", http.StatusOK, "does not hold"},
			"no key":       {file, "the key", http.StatusUnprocessableEntity, "as tickmark key prints it"},
		} {
			t.Run(name, func(t *testing.T) {
				got := s.Upload("/verify", "file", "x.evb", c.file, "keys", c.keys)
				got.Is(c.status)
				got.Says("main", c.want)
			})
		}
		s.Post("/verify", "file", "x").Is(http.StatusUnprocessableEntity)
		t.Run("too large", func(t *testing.T) {
			page.Limit(t, 1000)
			got := s.Upload("/verify", "file", "x.evb", bytes.Repeat([]byte{1}, 1<<20))
			got.Is(http.StatusUnprocessableEntity)
			got.Says("main", "the most that is checked here")
		})
		t.Run("too many", func(t *testing.T) {
			page.Fill(t)
			got := s.Upload("/verify", "file", "x.evb", file)
			got.Is(http.StatusServiceUnavailable)
			got.Says("main", "in a minute")
		})
	})
}
