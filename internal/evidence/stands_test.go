package evidence_test

import (
	"fmt"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// Each figure counts what the list behind it shows.
func TestHowTheEvidenceOfAControlStands(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx := t.Context()
		ids := adopt(t, desk, "IAM-02", "GOV-01")
		control := ids[0]
		look := func() evidence.Stand {
			t.Helper()
			s, err := evidence.Stands.Do(ctx, desk, evidence.ControlRef{Control: control})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := look(); s.Records != 0 || s.State != evidence.Overdue || s.Code != "IAM-02" || s.Objected != 0 {
			t.Errorf("before there is any: %+v", s)
		}
		author := optest.Member(t, desk, auth.ControlOwner)
		hand := func(title, shows string) evidence.Record {
			return submit(t, author, evidence.Submission{Blob: upload(t, desk, title), Title: title, Origin: "directory", Location: "https://idp.example.org",
				Account: "example", Shows: shows, Level: 6, Controls: []string{control}})
		}
		judge := func(r evidence.Record, decision string, codes ...string) {
			t.Helper()
			in := evidence.Judgement{ID: string(r.ID), Decision: decision, Codes: codes}
			if decision == evidence.SentBack {
				in.Words = "Crop less."
			}
			if _, err := evidence.Review.Do(ctx, desk, in); err != nil {
				t.Fatal(err)
			}
		}
		good, back, lifted, policy := hand("Accounts", ""), hand("Picture", ""), hand("Second picture", ""), hand("Policy", evidence.Policy)
		hand("Waits", "")
		judge(good, evidence.Accepted)
		judge(back, evidence.SentBack, "EV13", "EV12")
		judge(lifted, evidence.SentBack, "EV13")
		judge(lifted, evidence.Accepted)
		old := hand("Old policy", evidence.Policy)
		submit(t, author, evidence.Submission{Blob: upload(t, desk, "new"), Title: "New", Origin: "directory", Level: 6, Location: "x", Supersedes: string(old.ID), Controls: []string{control}})
		s := look()
		if s.Records != 6 || s.Accepted != 2 || s.Returned != 1 || s.Waiting != 3 || s.Remarked != 1 || s.Objected != 2 || s.State == evidence.Overdue {
			t.Errorf("it stands %+v", s)
		}
		if got := fmt.Sprint(s.Codes); got != "[{EV07 1} {EV12 1} {EV13 1}]" {
			t.Errorf("the reasons are %s", got)
		}
		if len(s.Objections) != 2 || s.Objections[0].Evidence != policy.ID || s.Objections[1].Evidence != back.ID || s.Objections[1].Words != "Crop less." ||
			s.Objections[1].Reviewer != desk.Actor.Name || s.Objections[1].Returned.IsZero() || !s.Objections[0].Returned.IsZero() {
			t.Errorf("against it is said %+v", s.Objections)
		}
		for _, c := range []struct {
			in   evidence.Filter
			want int64
		}{
			{evidence.Filter{}, s.Records}, {evidence.Filter{State: "returned"}, s.Returned}, {evidence.Filter{State: "waiting"}, s.Waiting},
			{evidence.Filter{State: "accepted"}, s.Accepted}, {evidence.Filter{State: "remarks"}, s.Remarked},
			{evidence.Filter{Code: "EV07"}, 1}, {evidence.Filter{Code: "EV13"}, 1}, {evidence.Filter{Code: "EV01"}, 0},
		} {
			c.in.Control, c.in.Stands = control, true
			list, err := evidence.List.Do(ctx, desk, c.in)
			if err != nil || list.Total != c.want || int64(len(list.Items)) != c.want {
				t.Errorf("%+v lists %d of %d, want %d, %v", c.in, len(list.Items), list.Total, c.want, err)
			}
		}
		if _, err := evidence.Stands.Do(ctx, desk, evidence.ControlRef{Control: "ctl_none"}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("of a control that is not there: %v", err)
		}
	})
}
