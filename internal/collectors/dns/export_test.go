package dns

import (
	"testing"
	"time"
)

// What the tests of this folder reach into.
var ParseDKIM = parseDKIM

// DMARC reads a record: its policy, its percentage and what is wrong with it.
func DMARC(text string) (policy string, percent int, problem string) {
	r := parseDMARC(text)
	return r.policy, r.percent, r.problem
}

// SPF reads a record and says what is wrong with it.
func SPF(text string) (terms int, problem string) {
	t, problem := parseSPF(text)
	return len(t), problem
}

// Hurry bounds a question during a test.
func Hurry(t *testing.T, d time.Duration) {
	was := perAsk
	perAsk = d
	t.Cleanup(func() { perAsk = was })
}
