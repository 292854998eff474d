// Package page holds the pages of checks: what they say, why, and what to do about it.
package page

import "github.com/tickmark/tickmark/internal/site"

// Routes are the pages of this package.
func Routes() []site.Route { return nil }
