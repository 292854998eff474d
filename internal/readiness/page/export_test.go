package page

import "testing"

// TellAtMost lowers how many entries are read to say what happened.
func TellAtMost(t *testing.T, n int64) {
	was := mostTellable
	mostTellable = n
	t.Cleanup(func() { mostTellable = was })
}
