package trust_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/scrub"
	"github.com/tickmark/tickmark/internal/trust"
)

func TestHealthOfALog(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		who := optest.Member(t, desk, auth.Employee) // anybody may know it
		if _, err := desk.Ledger.Seal(t.Context(), desk.Org); err != nil {
			t.Fatal(err)
		}
		h := optest.Do(t, who, trust.Get, op.None{})
		if h.Entries == 0 || h.Signed != h.Entries || h.Logs != 1 || h.Keys != 1 || h.ReadOnly != "" || h.SignedAt.IsZero() {
			t.Errorf("a new log: %+v", h)
		}
		if !h.ReadBack.Ended.IsZero() || h.Backup != nil || h.Drill != nil || !h.Outside.Newest.IsZero() || len(h.Outside.Vouchers) > 0 {
			t.Errorf("nobody has looked, copied or vouched yet: %+v", h)
		}

		optest.Clock(desk).Advance(time.Hour)
		if _, err := scrub.Whole(t.Context(), desk); err != nil {
			t.Fatal(err)
		}
		h = optest.Do(t, who, trust.Get, op.None{})
		if h.ReadBack.Ended.IsZero() || h.ReadBack.Found != 0 {
			t.Errorf("after reading back: %+v", h.ReadBack)
		}
	})
}
