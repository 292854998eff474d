package site

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Send answers with a file that is written while the reader waits. It goes to
// a file of ours first, so that what begins to arrive is whole.
func (v *Visit) Send(name string, write func(io.Writer) error) error {
	f, err := os.CreateTemp("", "tickmark-*")
	if err != nil {
		return err
	}
	defer func() {
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			v.Log.Error("page: the temporary file", "err", err)
		}
	}()
	if err := write(f); err != nil {
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
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if err := http.NewResponseController(v.W).SetWriteDeadline(time.Time{}); err != nil {
		v.Log.Debug("page: the deadline stays", "err", err)
	}
	if _, err := io.Copy(v.W, f); err != nil && v.Context().Err() == nil {
		v.Log.Warn("page: a file was not sent whole", "err", err)
	}
	return nil
}
