package op_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/db/dbtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// BenchmarkAppend is a small operation with its row and its entry, each
// acknowledged when it is on disk, for some number of writers at once.
func BenchmarkAppend(b *testing.B) {
	create := op.Write("things.create", "Keep a thing.", auth.ControlsWrite, func(c *op.Call, in thing) (made, error) {
		_, err := c.Tx.Exec(insertThing, c.Org, in.Name)
		return made{Name: in.Name}, err
	})
	for _, c := range []struct {
		name  string
		fresh func(testing.TB) string
	}{{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}} {
		for _, writers := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("%s/writers=%d", c.name, writers), func(b *testing.B) {
				d, err := db.Open(b.Context(), c.fresh(b), db.Options{Unsafe: true})
				if err != nil {
					b.Fatal(err)
				}
				defer d.Close()
				desk := optest.Found(b, optest.Engine(b, d), "Example")
				var n atomic.Int64
				b.ResetTimer()
				spread(b, writers, func() {
					if _, err := create.Do(b.Context(), desk, thing{Name: fmt.Sprint(n.Add(1))}); err != nil {
						b.Error(err)
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
			})
		}
	}
}

// spread does b.N acts, some number of them at a time.
func spread(b *testing.B, writers int, act func()) {
	var next atomic.Int64
	done := make(chan struct{})
	for range writers {
		go func() {
			for next.Add(1) <= int64(b.N) {
				act()
			}
			done <- struct{}{}
		}()
	}
	for range writers {
		<-done
	}
}
