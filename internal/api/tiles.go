package api

import (
	"errors"
	"net/http"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
)

// TilesPatterns are where logs are served as files that any client of such
// logs reads (C2SP tlog-tiles): /log/, the log's origin without its first word,
// and then checkpoint, tile/L/N or tile/entries/N.
var TilesPatterns = [2]string{"GET /log/{digest}/{epoch}/checkpoint", "GET /log/{digest}/{epoch}/tile/{path...}"}

// named is the log that a request names, once it is clear that the caller may
// read it. Whose log it is, and whether there is one, nobody else learns.
func (s *server) named(r *http.Request) (org id.Org, lg *ledger.Log, err error) {
	desk, err := s.desk(r, auth.LogRead)
	if err != nil {
		return "", nil, err
	}
	origin := "tickmark/" + r.PathValue("digest") + "/" + r.PathValue("epoch")
	if org, err = s.Ledger.Whose(r.Context(), origin); err != nil {
		return "", nil, err
	}
	may := org == desk.Org
	if !may && s.extra.Reads != nil {
		if may, err = s.extra.Reads(r.Context(), desk, org); err != nil {
			return "", nil, err
		}
	}
	if !may {
		return "", nil, fault.NotFound("no log %s", origin)
	}
	err = s.DB.Read(r.Context(), string(org), func(tx *db.Tx) error {
		logs, err := s.Ledger.Logs(tx, org)
		for _, l := range logs {
			if l.Origin == origin {
				lg = l
			}
		}
		if err == nil && lg == nil {
			err = fault.NotFound("no log %s", origin)
		}
		return err
	})
	return org, lg, err
}

// checkpoint serves the newest signed head of a log.
func (s *server) checkpoint(w http.ResponseWriter, r *http.Request) {
	org, lg, err := s.named(r)
	var head ledger.Checkpoint
	if err == nil {
		err = s.DB.Read(r.Context(), string(org), func(tx *db.Tx) error {
			head, err = s.Ledger.CheckpointOf(tx, org, lg)
			return err
		})
	}
	if errors.Is(err, db.ErrNone) {
		err = fault.NotFound("nothing of this log is signed yet; ask again in a second")
	}
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write(head.Note)
}

// tile serves hashes, or entries. What it serves never changes, so a reader may
// keep it; it is nobody else's to keep.
func (s *server) tile(w http.ResponseWriter, r *http.Request) {
	org, lg, err := s.named(r)
	var data []byte
	if err == nil {
		err = s.DB.Read(r.Context(), string(org), func(tx *db.Tx) error {
			data, err = s.Ledger.Tile(tx, org, lg, r.PathValue("path"))
			return err
		})
	}
	if err != nil {
		s.refuse(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Type", asBytes)
	w.Header().Set("Cache-Control", "private, max-age=31536000")
	w.Write(data)
}
