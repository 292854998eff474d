package controls

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/op"
)

const selectThen = `SELECT v.body FROM control_version v WHERE v.org_id = ? AND v.version = (SELECT MAX(x.version) FROM control_version x
	WHERE x.org_id = v.org_id AND x.control_id = v.control_id AND x.effective <= ?)`

// ActiveAt returns every control that was in force at an instant, by code, as
// it was worded and owned then.
func ActiveAt(c *op.Call, at time.Time) ([]Control, error) {
	out := []Control{}
	err := c.Tx.Each(selectThen, []any{c.Org, clock.Millis(at)}, func(scan func(...any) error) error {
		var (
			body string
			x    Control
		)
		if err := scan(&body); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &x); err != nil {
			return err
		}
		if x.Retired.IsZero() || x.Retired.After(at) {
			out = append(out, x)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Control) int { return strings.Compare(a.Code, b.Code) })
	return out, err
}
