package checks

import (
	"time"

	"github.com/tickmark/tickmark/internal/assets"
	"github.com/tickmark/tickmark/internal/op"
)

// The register of assets asks which checks are in force, to say on which assets
// none speaks. It lies below checks and cannot ask by itself.
var _ = assets.Ask(func(c *op.Call) ([]assets.Rule, error) {
	defs, _, err := definitions(c)
	if err != nil {
		return nil, err
	}
	out := make([]assets.Rule, len(defs))
	for i, d := range defs {
		out[i] = assets.Rule{ID: d.ID, Title: d.Title, Kind: d.Kind, Mandatory: d.Mandatory, Freshness: time.Duration(d.Freshness)}
	}
	return out, nil
})
