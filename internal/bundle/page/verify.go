// Package page holds the page on which anybody can have a bundle checked. It
// needs no sign-in, keeps nothing of what it is given, and says how to do
// without it.
package page

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/verify"
)

// Routes are the pages of this package.
func Routes() []site.Route {
	return []site.Route{
		{Pattern: "GET /verify", Open: true, Handle: ask},
		{Pattern: "POST /verify", Open: true, Handle: check},
		{Pattern: "GET /verify/verify.py", Open: true, Handle: program},
	}
}

// What a stranger may have checked here. Whoever has more runs the program,
// which has no such limits.
const (
	maxKeys  = 8 << 10
	atOnce   = 2
	arriving = 8
	fileTime = 5 * time.Minute
)

var maxFile int64 = 256 << 20 // tests make it smaller

// busy bounds the memory and time that strangers take, coming the disk: who
// sends slowly keeps nobody from being answered.
var busy, coming = make(chan struct{}, atOnce), make(chan struct{}, arriving)

func shell(title string) site.BareShell {
	return site.BareShell{Title: title, Product: "Verify a report", Width: site.BareWide,
		Links: []site.Link{{Text: "What is checked", Href: "#checked"}, {Text: "Check without this website", Href: "#without"}},
		Foot:  "This page runs on one installation of Tickmark. The result would be the same on any other."}
}

func ask(v *site.Visit) error {
	return v.ShowBare(http.StatusOK, shell("Verify a report"), askBody(dropped{}))
}

// dropped is a file as it came, with the keys that came with it.
type dropped struct {
	Name  string
	Keys  string
	Size  int64
	Error string

	file  *durable.Spool
	taken bool
}

func check(v *site.Visit) error {
	if !enter(coming) {
		return full(v)
	}
	defer func() { <-coming }()
	d, err := receive(v)
	if d.file != nil {
		defer d.file.Close()
	}
	if f := fault.As(err); f != nil && f.Kind == fault.KindInvalid {
		d.Error = f.Message
		return refuse(v, http.StatusUnprocessableEntity, d)
	}
	if err != nil {
		return err
	}
	if !enter(busy) {
		return full(v)
	}
	defer func() { <-busy }()
	began := clock.System().Now()
	x, err := d.examine(v)
	if f := fault.As(err); f != nil && f.Kind == fault.KindInvalid {
		d.Error = f.Message
		return refuse(v, http.StatusUnprocessableEntity, d)
	}
	if err != nil {
		return err
	}
	x.Took, x.Now = clock.System().Now().Sub(began), v.Clock.Now()
	return v.ShowBare(http.StatusOK, shell(x.title()), resultBody(x))
}

func enter(room chan struct{}) bool {
	select {
	case room <- struct{}{}:
		return true
	default:
		return false
	}
}

func full(v *site.Visit) error {
	return refuse(v, http.StatusServiceUnavailable, dropped{Error: "Other files are being checked. Send yours again in a minute, or run the verifier yourself."})
}

// program hands out the second verifier, which needs Python and nothing else.
func program(v *site.Visit) error {
	return v.Send("verify.py", func(w io.Writer) error {
		_, err := w.Write(verify.Program)
		return err
	})
}

func refuse(v *site.Visit, status int, d dropped) error {
	return v.ShowBare(status, shell("Verify a report"), askBody(d))
}

// receive sets the file aside; the caller closes it.
func receive(v *site.Visit) (d dropped, err error) {
	if err := http.NewResponseController(v.W).SetReadDeadline(clock.System().Now().Add(fileTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		v.Log.Debug("page: no deadline for the body", "err", err)
	}
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, maxFile+maxKeys+(64<<10))
	parts, err := v.R.MultipartReader()
	if err != nil {
		return d, fault.Invalid("file", "choose a file: a bundle, named *.evb").With(err)
	}
	if d.file, err = durable.NewSpool(); err != nil {
		return d, err
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return d, tooLarge(err)
		}
		if err := d.take(part); err != nil {
			return d, tooLarge(err)
		}
	}
	if d.Size == 0 {
		return d, fault.Invalid("file", "choose a file: a bundle, named *.evb")
	}
	return d, nil
}

func tooLarge(err error) error {
	var limit *http.MaxBytesError
	if errors.As(err, &limit) {
		return fault.Invalid("file", "the file is larger than %d MB, which is the most that is checked here: run the verifier yourself", maxFile>>20)
	}
	if fault.As(err) != nil {
		return err
	}
	return fault.Invalid("file", "the file did not arrive whole: send it again").With(err)
}

func (d *dropped) take(part *multipart.Part) error {
	switch part.FormName() {
	case "keys":
		b, err := io.ReadAll(io.LimitReader(part, maxKeys))
		d.Keys = string(b)
		return err
	case "file":
		if d.taken {
			return fault.Invalid("file", "choose one file")
		}
		d.Name = plainName(part.FileName())
		var err error
		d.taken = true
		d.Size, err = io.Copy(d.file, part)
		return err
	}
	return nil
}

// plainName is what people call the file, without what could be mistaken for
// words of ours.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, filepath.Base(strings.ReplaceAll(s, `\`, "/")))
	if r := []rune(s); len(r) > 80 {
		return string(r[:77]) + "…"
	}
	return s
}

// examine checks the file under the keys of this installation's own logs and
// those that were given.
func (d dropped) examine(v *site.Visit) (result, error) {
	x := result{Name: d.Name, Size: d.Size}
	var o bundle.Options
	o.File = d.Name
	for _, k := range strings.Fields(d.Keys) {
		if _, _, err := canon.ParseVKey(k); err != nil {
			return x, fault.Invalid("keys", "a key is a line such as tickmark/…/1+xxxxxxxx+…, as tickmark key prints it").With(err)
		}
		o.Keys, x.Given = append(o.Keys, k), true
	}
	claimed := d.claimed()
	for _, k := range claimed {
		ours, err := v.Ledger.Known(v.Context(), k)
		if err != nil {
			return x, err
		}
		if ours {
			o.Keys = append(o.Keys, k)
			x.Ours++
		}
	}
	x.Logs = len(claimed)
	report, err := bundle.Verify(d.file, d.Size, o)
	if err != nil {
		return x, err
	}
	x.Report = report
	if report.Verdict != bundle.Corrupted {
		x.Says, err = d.says(report)
	}
	return x, err
}

// claimed are the keys that the file says its logs have. Only those that are
// our own are trusted; the others count for nothing.
func (d dropped) claimed() []string {
	z, err := zip.NewReader(d.file, d.Size)
	if err != nil {
		return nil // the verifier says what is wrong with it
	}
	var out []string
	for n := range bundle.MaxLogs {
		f, err := z.Open(fmt.Sprintf("logs/%d/key", n))
		if err != nil {
			break
		}
		b, err := io.ReadAll(io.LimitReader(f, 1<<10))
		if err := errors.Join(err, f.Close()); err != nil {
			break
		}
		out = append(out, strings.TrimSuffix(string(b), "\n"))
	}
	return out
}
