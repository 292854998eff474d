package ldap

import "time"

// What the tests of this folder reach into.
var (
	WellFormed  = wellFormed
	ReadMessage = readMessage
	Instant     = instant
	Normal      = normal
)

// FileTime reads Active Directory's way to write time.
func FileTime(n int64) (time.Time, bool) { return fileTime(n) }
