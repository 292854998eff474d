package sources

import (
	"context"
	"encoding/json"
)

// A Collector reads one kind of source and hands over what it found. It never
// judges: whether a fact is good is for checks to say.
type Collector interface {
	// Kind names the source type: "git", "host".
	Kind() string
	// Version changes whenever the same source would yield other facts.
	Version() string
	// Collect reads the source. An error means that the run failed and nothing
	// of it is kept but the gap; partial blindness is said with Intake.Missing.
	Collect(ctx context.Context, settings json.RawMessage, in *Intake) error
}

// A Resource is one thing a collector saw.
type Resource struct {
	Kind string // a schema's kind
	Key  string // stable within the source and unique in its kind
	// Attrs holds string, bool, int64, time.Time, []string and
	// map[string]string. What is absent is left out.
	Attrs map[string]any
	// Absent says, for a field that could not be read, why not.
	Absent map[string]string
}

// Missing is something a collector could not read, and the act that would let
// it.
type Missing struct {
	Kind   string `json:"kind"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Remedy string `json:"remedy,omitempty"`
}
