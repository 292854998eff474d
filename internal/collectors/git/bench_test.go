package git_test

import (
	"fmt"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// BenchmarkCollect reads 5,000 commits: one in five is a merge, one in ten names
// a reviewer.
func BenchmarkCollect(b *testing.B) {
	for _, packed := range []bool{false, true} {
		b.Run(fmt.Sprintf("packed=%v", packed), func(b *testing.B) {
			m := makeRepo(b)
			for m.made < 5000 {
				base := m.head
				side := m.commit(change{author: bo, message: fmt.Sprintf("Change %d (#%d)\n\nFixes ABC-%d\n\nReviewed-by: %s\n", m.made, m.made, m.made, ada)})
				if m.made%5 == 4 {
					m.commit(change{author: ada, parents: []plumbing.Hash{base, side}})
				}
			}
			if packed {
				m.pack()
			}
			b.ReportAllocs()
			for b.Loop() {
				if got := len(m.collect().all["commit"]); got != m.made {
					b.Fatalf("%d commits, want %d", got, m.made)
				}
			}
			b.ReportMetric(float64(m.made)*float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
