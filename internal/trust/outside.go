package trust

import (
	"time"

	"github.com/tickmark/tickmark/internal/anchors"
	"github.com/tickmark/tickmark/internal/op"
)

// Outside is who beyond the installation has vouched for the log.
type Outside struct {
	Newest   time.Time `json:"newest,omitzero"` // of the newest anchor
	Size     int64     `json:"size,omitempty"`  // entries that it covers
	Late     bool      `json:"late,omitempty"`  // longer ago than three times the interval
	Vouchers []Voucher `json:"vouchers"`
}

// A Voucher is an authority that stamps the log's heads, or a witness that
// countersigns them.
type Voucher struct {
	Name    string    `json:"name"`
	Witness bool      `json:"witness,omitempty"`
	Last    time.Time `json:"last,omitzero"`
	Size    int64     `json:"size,omitempty"`
	Failing string    `json:"failing,omitempty"` // why the newest attempt failed
	Since   time.Time `json:"since,omitzero"`
}

func outside(c *op.Call) (Outside, error) {
	s, err := anchors.StateOf(c)
	o := Outside{Newest: s.Newest, Size: s.Size, Late: s.Alert, Vouchers: []Voucher{}}
	for _, a := range s.Authorities {
		o.Vouchers = append(o.Vouchers, Voucher{Name: a.Name, Witness: a.Kind == anchors.KindCosignature, Last: a.Good, Size: a.Size, Failing: a.Error, Since: a.Failing})
	}
	return o, err
}
