package tls

import (
	"testing"
	"time"
)

// What the tests of this folder reach into.
var (
	ParseHSTS, Framing = parseHSTS, framing
)

// Target reads an address and writes it again.
func Target(text string) (string, error) {
	t, err := parseTarget(text)
	return t.String(), err
}

// Hurry bounds a connection during a test.
func Hurry(t *testing.T, d time.Duration) {
	was := perDial
	perDial = d
	t.Cleanup(func() { perDial = was })
}
