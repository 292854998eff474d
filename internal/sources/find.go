package sources

import (
	"encoding/base64"
	"encoding/json"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// Find looks for resources of any source.
var Find = op.Read("resources.find", "Find what sources show by a part of its key, whichever source shows it.", auth.SourcesRead, find)

// Found is a resource and the source that shows it.
type Found struct {
	Source id.Source `json:"source"`
	Name   string    `json:"name"` // of the source
	Kind   string    `json:"kind"`
	Key    string    `json:"key"`
}

// Lookup is what to look for.
type Lookup struct {
	Text  string `json:"text" minLength:"2" maxLength:"200" doc:"A part of the key, in small or capital letters."`
	After string `json:"after,omitempty" doc:"Continue after this page: the value of next."`
	Limit int    `json:"limit,omitempty" minimum:"0" maximum:"500" doc:"How many at once; 50 if left out."`
}

// The keys of all sources lie in one index, which is read in its order and
// holds all that is asked: bodies are not touched.
const (
	hasKey    = " WHERE r.org_id = ? AND s.removed = 0 AND (REPLACE(r.key, ?, '') <> r.key OR REPLACE(r.key, ?, '') <> r.key OR REPLACE(r.key, ?, '') <> r.key OR REPLACE(r.key, ?, '') <> r.key)"
	joined    = " FROM source_resource r JOIN source s ON s.org_id = r.org_id AND s.id = r.source_id"
	selectKey = "SELECT r.source_id, s.name, r.kind, r.key" + joined + hasKey +
		" AND r.key >= ? AND (r.key > ? OR r.source_id > ? OR (r.source_id = ? AND r.kind > ?)) ORDER BY r.key, r.source_id, r.kind LIMIT ?"
	countKey = "SELECT COUNT(*)" + joined + hasKey
)

func find(c *op.Call, in Lookup) (op.Page[Found], error) {
	var at [3]string // key, source, kind of the last row shown
	if in.After != "" {
		raw, err := base64.RawURLEncoding.DecodeString(in.After)
		if err != nil || json.Unmarshal(raw, &at) != nil {
			return op.Page[Found]{}, fault.Invalid("after", "want the value of next from the page before")
		}
	}
	args := []any{c.Org}
	for _, p := range db.Cases(in.Text) {
		args = append(args, p)
	}
	var total int64
	if err := c.Tx.Row(countKey, args, &total); err != nil {
		return op.Page[Found]{}, err
	}
	n := op.Limit(in.Limit)
	args = append(args, at[0], at[0], at[1], at[1], at[2], n+1)
	rows, err := db.Rows(c.Tx, selectKey, args, func(scan func(...any) error, f *Found) error {
		return scan(&f.Source, &f.Name, &f.Kind, &f.Key)
	})
	return op.PageOf(rows, n, total, func(f Found) string {
		raw, err := json.Marshal([3]string{f.Key, string(f.Source), f.Kind})
		if err != nil {
			return ""
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}), err
}
