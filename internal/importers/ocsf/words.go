package ocsf

import (
	"time"

	"github.com/tickmark/tickmark/internal/foreign"
)

// when the event was made.
func when(n *foreign.Node) time.Time {
	if t := n.At("time_dt").Time(); !t.IsZero() {
		return t
	}
	return n.At("time").Moment()
}

// first is the first of several that says something.
func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:37] + "…"
	}
	return s
}
