package sources

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/scrub"
)

const (
	selectRunsBy = "SELECT " + runColumns + ", manifest FROM source_run WHERE org_id = ? AND entry >= ? AND entry < ? ORDER BY entry"
	selectKindBy = "SELECT kind, count, address FROM source_run_kind WHERE org_id = ? AND run_id = ? ORDER BY kind"
	selectLater  = `SELECT COUNT(*) FROM source_run r JOIN source_run_kind k ON k.org_id = r.org_id AND k.run_id = r.id
		WHERE r.org_id = ? AND r.source_id = ? AND k.kind = ? AND r.entry > ?`
	selectShown = "SELECT key, digest, body FROM source_resource WHERE org_id = ? AND source_id = ? AND kind = ?"
	selectOdd   = `SELECT x.source_id, x.kind, x.key FROM source_resource x WHERE x.org_id = ? AND (
		NOT EXISTS (SELECT 1 FROM source_run r WHERE r.org_id = x.org_id AND r.source_id = x.source_id AND r.ended = x.first_seen)
		OR NOT EXISTS (SELECT 1 FROM source_run r WHERE r.org_id = x.org_id AND r.source_id = x.source_id AND r.ended = x.changed)
		OR NOT EXISTS (SELECT 1 FROM source_run_kind k JOIN source_run r ON r.org_id = k.org_id AND r.id = k.run_id
			WHERE k.org_id = x.org_id AND r.source_id = x.source_id AND k.kind = x.kind))`

	// Columns that came later are written behind one that is empty where they are
	// not, so that what was remembered of a row before stays true.
	watchImports = "SELECT id, name, format, looks, size, sha256, address, pieced, skip_bad, source_id, job_id, run_id, refused || cancelled, actor, created FROM source_import WHERE org_id = ?"
	watchSources = "SELECT id, kind, name, settings, every, day_time, weekday || expected, paused, version, created, removed FROM source WHERE org_id = ?"
	watchSecrets = "SELECT source_id, name, sealed, since FROM source_secret WHERE org_id = ?"
)

var _ = scrub.Register(
	scrub.Facts{Table: "source_run", Rows: runFacts, Owed: func(e *scrub.Entry) int {
		if e.Op == "runs.record" && e.Kind == canon.KindRun || e.Op == "runs.fail" || (e.Op == "sources.cancel" || e.Op == "imports.cancel") && e.Kind == canon.KindGap {
			return 1
		}
		return 0
	}},
	scrub.Facts{Table: "source_resource", Rows: oddResources},
)

var _ = scrub.Observe(
	scrub.Watch{Table: "source", Query: watchSources, Key: 1, Ops: []string{"sources.", "imports.cancel"}},
	scrub.Watch{Table: "source_secret", Query: watchSecrets, Key: 2, Ops: []string{"sources."}},
	scrub.Watch{Table: "source_import", Query: watchImports, Key: 1, Ops: []string{"imports.", "runs.", "sources.feed"}},
)

// runKind is a kind as the manifest of a run names it.
type runKind struct {
	Kind   string `json:"kind"`
	Count  int64  `json:"count"`
	SHA256 string `json:"sha256"`
}

// told is what the sealed manifest of a run says that its entry does not.
type told struct {
	Scope   map[string]string `json:"scope"`
	Missing []Missing         `json:"missing"`
	Kinds   []runKind         `json:"kinds"`
}

type runRow struct {
	Run
	manifest string
}

func runFacts(s *scrub.Scan, from, to int64) ([]scrub.Fact, error) {
	rows, err := db.Rows(s.Tx, selectRunsBy, []any{s.Org, from, to}, func(scan func(...any) error, r *runRow) error {
		return scanRun(func(dest ...any) error { return scan(append(dest, &r.manifest)...) }, &r.Run)
	})
	if err != nil {
		return nil, err
	}
	out := make([]scrub.Fact, 0, len(rows))
	for _, r := range rows {
		f := scrub.Fact{Row: string(r.ID), Entry: r.Entry, Body: map[string]any{"id": string(r.ID), "source": string(r.Source), "collector": r.Collector}}
		if r.Status == RunFailed || r.Status == RunCancelled {
			f.Ops = []string{"runs.fail"}
			if r.Status == RunCancelled {
				f.Ops = []string{"sources.cancel", "imports.cancel"}
			}
			maps.Copy(f.Body, map[string]any{"from": canon.FormatTime(r.Started), "to": canon.FormatTime(r.Ended), "cause": r.Error})
			if r.Resources != 0 || len(r.Missing)+len(r.Scope) > 0 || r.manifest != "" {
				f.Wrong = append(f.Wrong, "it has seen something, and it failed")
			}
			out = append(out, f)
			continue
		}
		f.Ops = []string{"runs.record"}
		maps.Copy(f.Body, map[string]any{"started": canon.FormatTime(r.Started), "ended": canon.FormatTime(r.Ended), "status": r.Status})
		kinds, err := db.Rows(s.Tx, selectKindBy, []any{s.Org, r.ID}, func(scan func(...any) error, k *RunKind) error {
			return scan(&k.Kind, &k.Count, &k.Address)
		})
		if err != nil {
			return nil, err
		}
		f.Check = func(e *scrub.Entry) []string { return r.differs(s, e, kinds) }
		out = append(out, f)
	}
	return out, nil
}

// differs compares a run with its entry and with the manifest that the entry
// vouches for; of the newest run that saw a kind, also what is shown as last seen.
func (r runRow) differs(s *scrub.Scan, e *scrub.Entry, kinds []RunKind) (out []string) {
	counts, total := map[string]any{}, int64(0)
	for _, k := range kinds {
		counts[k.Kind] = k.Count
		total += k.Count
	}
	out = append(out, scrub.Differ("count of resources", counts, e.Body["resources"])...)
	out = append(out, scrub.Differ("total", r.Resources, total)...)
	out = append(out, scrub.Differ("error", r.Error, "")...)
	if r.manifest != s.Address(e.SHA256) {
		return append(out, "it points at another manifest")
	}
	data, err := s.Vault.Get(s, s.Org, r.manifest)
	if err != nil {
		return out // the blobs' own layer says what is wrong
	}
	var m told
	if err := json.Unmarshal(data, &m); err != nil {
		return append(out, "its manifest cannot be read")
	}
	out = append(out, scrub.Differ("list of what is missing", r.Missing, m.Missing)...)
	out = append(out, scrub.Differ("scope", r.Scope, m.Scope)...)
	for _, k := range kinds {
		i := slices.IndexFunc(m.Kinds, func(x runKind) bool { return x.Kind == k.Kind })
		if i < 0 || m.Kinds[i].Count != k.Count || s.Address(m.Kinds[i].SHA256) != k.Address {
			out = append(out, "its "+k.Kind+" is not as recorded")
			continue
		}
		out = append(out, r.shown(s, k)...)
	}
	return out
}

// shown compares what is shown as last seen with the sealed bytes of the newest
// run that saw it.
func (r runRow) shown(s *scrub.Scan, k RunKind) []string {
	var later int64
	if err := s.Tx.Row(selectLater, []any{s.Org, r.Source, k.Kind, r.Entry}, &later); err != nil || later > 0 {
		return nil
	}
	sealed, err := sealedLines(s, k.Address)
	if err != nil {
		return nil
	}
	wrong := 0
	err = s.Tx.Each(selectShown, []any{s.Org, r.Source, k.Kind}, func(scan func(...any) error) error {
		var have shown
		err := scan(&have.key, &have.digest, &have.body)
		if sealed[have.key] != have {
			wrong++
		}
		delete(sealed, have.key)
		return err
	})
	if err != nil || wrong+len(sealed) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d of what is shown as last seen of %s is not what it saw", wrong+len(sealed), k.Kind)}
}

func sealedLines(s *scrub.Scan, address string) (map[string]shown, error) {
	text, err := s.Vault.Get(s, s.Org, address)
	if err != nil {
		return nil, err
	}
	list, err := canon.ParseChunks(text)
	if err != nil {
		return nil, err
	}
	out := map[string]shown{}
	for _, piece := range list {
		at, err := s.Vault.AddressOf(s, s.Org, piece.SHA256)
		if err != nil {
			return nil, err
		}
		data, err := s.Vault.Get(s, s.Org, at)
		if err != nil {
			return nil, err
		}
		lines, err := appendShown(nil, data)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			out[l.key] = l
		}
	}
	return out, nil
}

// oddResources were seen at a time at which nothing ran.
func oddResources(s *scrub.Scan, from, _ int64) ([]scrub.Fact, error) {
	if from > 0 {
		return nil, nil
	}
	return db.Rows(s.Tx, selectOdd, []any{s.Org}, func(scan func(...any) error, f *scrub.Fact) error {
		var (
			source    id.Source
			kind, key string
		)
		err := scan(&source, &kind, &key)
		f.Row, f.Entry, f.Wrong = fmt.Sprintf("%s %s %s", source, kind, key), -1, []string{"no run saw it then"}
		return err
	})
}
