package assets

// For tests that ask the database how it reads.
const (
	ByName        = byName
	ByPlace       = byPlace
	SelectUnknown = selectUnknown
	SelectBrief   = selectBrief
)
