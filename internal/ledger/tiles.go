package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
)

// tileHeight is the only one that C2SP tlog-tiles has.
const tileHeight = 8

// parseTile reads L/N or entries/N, with .p/W if the tile is not full.
func parseTile(path string) (tlog.Tile, error) {
	level, rest, _ := strings.Cut(path, "/")
	if level == "entries" {
		level = "data"
	} else if level == "data" {
		level = "" // as tlog spells it, not C2SP
	}
	t, err := tlog.ParseTilePath("tile/" + strconv.Itoa(tileHeight) + "/" + level + "/" + rest)
	// Larger ones would be of logs that nobody can have.
	if err != nil || t.L > 4 || t.N > 1<<(40-tileHeight*max(t.L, 0)) {
		return tlog.Tile{}, fault.NotFound("not a tile: want L/N or entries/N, N in groups of three digits such as x001/234, and .p/W behind a part of one")
	}
	return t, nil
}

// Tile returns a tile of a log by its path, L/N or entries/N: hashes, or the
// leaves themselves, each with its length in two bytes before it. Only what is
// signed is given out: it never changes.
func (l *Ledger) Tile(tx *db.Tx, org id.Org, lg *Log, path string) ([]byte, error) {
	t, err := parseTile(path)
	if err != nil {
		return nil, err
	}
	head, err := l.CheckpointOf(tx, org, lg)
	if err != nil && !errors.Is(err, db.ErrNone) {
		return nil, err
	}
	// How many entries there must be for all of the tile to be fixed.
	if need := (t.N<<t.H + int64(t.W)) << (t.H * max(t.L, 0)); need > head.Size {
		return nil, fault.NotFound("the log is signed up to %d entries; this tile needs %d", head.Size, need)
	}
	if t.L >= 0 {
		return tlog.ReadTileData(t, l.wide(tx, org, lg))
	}
	from := t.N << t.H
	leaves, err := l.LeavesOf(tx, org, lg, from, from+int64(t.W))
	if err == nil && len(leaves) != t.W {
		err = fmt.Errorf("log %s: %d of the %d entries from %d on are there", lg.Origin, len(leaves), t.W, from)
	}
	var out []byte
	for _, leaf := range leaves {
		out = append(out, byte(len(leaf)>>8), byte(len(leaf)))
		out = append(out, leaf...)
	}
	return out, err
}

// wide is reader for positions that lie close together, as those of a tile of
// the lowest level do: one statement instead of hundreds.
func (l *Ledger) wide(tx *db.Tx, org id.Org, lg *Log) tlog.HashReader {
	narrow := l.reader(tx, org, lg)
	return tlog.HashReaderFunc(func(positions []int64) ([]tlog.Hash, error) {
		const most = 1024
		if len(positions) == 0 {
			return nil, nil
		}
		first, last := positions[0], positions[len(positions)-1]
		if last < first || last-first > most {
			return narrow.ReadHashes(positions)
		}
		rows, err := db.Rows(tx, selectHashes, []any{org, lg.ID, first, last + 1}, scanNumbered)
		if err != nil {
			return nil, err
		}
		at := map[int64][]byte{}
		for _, r := range rows {
			at[r.at] = r.data
		}
		out := make([]tlog.Hash, len(positions))
		for i, p := range positions {
			if copy(out[i][:], at[p]) != len(out[i]) {
				return nil, fmt.Errorf("hash %d of log %s is missing", p, lg.Origin)
			}
		}
		return out, nil
	})
}
