package populations

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Sealing names the draft to seal.
type Sealing struct {
	Engagement string `json:"engagement" doc:"The engagement's id."`
	Population string `json:"population" maxLength:"40" doc:"Its code, such as POP-08."`
	Version    int    `json:"version" minimum:"1" doc:"The draft that was looked at."`
}

func settleSeal(ctx context.Context, d *op.Desk, in Sealing) error {
	return engagements.Settle(ctx, d, in.Engagement)
}

func seal(c *op.Call, in Sealing) (Version, error) {
	r, err := engagements.AsClient(c, in.Engagement)
	if err != nil {
		return Version{}, err
	}
	p, err := open(c, r, in.Population)
	if err != nil {
		return Version{}, err
	}
	v, err := p.version(in.Version)
	if err != nil {
		return Version{}, err
	}
	if err := sealable(p, *v, r); err != nil {
		return Version{}, err
	}
	entry := op.Record{Kind: canon.KindPopulation, ID: string(p.ID), Items: &canon.Items{Count: v.Rows}}
	if entry.Items.Root, err = canon.ParseDigest(v.Root); err != nil {
		return Version{}, err
	}
	if entry.Answers, err = c.AnswerTo(r.File, p.CommitEntry); err != nil {
		return Version{}, err
	}
	list, err := kept(c, v.list)
	if err != nil {
		return Version{}, err
	}
	entry.Content = &list
	before := p.Current()
	if before != nil {
		entry.Supersedes = []int64{before.Entry}
	}
	extraction, err := extract(c, p, *v, before)
	if err != nil {
		return Version{}, err
	}
	if entry.Body, err = v.body(p, r, extraction.Entry); err != nil {
		return Version{}, err
	}
	v.Status, v.Sealed, v.Actor, v.Evidence = Sealed, c.Now, c.Actor.Name, extraction.ID
	if v.Entry, err = c.Append(entry); err != nil {
		return Version{}, err
	}
	if before != nil {
		if _, err := c.Tx.Exec(supersedeVersion, c.Org, p.ID, before.Version); err != nil {
			return Version{}, err
		}
	}
	checks, err := json.Marshal(v.Checks)
	if err != nil {
		return Version{}, err
	}
	n, err := c.Tx.Exec(sealVersion, string(checks), v.Evidence, v.Entry, clock.Millis(c.Now), v.Actor, c.Org, p.ID, v.Version)
	if err == nil && n == 0 {
		err = fault.Conflict("Version %d of %s was sealed a moment ago.", v.Version, p.Code)
	}
	reject(v)
	return *v, err
}

// sealable refuses what must not be sealed, and says why.
func sealable(p Population, v Version, r *engagements.Room) error {
	switch newest := p.Newest(); {
	case v.Status != Draft:
		return fault.Conflict("Version %d of %s is sealed already.", v.Version, p.Code)
	case v.Version != newest.Version:
		return fault.Conflict("Version %d of %s is not the newest draft; that is version %d.", v.Version, p.Code, newest.Version)
	case v.Manifest.Period != r.Period():
		return fault.Conflict("Version %d of %s was built for %s, and the engagement is now about %s. Build it again.", v.Version, p.Code, v.Manifest.Period, r.Period())
	case v.Blocked() > 0:
		var what []string
		for _, x := range v.Problems {
			if x.Blocking {
				what = append(what, fmt.Sprintf("%s (%d: %s)", strings.TrimSuffix(x.Text, "."), x.Count, strings.Join(x.Lines[:min(3, len(x.Lines))], "; ")))
			}
		}
		return fault.Conflict("Version %d of %s cannot be sealed. Build another draft once this is settled: %s", v.Version, p.Code, strings.Join(what, " · "))
	}
	return nil
}

// extract seals the rows as they were taken, as evidence.
func extract(c *op.Call, p Population, v Version, before *Version) (evidence.Record, error) {
	bytes, err := kept(c, v.records)
	if err != nil {
		return evidence.Record{}, err
	}
	m := v.Manifest
	r := evidence.Record{Title: fmt.Sprintf("Rows of %s, version %d: %s", p.Code, v.Version, p.Title), MediaType: canon.MediaTypeChunks,
		Captured: m.Extracted, Collector: m.Extractor, Method: evidence.ByExport, Origin: m.Source, Environment: m.Environment, Query: m.Query,
		Zone: m.Zone, RowCount: v.Rows, CoversFrom: m.Starts, CoversTo: m.Ends, Level: 4, Personal: true}
	if m.Parameters != "" {
		r.Query += "\nParameters: " + m.Parameters // what a record in pieces calls parameters are the names of its pieces
	}
	if m.From == FromRun {
		r.Method, r.Level = evidence.ByAPI, 3
	}
	if before != nil {
		r.Supersedes = before.Evidence
	}
	return evidence.Add(c, r, bytes)
}

// body is what the entry says: the manifest, and what a verifier acts on.
func (v Version) body(p Population, r *engagements.Room, records int64) (map[string]any, error) {
	raw, err := json.Marshal(v.Manifest)
	if err != nil {
		return nil, err
	}
	body := map[string]any{}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, err
	}
	if v.Manifest.CountedBy != "" {
		body["source_count"] = v.Manifest.SourceCount // zero too
	}
	maps.Copy(body, map[string]any{"step": "seal", "engagement": string(r.ID), "population": p.Code, "version": v.Version,
		"commitment": p.Commitment, "digest": v.Digest, "rows": v.Rows, "period": r.Period(), "bounds": "start inclusive, end exclusive",
		"records": records, "media_type": canon.MediaTypeChunks, "checks": v.Checks})
	return body, nil
}
