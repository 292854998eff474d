// Package page holds the pages of sources, their runs and what they showed.
package page

import "github.com/tickmark/tickmark/internal/site"

// Routes are the pages of this package.
func Routes() []site.Route { return nil }
