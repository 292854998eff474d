package bundle_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

// BenchmarkVerify measures a log of 100,000 entries, each opened.
func BenchmarkVerify(b *testing.B) {
	l := newBook(b, 1, false)
	for n := range 99_999 {
		l.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{
			"actor": actor("usr_1"), "body": fmt.Sprintf(`{"id":"ctl_%d","op":"controls.update"}`, n),
		})
	}
	for _, opened := range []bool{false, true} {
		c := bundle.Contents{Created: start, Scope: bundle.All, Logs: []bundle.Log{l.log()}}
		if !opened {
			c.Logs[0].Openings = nil
		}
		file := write(b, c, 1)
		b.Run(fmt.Sprintf("opened=%v", opened), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := bundle.Verify(bytes.NewReader(file), int64(len(file)), bundle.Options{Keys: []string{vkey(1)}})
				if err != nil || r.Verdict != bundle.Verified {
					b.Fatal(r.Verdict, err)
				}
			}
		})
	}
}
