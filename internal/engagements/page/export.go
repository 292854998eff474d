package page

import (
	"io"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/engagements"
	"github.com/tickmark/tickmark/internal/site"
)

// exports reports whether to offer the bundle.
func (x overview) exports() bool { return x.Side == engagements.FirmSide && x.Me.May(auth.AuditReview) }

func (x overview) bundleForm() site.FormView {
	return site.FormView{Action: href(x.Engagement, "/bundle"), Buttons: []site.ButtonView{{Text: "Export the bundle", Kind: site.ButtonQuiet, Icon: site.IconDownload}}}
}

// export hands out the bundle of an engagement.
func export(v *site.Visit) error {
	if err := v.Actor.Require(auth.AuditReview); err != nil {
		return err
	}
	name := "engagement-" + v.Clock.Now().Format(time.DateOnly) + ".evb"
	return v.Send(name, func(w io.Writer) error {
		return engagements.WriteBundle(v.Context(), v.Desk, v.Path("id"), w)
	})
}
