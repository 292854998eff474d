package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/orgs"
)

func tell(t *testing.T, desk *op.Desk, k notify.Kind, object string, to ...*op.Desk) {
	t.Helper()
	x := notify.Telling{Kind: k, Notice: notify.Notice{Text: "About " + object, Link: "/tasks/" + object, Object: object}}
	for _, d := range to {
		x.To = append(x.To, d.Actor.User)
	}
	if _, err := notify.TellAll.Do(t.Context(), desk, x); err != nil {
		t.Fatal(err)
	}
}

func inbox(t *testing.T, desk *op.Desk, f notify.Filter) []string {
	t.Helper()
	var out []string
	for {
		p, err := notify.List.Do(t.Context(), desk, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Items {
			s := n.Text
			if n.Read.IsZero() {
				s += " *"
			}
			out = append(out, s)
		}
		if p.Next == "" {
			if int(p.Total) != len(out) {
				t.Errorf("the inbox says %d and has %d", p.Total, len(out))
			}
			return out
		}
		f.After = p.Next
	}
}

func prefer(t *testing.T, desk *op.Desk, w notify.Wish) {
	t.Helper()
	if _, err := notify.Update.Do(t.Context(), desk, w); err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestTheSameIsToldOnceADay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		stranger := optest.Found(t, desk.Engine, "Other")
		for range 3 {
			tell(t, desk, notify.Calm, "one", bo, bo, desk, stranger)
		}
		same(t, "on the first day", []string{"About one *"}, inbox(t, bo, notify.Filter{}))
		optest.Clock(desk).Advance(15 * time.Hour) // midnight in UTC
		tell(t, desk, notify.Calm, "one", bo)
		same(t, "on the next", []string{"About one *", "About one *"}, inbox(t, bo, notify.Filter{}))
		if len(inbox(t, desk, notify.Filter{})) != 0 || len(inbox(t, stranger, notify.Filter{})) != 0 {
			t.Error("who did it, or is no member, is told")
		}
	})
}

func TestTheInboxIsPagedUnreadFirst(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		for i := range 7 {
			optest.Clock(desk).Advance(time.Second)
			tell(t, desk, notify.Calm, fmt.Sprint(i), bo)
		}
		tell(t, desk, notify.Urgent, "u", bo)
		p, err := notify.List.Do(t.Context(), bo, notify.Filter{Kind: notify.Calm.Name})
		if err != nil {
			t.Fatal(err)
		}
		left, err := notify.MarkRead.Do(t.Context(), bo, notify.Reading{IDs: []string{string(p.Items[0].ID), string(p.Items[3].ID)}})
		if err != nil || left.Unread != 6 {
			t.Errorf("%+v, %v", left, err)
		}
		want := []string{"About 5 *", "About 4 *", "About 2 *", "About 1 *", "About 0 *", "About 6", "About 3"}
		for _, limit := range []int{1, 2, 5, 6, 500} {
			same(t, fmt.Sprintf("%d at a time", limit), want, inbox(t, bo, notify.Filter{Kind: notify.Calm.Name, Limit: limit}))
		}
		same(t, "unread", want[:5], inbox(t, bo, notify.Filter{Kind: notify.Calm.Name, Limit: 2, Unread: true}))
		if _, err := notify.MarkRead.Do(t.Context(), desk, notify.Reading{IDs: []string{string(p.Items[1].ID)}}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("another's: %v", err)
		}
		if _, err := notify.MarkRead.Do(t.Context(), desk, notify.Reading{All: true, Upto: string(p.Items[0].ID)}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("up to another's: %v", err)
		}
		same(t, "another's are not touched", want, inbox(t, bo, notify.Filter{Kind: notify.Calm.Name}))
		left, err = notify.MarkRead.Do(t.Context(), bo, notify.Reading{All: true})
		if err != nil || left.Unread != 0 {
			t.Errorf("%+v, %v", left, err)
		}
		if _, err := notify.List.Do(t.Context(), bo, notify.Filter{After: "nonsense"}); fault.KindOf(err) != fault.KindInvalid {
			t.Error(err)
		}
	})
}

func TestNoticesAreBounded(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		s := &server{}
		h := open(t, desk, s, false)
		for i := range 320 {
			tell(t, desk, notify.Urgent, fmt.Sprint(i), bo)
		}
		if n := len(inbox(t, bo, notify.Filter{})); n != 301 {
			t.Errorf("%d notices in a day", n)
		}
		if n := len(inbox(t, bo, notify.Filter{Kind: notify.Flood.Name})); n != 1 {
			t.Errorf("the flood is told %d times", n)
		}
		h.run(t)
		if len(s.got) != 20 {
			t.Errorf("%d letters in an hour", len(s.got))
		}
		optest.Clock(desk).Advance(23 * time.Hour) // the digest has the rest
		h.run(t)
		if last := s.got[len(s.got)-1]; len(s.got) != 21 || last.Subject != "280 things you have not read" {
			t.Errorf("%d letters, the last %q", len(s.got), last.Subject)
		}
	})
}

func TestLettersFollowPreferences(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		s := &server{}
		h := open(t, desk, s, false)
		tell(t, desk, notify.Urgent, "one", bo)
		h.run(t)
		if len(s.got) != 1 || s.got[0].To != bo.Actor.Email || s.got[0].Subject != "About one" || !strings.Contains(s.got[0].Text, "https://tickmark.example/tasks/one") {
			t.Fatalf("at once: %+v", s.got)
		}
		prefer(t, bo, notify.Wish{Never: []string{notify.Urgent.Name}, Weekly: []string{notify.Calm.Name}, DigestAt: "09:30", DigestDay: 2})
		tell(t, desk, notify.Urgent, "two", bo)
		tell(t, desk, notify.Calm, "three", bo)
		tell(t, desk, notify.Calm, "four", bo)
		h.run(t)
		if len(s.got) != 1 {
			t.Errorf("what should wait was sent: %+v", s.got[1:])
		}
		optest.Clock(desk).Advance(3*24*time.Hour + 29*time.Minute) // Tuesday, 09:29
		h.run(t)
		if len(s.got) != 1 {
			t.Error("the weekly digest is a minute early")
		}
		optest.Clock(desk).Advance(time.Minute)
		h.run(t)
		if len(s.got) != 2 || s.got[1].Subject != "2 things you have not read" || !strings.Contains(s.got[1].Text, "- About three\n  https://tickmark.example/tasks/three\n") {
			t.Fatalf("digest: %+v", s.got[1:])
		}
		tell(t, desk, notify.Calm, "five", bo)
		if _, err := notify.MarkRead.Do(t.Context(), bo, notify.Reading{All: true}); err != nil {
			t.Fatal(err)
		}
		optest.Clock(desk).Advance(8 * 24 * time.Hour)
		h.run(t)
		if len(s.got) != 2 {
			t.Errorf("a digest of nothing: %+v", s.got[2:])
		}
	})
}

func TestLettersWaitWhileItIsQuiet(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		o, err := orgs.Get.Do(t.Context(), desk, op.None{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := orgs.Update.Do(t.Context(), desk, orgs.Change{Name: o.Name, Zone: "Asia/Tokyo", Version: o.Version}); err != nil {
			t.Fatal(err)
		}
		prefer(t, bo, notify.Wish{QuietFrom: "17:00", QuietTo: "08:00"}) // it is 18:00 in Tokyo
		s := &server{}
		h := open(t, desk, s, false)
		tell(t, desk, notify.Urgent, "one", bo)
		optest.Clock(desk).Advance(14*time.Hour - time.Millisecond)
		h.run(t)
		if len(s.got) != 0 {
			t.Error("sent while it is quiet")
		}
		optest.Clock(desk).Advance(time.Millisecond)
		h.run(t)
		if len(s.got) != 1 {
			t.Error("not sent once it is over")
		}
	})
}

func TestPreferencesRefuse(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, c := range map[string]struct {
			w     notify.Wish
			field string
		}{
			"a kind there is not": {notify.Wish{Daily: []string{"gossip"}}, "daily"},
			"a kind twice":        {notify.Wish{Now: []string{"test_calm"}, Never: []string{"test_calm"}}, "never"},
			"no time":             {notify.Wish{DigestAt: "25:00"}, "digest_at"},
			"half a quiet time":   {notify.Wish{QuietFrom: "20:00"}, "quiet_to"},
		} {
			_, err := notify.Update.Do(t.Context(), desk, c.w)
			if f := fault.As(err); f == nil || f.Field != c.field {
				t.Errorf("%s: %v", name, err)
			}
		}
		prefer(t, desk, notify.Wish{})
		if _, err := notify.Update.Do(t.Context(), desk, notify.Wish{Version: 7}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("a stale change: %v", err)
		}
	})
}

func TestQuietAndDigestKeepTheClockOfTheZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	p := notify.Preference{QuietFrom: "22:00", QuietTo: "07:00", DigestAt: "08:00", DigestDay: 1}
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	for now, want := range map[string]string{ // summer time begins on 28 March 2027
		"2027-03-27 23:00": "2027-03-28 07:00", "2027-03-28 06:59": "2027-03-28 07:00", "2027-03-28 07:00": "2027-03-28 07:00", "2027-03-27 21:59": "2027-03-27 21:59",
	} {
		if got := notify.Loud(p, at(now), berlin); !got.Equal(at(want)) {
			t.Errorf("at %s it is loud from %s, want %s", now, got.In(berlin), want)
		}
	}
	for now, want := range map[string][2]string{
		"2027-03-27 08:00": {"2027-03-28 08:00", "2027-03-29 08:00"}, "2027-03-29 07:59": {"2027-03-29 08:00", "2027-03-29 08:00"}, "2027-03-29 08:00": {"2027-03-30 08:00", "2027-04-05 08:00"},
	} {
		daily, weekly := notify.Next(p, at(now), berlin, notify.Daily), notify.Next(p, at(now), berlin, notify.Weekly)
		if !daily.Equal(at(want[0])) || !weekly.Equal(at(want[1])) {
			t.Errorf("at %s: %s and %s, want %v", now, daily.In(berlin), weekly.In(berlin), want)
		}
	}
}

func TestTellRefusesACrowd(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, err := notify.TellAll.Do(t.Context(), desk, notify.Telling{Kind: notify.Calm, To: make([]id.User, 501)})
		if fault.KindOf(err) != fault.KindInvalid {
			t.Error(err)
		}
	})
}
