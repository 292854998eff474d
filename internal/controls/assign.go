package controls

import (
	"fmt"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Assignment gives controls to an owner.
type Assignment struct {
	IDs   []string `json:"ids" minItems:"1" maxItems:"500" doc:"Ids or codes of the controls."`
	Owner string   `json:"owner" minLength:"1" maxLength:"40" doc:"Id of the member who owns them from now on."`
}

// assign writes a version of each, all or none. One that the person owns
// already stays as it is.
func assign(c *op.Call, in Assignment) (op.Page[Control], error) {
	out := op.Page[Control]{Items: []Control{}}
	owner, err := ownerOf(c, in.Owner)
	if err != nil {
		return out, err
	}
	for _, ref := range in.IDs {
		old, err := get(c, Ref{ref})
		if err != nil {
			return out, err
		}
		if !old.Retired.IsZero() {
			return out, fault.Conflict("%s is retired.", old.Code)
		}
		if old.Owner == owner {
			continue
		}
		n, err := c.Tx.Exec(updateControl, old.Title, old.Text, old.Frequency, owner, old.Key, clock.Millis(c.Now), c.Org, old.ID, old.Version)
		now, err := changed(c, old, n, err)
		if err != nil {
			return out, fmt.Errorf("%s: %w", old.Code, err)
		}
		out.Items = append(out.Items, now)
	}
	var codes []string
	for _, x := range out.Items {
		codes = append(codes, x.Code)
	}
	c.Note("controls", codes)
	out.Total = int64(len(out.Items))
	return out, nil
}
