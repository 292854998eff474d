package api

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/blob"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/durable"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// maxFiles bounds the memory of uploads: so many are read at once, the others
// wait.
const maxFiles = 4

// Upload is where uploaded bytes lie.
type Upload struct {
	Blob   string `json:"blob" doc:"Their address, for evidence.create."`
	SHA256 string `json:"sha256" doc:"Their digest, in hex."`
	Size   int64  `json:"size" doc:"Their number."`
}

// upload stores the body of a request. Bytes that no record ever names are of
// no consequence, so this leaves no entry.
func (s *server) upload(w http.ResponseWriter, r *http.Request) {
	desk, err := s.desk(r, auth.EvidenceWrite)
	if err == nil {
		err = desk.Actor.RequireWrite()
	}
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	select {
	case s.files <- struct{}{}:
		defer func() { <-s.files }()
	case <-r.Context().Done():
		return
	}
	http.NewResponseController(w).SetWriteDeadline(clock.System().Now().Add(2 * fileTime)) // where the server allows it
	data, err := body(w, r, blob.MaxSize, fileTime)
	if err == nil && len(data) == 0 {
		err = fault.Invalid("", "the body is empty: send the bytes of the file")
	}
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	sealed, err := s.Vault.Store(r.Context(), desk.Org, data, clock.Truncate(s.Clock.Now()))
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	s.answer(w, r, nil, http.StatusCreated, Upload{Blob: sealed.Address, SHA256: hex.EncodeToString(sealed.SHA256[:]), Size: sealed.Size})
}

// bundle writes the bundle to a file first: what begins to arrive is whole.
func (s *server) bundle(w http.ResponseWriter, r *http.Request, right auth.Right, write func(*op.Desk, io.Writer) error) {
	desk, err := s.desk(r, right)
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	f, err := durable.NewSpool()
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	defer f.Close()
	http.NewResponseController(w).SetWriteDeadline(time.Time{}) // as long as it takes
	if err := write(desk, f); err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	name := "tickmark-" + s.Clock.Now().UTC().Format(time.DateOnly) + ".evb"
	w.Header().Set("Content-Type", asBundle)
	w.Header().Set("Content-Length", fmt.Sprint(f.Size()))
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	if _, err := io.Copy(w, f.Reader()); err != nil && r.Context().Err() == nil {
		s.Log.Warn("api: a bundle was not sent whole", "err", err)
	}
}
