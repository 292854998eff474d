package readiness

import (
	"slices"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
)

// Month is how many criteria were ready at its end; the last one is not over,
// and is as of now.
type Month struct {
	At       time.Time `json:"at"`
	InScope  int       `json:"in_scope"`
	Ready    int       `json:"ready"`
	NotReady int       `json:"not_ready"`
	Unknown  int       `json:"unknown"`
}

// Months is the way to where the organization stands now, oldest first.
type Months struct {
	Items []Month `json:"items"`
}

// mostMonths is how far back the way is shown, the present month included.
const mostMonths = 12

const selectBegan = "SELECT created FROM orgs WHERE org_id = ?"

// months computes the picture of the end of each month. Those before the
// organization was set up are left out: nobody had looked.
func months(c *op.Call, _ op.None) (Months, error) {
	out := Months{Items: []Month{}}
	zone, err := notify.Zone(c.Tx, c.Org)
	if err != nil {
		return out, err
	}
	var ms int64
	if err := c.Tx.Row(selectBegan, []any{c.Org}, &ms); err != nil {
		return out, err
	}
	began := clock.FromMillis(ms)
	end := time.Time{} // of the present month there is only now
	y, m, _ := c.Now.In(zone).Date()
	for range mostMonths {
		p, err := at(c, end)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, Month{At: p.At, InScope: p.Total.InScope, Ready: p.Total.Ready, NotReady: p.Total.NotReady, Unknown: p.Total.Unknown})
		first := time.Date(y, m, 1, 0, 0, 0, 0, zone)
		end = first.Add(-time.Millisecond)
		m--
		if end.Before(began) {
			break
		}
	}
	slices.Reverse(out.Items)
	return out, nil
}
