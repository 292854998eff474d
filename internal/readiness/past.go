package readiness

import (
	"time"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Instant asks for the picture of a time.
type Instant struct {
	AsOf time.Time `json:"as_of" doc:"The time, which has passed."`
}

// past refuses a time that has not come: what will be known then nobody knows.
func past(c *op.Call, in Instant) (Picture, error) {
	if in.AsOf.IsZero() || in.AsOf.After(c.Now) {
		return Picture{}, fault.Invalid("as_of", "give a time that has passed")
	}
	return at(c, in.AsOf)
}
