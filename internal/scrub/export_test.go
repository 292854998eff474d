package scrub

// InPieces makes the pieces of a log this small, until the function it returns
// is called.
func InPieces(n int64) func() {
	was := entriesAPiece
	entriesAPiece = n
	return func() { entriesAPiece = was }
}
