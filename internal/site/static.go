package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/tickmark/tickmark/docs"
)

//go:embed static
var embedded embed.FS

// StaticPrefix is the path under which Static answers.
const StaticPrefix = "/static/"

// sheets are joined into one style sheet, so that a first visit waits for one
// answer and not for a chain of imports. The vendored one goes into a cascade
// layer: whatever we say outside the layer wins, however specific theirs is.
var sheets = []string{
	"css/tokens.css", "css/base.css", "css/shell.css", "css/parts.css",
	"css/map.css", "css/table.css", "css/form.css", "css/chart.css", "css/testing.css", "css/squares.css", "css/population.css", "css/verify.css", "css/signin.css", "css/work.css", "css/prose.css", "css/gallery.css", "css/narrow.css", "css/print.css",
}

const vendorSheet = "vendor/tabler.min.css"

// folding finds the vendored rules of a sidebar that folds, which no page has.
// They ask of every element whether an ancestor holds the focus, so that with
// them each move of the focus restyles the page: tens of milliseconds at every
// step through a large grid.
var folding = regexp.MustCompile(`[^{}]*(?:data-bs-sidebar|sidebar-folded)[^{}]*\{[^{}]*\}`)

type file struct {
	body, zipped []byte
	mediaType    string
}

type tree struct {
	hash  string
	files map[string]file
}

// files is computed once from what is compiled in and never changes afterwards.
var files = sync.OnceValue(func() tree { return load(embedded) })

func load(from fs.FS) tree {
	t := tree{files: map[string]file{}}
	sum := sha256.New()
	add := func(name string, body []byte) {
		sum.Write([]byte(name + "\x00" + strconv.Itoa(len(body)) + "\x00"))
		sum.Write(body)
		t.files[name] = newFile(name, body)
	}
	err := fs.WalkDir(from, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, p)
		if err != nil {
			return err
		}
		add(strings.TrimPrefix(p, "static/"), body)
		return nil
	})
	if err != nil {
		panic("site: embedded files cannot be read: " + err.Error())
	}
	add("css/app.css", join(t.files))
	pictures, err := fs.Glob(docs.Files, "img/*.png")
	if err != nil {
		panic("site: pictures cannot be listed: " + err.Error())
	}
	for _, p := range pictures {
		body, err := fs.ReadFile(docs.Files, p)
		if err != nil {
			panic("site: a picture cannot be read: " + err.Error())
		}
		add("guide/"+path.Base(p), body)
	}
	t.hash = hex.EncodeToString(sum.Sum(nil))[:16]
	return t
}

func join(all map[string]file) []byte {
	var b bytes.Buffer
	b.WriteString("@layer vendor{\n")
	b.Write(folding.ReplaceAll(bytes.TrimPrefix(all[vendorSheet].body, []byte(`@charset "UTF-8";`)), nil))
	b.WriteString("\n}\n")
	for _, name := range sheets {
		b.Write(all[name].body)
	}
	return b.Bytes()
}

func newFile(name string, body []byte) file {
	f := file{body: body, mediaType: "application/octet-stream"}
	switch path.Ext(name) {
	case ".css":
		f.mediaType = "text/css; charset=utf-8"
	case ".js":
		f.mediaType = "text/javascript; charset=utf-8"
	case ".svg":
		f.mediaType = "image/svg+xml"
	case ".png":
		f.mediaType = "image/png"
		return f // already compressed
	case ".woff2":
		f.mediaType = "font/woff2"
		return f // already compressed
	case ".LICENSE", "":
		f.mediaType = "text/plain; charset=utf-8"
	}
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // the level is valid
	w.Write(body)
	w.Close()
	f.zipped = z.Bytes()
	return f
}

// Picture is the address of a picture of the documentation, and false if there
// is none of that name.
func Picture(name string) (string, bool) {
	if _, ok := files().files["guide/"+name]; !ok {
		return "", false
	}
	return Asset("guide/" + name), true
}

// Asset is the address of a static file, for instance of "css/app.css". It
// contains a digest of all static files, so that an answer may be kept for ever
// and files may refer to each other by relative address. An unknown name panics:
// names are literals in templates and the gallery test renders them all.
func Asset(name string) string {
	t := files()
	if _, ok := t.files[name]; !ok {
		panic("site: no static file " + name)
	}
	return StaticPrefix + t.hash + "/" + name
}

// Static serves the files that Asset names. An address with another digest is
// answered too, without permission to keep it: a page loaded before an upgrade
// still finds its files.
func Static() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := files()
		hash, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, StaticPrefix), "/")
		f, ok := t.files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
			return
		}
		serve(w, r, f, hash == t.hash)
	})
}

func serve(w http.ResponseWriter, r *http.Request, f file, current bool) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if current {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body := f.body
	if f.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		w.Write(body)
	}
}
