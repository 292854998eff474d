package page

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/site"
)

func showExport(v *site.Visit) error {
	if err := v.Actor.Require(auth.ExportWrite); err != nil {
		return err
	}
	head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	return v.Show(logShell("Export", site.Crumb{Text: "Export"}), exportBody(head, fileName(v)))
}

func fileName(v *site.Visit) string {
	return "tickmark-" + v.Clock.Now().Format(time.DateOnly) + ".evb"
}

// export writes the bundle to a file first, so that what begins to arrive is
// whole.
func export(v *site.Visit) error {
	f, err := os.CreateTemp("", "tickmark-*.evb")
	if err != nil {
		return err
	}
	defer func() {
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			v.Log.Error("export: the temporary file", "err", err)
		}
	}()
	if _, err := evidence.WriteBundle(v.Context(), v.Desk, f); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	h.Set("Content-Disposition", `attachment; filename="`+fileName(v)+`"`)
	if err := http.NewResponseController(v.W).SetWriteDeadline(time.Time{}); err != nil {
		v.Log.Debug("export: the deadline stays", "err", err)
	}
	if _, err := io.Copy(v.W, f); err != nil && v.Context().Err() == nil {
		v.Log.Warn("export: a bundle was not sent whole", "err", err)
	}
	return nil
}

func commands(head evidence.Head, file string) string {
	return "tickmark-verify \\\n  --key '" + head.Key + "' \\\n  " + file + "\n\n# the same for programs\ntickmark-verify --json \\\n  --key '" + head.Key + "' \\\n  " + file
}
