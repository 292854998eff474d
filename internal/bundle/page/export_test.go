package page

import "testing"

// Limit makes the largest file smaller until the test ends.
func Limit(t *testing.T, n int64) {
	was := maxFile
	maxFile = n
	t.Cleanup(func() { maxFile = was })
}

// Fill takes every place in which a file is checked, until the test ends.
func Fill(t *testing.T) {
	for range atOnce {
		busy <- struct{}{}
	}
	t.Cleanup(func() {
		for range atOnce {
			<-busy
		}
	})
}
