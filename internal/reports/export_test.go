package reports

// What tests of the pure parts need by name.
const (
	TypeI, TypeII = typeI, typeII
	Rows          = isRows
	Missing       = isMissing
	Opinion       = isOpinion
	Text          = isText
	Response      = isResponse
)

var (
	Prints   = Material.prints
	Changed  = changed
	Slots    = slots
	DigestOf = digestOf
)
