package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/notify/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
	"github.com/tickmark/tickmark/internal/tasks"
)

func give(t *testing.T, desk, to *op.Desk, title string) {
	t.Helper()
	if _, err := tasks.Create.Do(t.Context(), desk, tasks.Wish{Title: title, Owner: string(to.Actor.User)}); err != nil {
		t.Fatal(err)
	}
}

func TestTheInboxPutsUnreadFirst(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Employee)
		v := sitetest.New(t, desk.Engine, page.Routes()).As(bo)
		none := v.Get("/notices")
		none.Says("h1", "Nothing has been told to you.")
		none.Says("main", "No mail server is named")
		give(t, desk, bo, "First")
		give(t, desk, bo, "Second")
		x := v.Get("/notices")
		x.Says("h1", "Two notices are unread.")
		id := x.Attrs("#notices tbody input", "value")[1]
		v.Post("/notices/read", "id", id).LeadsTo("/notices")
		x = v.Get("/notices")
		rows := x.Texts("#notices tbody tr")
		if len(rows) != 2 || !strings.Contains(rows[0], "unread") || strings.Contains(rows[1], "unread") {
			t.Errorf("rows %q", rows)
		}
		if got := x.Attr(".tm-bell", "aria-label"); got != "1 unread notice" {
			t.Errorf("the bell says %q", got)
		}
		if v.Get("/notices?unread=1").Count("#notices tbody tr") != 1 || v.Get("/notices?kind=mention").Count("#notices tbody tr") != 0 {
			t.Error("the filters do not narrow the list")
		}
		upto := x.Attr("#read-all input[name=upto]", "value")
		v.Post("/notices/read", "all", "true", "upto", upto).LeadsTo("/notices")
		v.Get("/notices").Says("h1", "You have read everything.")
	})
}

func TestPreferencesAreKept(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/notices/preferences").Says("main", "This is what is usual.")
		v.Post("/notices/preferences", "kind_mention", "weekly", "digest_at", "07:30", "digest_day", "5", "quiet_from", "20:00", "quiet_to", "07:00", "version", "0").LeadsTo("/notices/preferences")
		x := v.Get("/notices/preferences")
		if x.Attr("select[name=kind_mention] option[selected]", "value") != "weekly" || x.Attr("input[name=quiet_from]", "value") != "20:00" {
			t.Errorf("kept %q, %q", x.Attr("select[name=kind_mention] option[selected]", "value"), x.Attr("input[name=quiet_from]", "value"))
		}
		wrong := v.Post("/notices/preferences", "digest_at", "8 o", "version", "1")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says(".tm-field-error", "Give a time of day as 20:00.")
		v.Post("/notices/preferences", "kind_mention", "sometimes", "version", "1").Is(http.StatusUnprocessableEntity)
	})
}

func TestAChannelIsAddedAndItsSecretShownOnce(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		v.Get("/settings/channels").Says("main", "No channels.")
		wrong := v.Post("/settings/channels/new", "kind", "webhook", "name", "Ours", "address", "ftp://x", "kinds", "mention")
		wrong.Is(http.StatusUnprocessableEntity)
		wrong.Says(".tm-field-error", "Give the address the service shows")
		made := v.Post("/settings/channels/new", "kind", "webhook", "name", "Ours", "address", "https://hooks.example.com/very-secret", "kinds", "mention")
		made.Says("main", "whsec_")
		list := v.Get("/settings/channels")
		list.Says("#channels", "hooks.example.com")
		at := list.Attr("#channels tbody a", "href")
		one := v.Get(at)
		for _, secret := range []string{"whsec_", "very-secret"} {
			if strings.Contains(one.Body+list.Body, secret) {
				t.Errorf("%s is shown again", secret)
			}
		}
		v.Post(at + "/test").LeadsTo(at + "#sent")
		v.Get(at).Says("#sent", "Waits")
		v.Post(at, "name", "Ours", "kinds", "mention", "state", "off", "version", "1").LeadsTo(at)
		off := v.Get(at)
		off.Says("h1", "It is off: turned off by Example Owner.")
		off.Says("#sent", "Given up")
		for _, act := range []string{"Channel added", "Channel tested", "Channel changed", "3 entries"} {
			off.Says("#timeline", act)
		}
		v.Post(at + "/test").Is(http.StatusConflict)
		v.Get(at+"/remove").Says("h1", "its address is forgotten")
		v.Post(at + "/remove").LeadsTo("/settings/channels")
		v.Get("/settings/letters").Says("h1", "Mail is not configured.")
		bo := optest.Member(t, desk, auth.Lead)
		sitetest.New(t, desk.Engine, page.Routes()).As(bo).Get("/settings/channels/new").Is(http.StatusForbidden)
	})
}
