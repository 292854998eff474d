package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
)

func TestUploadBecomesEvidence(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := settled(t, d)
		data := []byte("name,role\nAda,owner\n")
		var up api.Upload
		h.send(h.request(http.MethodPost, "/blobs", bytes.NewReader(data))).want(http.StatusCreated).into(&up)
		if sum := sha256.Sum256(data); up.SHA256 != hex.EncodeToString(sum[:]) || up.Size != int64(len(data)) {
			t.Errorf("%+v", up)
		}
		var rec evidence.Record
		h.post("/evidence", map[string]any{"blob": up.Blob, "title": "Members", "origin": "HR system"}).want(http.StatusCreated).into(&rec)
		var back evidence.Bytes
		h.get("/evidence/" + string(rec.ID) + "/content").want(http.StatusOK).into(&back)
		if !bytes.Equal(back.Data, data) {
			t.Errorf("came back as %q", back.Data)
		}
		h.send(h.request(http.MethodPost, "/blobs", strings.NewReader(""))).problem(http.StatusUnprocessableEntity)
		h.token = ""
		h.send(h.request(http.MethodPost, "/blobs", bytes.NewReader(data))).problem(http.StatusUnauthorized)
	})
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestUploadIsBounded(t *testing.T) {
	h := settled(t, sqlite(t))
	h.send(h.request(http.MethodPost, "/blobs", endless{})).problem(http.StatusRequestEntityTooLarge)
}

func TestBundleArrivesWholeOrNotAtAll(t *testing.T) {
	h := settled(t, sqlite(t))
	a := h.post("/exports/bundle", nil).want(http.StatusOK)
	if a.Body.String() != "bundle of "+string(h.org) || !strings.Contains(a.Header().Get("Content-Disposition"), ".evb") {
		t.Errorf("%q, %v", a.Body, a.Header())
	}
	h.handler = api.New(h.engine, operations(), api.Extra{Bundle: func(_ context.Context, _ *op.Desk, w io.Writer) error {
		io.WriteString(w, "half")
		return fmt.Errorf("disk full")
	}})
	if a := h.post("/exports/bundle", nil); strings.Contains(a.Body.String(), "half") || a.problem(http.StatusInternalServerError).Reference == "" {
		t.Errorf("%s", a.Body)
	}
	h.handler = api.New(h.engine, operations(), api.Extra{})
	h.post("/exports/bundle", nil).problem(http.StatusNotFound)
}
