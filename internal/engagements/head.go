package engagements

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/op"
)

// HeadGet shows how far the engagement's own log has come.
var HeadGet = op.Read("engagement_heads.get", "Show the size and the newest signed head of the engagement's own log.", auth.AuditRead, head)

func head(c *op.Call, in Ref) (evidence.Head, error) {
	r, err := firmRoom(c, in.ID)
	if err != nil {
		return evidence.Head{}, err
	}
	return evidence.HeadOf(r.InFile(c))
}
