package clock

import (
	"time"

	"github.com/tickmark/tickmark/internal/fault"
)

// ParseZone finds a time zone by its IANA name, for what is reckoned in it: a
// day that begins elsewhere is another day, so a zone that is not known is
// refused. So is Local, which means another place on each machine.
func ParseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fault.Invalid("zone", "give an IANA time zone such as Europe/Berlin or UTC").With(err)
	}
	return zone, nil
}

// Zone is ParseZone for what is only shown, of a zone that was accepted before:
// UTC where this machine's tables no longer have it.
func Zone(name string) *time.Location {
	zone, err := ParseZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
