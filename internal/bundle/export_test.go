package bundle

import (
	"io"

	"github.com/tickmark/tickmark/internal/sample"
)

// What the fuzz targets and the property tests call directly.
var (
	ParseRow    = parseRow
	ParseRecord = parseRecord
	ParseResult = parseResult
	PathLength  = pathLength
	ParseProof  = parseProof
)

// ParseDraw collects what a draw lists.
func ParseDraw(r io.Reader) (picks []sample.Pick, strata []Stratum, err error) {
	err = parseDraw(r, func(p sample.Pick) error { picks = append(picks, p); return nil },
		func(s Stratum) error { strata = append(strata, s); return nil })
	return picks, strata, err
}
