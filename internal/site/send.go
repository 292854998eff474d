package site

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/tickmark/tickmark/internal/durable"
)

// Send answers with a file that is written while the reader waits. It goes to
// a file of ours first, so that what begins to arrive is whole.
func (v *Visit) Send(name string, write func(io.Writer) error) error {
	f, err := durable.NewSpool()
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(f.Size(), 10))
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if err := http.NewResponseController(v.W).SetWriteDeadline(time.Time{}); err != nil {
		v.Log.Debug("page: the deadline stays", "err", err)
	}
	if _, err := io.Copy(v.W, f.Reader()); err != nil && v.Context().Err() == nil {
		v.Log.Warn("page: a file was not sent whole", "err", err)
	}
	return nil
}
