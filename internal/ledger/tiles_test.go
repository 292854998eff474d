package ledger_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/ledger"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// served is an installation seen through HTTP, where the header Desk says who
// asks.
func served(t *testing.T, e *op.Engine, desks map[string]*op.Desk) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(api.New(e, nil, api.Extra{Reads: engagements.ReadsLog, Who: func(r *http.Request) (auth.Actor, id.Org, error) {
		d := desks[r.Header.Get("Desk")]
		if d == nil {
			return auth.Actor{Via: "api"}, "", nil
		}
		return d.Actor, d.Org, nil
	}}))
	t.Cleanup(srv.Close)
	return srv
}

func fetch(t *testing.T, url, desk string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Desk", desk)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, b
}

// lengthen adds entries to a log and signs it.
func lengthen(t *testing.T, desk *op.Desk, n int) canon.Checkpoint {
	t.Helper()
	err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		for i := range n {
			if _, err := desk.Ledger.Append(tx, desk.Org, ledger.Entry{Kind: canon.KindOp, Body: fmt.Sprintf(`{"op":"x.y","n":%d}`, i)}, desk.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := desk.Ledger.Seal(t.Context(), desk.Org)
	if err != nil {
		t.Fatal(err)
	}
	return c.Checkpoint
}

// tiles reads tiles over HTTP as clients of such logs do.
type tiles struct {
	t      *testing.T
	prefix string
	kept   map[string][]byte
}

func (c *tiles) Height() int { return 8 }
func (c *tiles) SaveTiles(ts []tlog.Tile, data [][]byte) {
	for i, x := range ts { // verified by now
		c.kept[x.Path()] = data[i]
	}
}
func (c *tiles) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, x := range ts {
		if b := c.kept[x.Path()]; b != nil {
			out = append(out, b)
			continue
		}
		// tlog writes the height into the path, C2SP does not.
		code, header, b := fetch(c.t, c.prefix+"/tile/"+strings.TrimPrefix(x.Path(), "tile/8/"), "owner")
		if code != http.StatusOK || !strings.Contains(header.Get("Cache-Control"), "max-age") || header.Get("Content-Type") != "application/octet-stream" {
			return nil, fmt.Errorf("%s: %d, %v", x.Path(), code, header)
		}
		out = append(out, b)
	}
	return out, nil
}

// A client that knows nothing of us verifies everything over the tiles: that
// each entry is in the log and that each head continues the one before.
func TestTilesVerify(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		srv := served(t, desk.Engine, map[string]*op.Desk{"owner": desk})
		var heads []tlog.Tree
		for _, n := range []int{3, 252, 1, 300, 514} {
			c := lengthen(t, desk, n)
			heads = append(heads, tlog.Tree{N: c.Size, Hash: c.Root})
		}
		var h ledger.Head
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) { h, err = desk.Ledger.Head(tx, desk.Org); return err })
		if err != nil {
			t.Fatal(err)
		}
		prefix := srv.URL + "/log/" + strings.TrimPrefix(h.Origin, "tickmark/")
		code, header, b := fetch(t, prefix+"/checkpoint", "owner")
		v, err := note.NewVerifier(h.VKey)
		if err != nil {
			t.Fatal(err)
		}
		n, err := note.Open(b, note.VerifierList(v))
		if err != nil || code != 200 || header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Fatalf("%d %v %v", code, header, err)
		}
		c, err := canon.ParseCheckpoint(n.Text)
		if err != nil {
			t.Fatal(err)
		}
		now := tlog.Tree{N: c.Size, Hash: c.Root}
		if now != heads[len(heads)-1] {
			t.Errorf("head %v; want %v", now, heads[len(heads)-1])
		}
		client := &tiles{t: t, prefix: prefix, kept: map[string][]byte{}}
		reader := tlog.TileHashReader(now, client)
		for _, was := range heads {
			p, err := tlog.ProveTree(now.N, was.N, reader)
			if err == nil {
				err = tlog.CheckTree(p, now.N, now.Hash, was.N, was.Hash)
			}
			if err != nil {
				t.Errorf("consistency from %d: %v", was.N, err)
			}
		}
		leaves := entries(t, prefix, now.N)
		for i, leaf := range leaves {
			p, err := tlog.ProveRecord(now.N, int64(i), reader)
			if err == nil {
				err = tlog.CheckRecord(p, now.N, now.Hash, int64(i), tlog.RecordHash(leaf))
			}
			if err != nil {
				t.Fatalf("entry %d: %v", i, err)
			}
		}
		t.Logf("%d entries and %d heads verified over %d tiles", len(leaves), len(heads), len(client.kept))
	})
}

// entries reads all entry bundles.
func entries(t *testing.T, prefix string, size int64) (out [][]byte) {
	t.Helper()
	for n := int64(0); n<<8 < size; n++ {
		path := fmt.Sprintf("%s/tile/entries/%03d", prefix, n)
		if w := size - n<<8; w < 256 {
			path += fmt.Sprintf(".p/%d", w)
		}
		code, _, b := fetch(t, path, "owner")
		if code != 200 {
			t.Fatalf("%s: %d %s", path, code, b)
		}
		for len(b) > 0 {
			k := int(binary.BigEndian.Uint16(b))
			out, b = append(out, b[2:2+k]), b[2+k:]
		}
	}
	if int64(len(out)) != size {
		t.Fatalf("%d entries of %d", len(out), size)
	}
	return out
}

func TestTilesRefuse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Found(t, desk.Engine, "Other")
		srv := served(t, desk.Engine, map[string]*op.Desk{"owner": desk, "employee": optest.Member(t, desk, "employee"),
			"operator": optest.Member(t, desk, "operator"), "other": other})
		c := lengthen(t, desk, 300)
		name := strings.TrimPrefix(c.Origin, "tickmark/")
		last := c.Size - 256
		for _, x := range []struct {
			path, desk string
			want       int
		}{
			{name + "/checkpoint", "owner", 200}, {name + "/checkpoint", "operator", 200},
			{name + "/checkpoint", "employee", 403}, {name + "/checkpoint", "nobody", 401}, {name + "/checkpoint", "other", 404},
			{name + "/tile/0/000", "owner", 200}, {name + "/tile/0/000", "other", 404}, {name + "/tile/0/000", "employee", 403},
			{name + "/tile/entries/000", "other", 404}, {name + "/tile/entries/000", "nobody", 401},
			{name + "/tile/0/000.p/5", "owner", 200}, // a part of what is full now, as it was once
			{fmt.Sprintf("%s/tile/0/001.p/%d", name, last), "owner", 200}, {fmt.Sprintf("%s/tile/0/001.p/%d", name, last+1), "owner", 404},
			{fmt.Sprintf("%s/tile/entries/001.p/%d", name, last+1), "owner", 404},
			{name + "/tile/1/000.p/1", "owner", 200}, {name + "/tile/1/000.p/2", "owner", 404}, {name + "/tile/1/000", "owner", 404},
			{name + "/tile/0/001", "owner", 404}, {name + "/tile/2/000.p/1", "owner", 404}, {name + "/tile/9/000", "owner", 404},
			{name + "/tile/63/000", "owner", 404}, {name + "/tile/0/x999/x999/x999/999", "owner", 404}, {name + "/tile/4/x999/999", "owner", 404},
			{name + "/tile/0/0", "owner", 404}, {name + "/tile/00/000", "owner", 404}, {name + "/tile/0/000.p/0", "owner", 404},
			{name + "/tile/0/000.p/256", "owner", 404}, {name + "/tile/0/000.p/05", "owner", 404}, {name + "/tile/data/000", "owner", 404},
			{name + "/tile/-1/000", "owner", 404}, {name + "/tile/", "owner", 404}, {name + "/tile/entries/", "owner", 404},
			{strings.Repeat("0", 32) + "/1/checkpoint", "owner", 404}, {strings.TrimSuffix(name, "/1") + "/2/checkpoint", "owner", 404},
			{"x/y/checkpoint", "owner", 404}, {name + "/other", "owner", 404},
		} {
			code, header, b := fetch(t, srv.URL+"/log/"+x.path, x.desk)
			if code != x.want {
				t.Errorf("%s as %s: %d %s; want %d", x.path, x.desk, code, b, x.want)
			}
			if code != 200 && strings.Contains(header.Get("Cache-Control"), "max-age") {
				t.Errorf("%s: a refusal may be kept", x.path)
			}
		}
	})
}

// The file of an engagement is the firm's: neither the client nor another firm
// learns that there is one.
func TestTilesOfAnEngagement(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := optest.Engage(t, desk, "2026-01-01", "2026-06-30")
		stranger := optest.Firm(t, optest.Found(t, desk.Engine, "Elsewhere"), "Quill")
		srv := served(t, desk.Engine, map[string]*op.Desk{"owner": desk, "lead": s.Lead, "partner": s.Partner, "staff": s.Staff, "stranger": stranger})
		if err := desk.Ledger.SealAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		file, err := engagements.HeadGet.Do(t.Context(), s.Partner, engagements.Ref{ID: s.ID})
		if err != nil {
			t.Fatal(err)
		}
		client, err := evidence.HeadGet.Do(t.Context(), desk, op.None{})
		if err != nil {
			t.Fatal(err)
		}
		for who, want := range map[string]struct{ file, client int }{
			"partner": {200, 404}, "staff": {200, 404}, "stranger": {404, 404}, "owner": {404, 200}, "lead": {404, 200}, "nobody": {401, 401},
		} {
			for _, path := range []string{"/checkpoint", "/tile/0/000.p/1", "/tile/entries/000.p/1"} {
				if code, _, b := fetch(t, srv.URL+"/log/"+strings.TrimPrefix(file.Origin, "tickmark/")+path, who); code != want.file {
					t.Errorf("%s, file%s: %d %s; want %d", who, path, code, b, want.file)
				}
				if code, _, b := fetch(t, srv.URL+"/log/"+strings.TrimPrefix(client.Origin, "tickmark/")+path, who); code != want.client {
					t.Errorf("%s, client%s: %d %s; want %d", who, path, code, b, want.client)
				}
			}
		}
	})
}
