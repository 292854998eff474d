package page_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/controls"
	"github.com/tickmark/tickmark/internal/evidence/page"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/site/sitetest"
)

func TestSensitiveDataAreShownAndRedactedBeforeAnybodyReadsThem(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		author := optest.Member(t, desk, auth.ControlOwner)
		f := file{"cards.csv", "text/csv", "user,card\nann,4111 1111 1111 1111\n"}
		fields := []string{"title", "Accounts", "origin", "shop", "level", "4"}
		res := upload(t, author, f, fields...)
		if res.Code != http.StatusUnprocessableEntity && res.Code != http.StatusBadRequest || !strings.Contains(res.Body.String(), "number of a payment card") || strings.Contains(res.Body.String(), "4111 1111") {
			t.Fatalf("status %d\n%s", res.Code, res.Body)
		}
		res = upload(t, author, f, append(fields, "original", "true")...)
		path := res.Header().Get("Location")
		if !strings.HasSuffix(path, "/redact") {
			t.Fatalf("status %d to %q\n%s", res.Code, path, res.Body)
		}
		at := strings.TrimSuffix(path, "/redact")
		v := sitetest.New(t, desk.Engine, page.Routes()).As(author)
		p := v.Get(path)
		p.Says("h1", "One place in it may hold what should not be there.")
		if p.Count(`input[name=spans][checked]`) != 1 || strings.Contains(p.Body, "4111 1111") {
			t.Error("the place is not chosen, or is shown")
		}
		if r := v.Get(at); strings.Contains(r.Body, "4111 1111") {
			t.Error("the original is shown to whoever reads evidence")
		}
		if got := v.Get(at + "/bytes"); got.Status != http.StatusForbidden {
			t.Errorf("its bytes: status %d", got.Status)
		}
		lead := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		got := lead.Post(at+"/original", "reason", "the auditor asked")
		if !strings.Contains(got.Body, "4111 1111") || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("the original is not handed out: %d", got.Status)
		}
		if got := v.Post(at+"/original", "reason", "curious"); got.Status != http.StatusForbidden {
			t.Errorf("opened without the right: %d", got.Status)
		}
	})
}

func TestHandedInEvidenceIsReviewedAndDueAgain(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		adopted, err := controls.Adopt.Do(t.Context(), desk, controls.Adoption{Codes: []string{"IAM-02"}})
		if err != nil {
			t.Fatal(err)
		}
		author := optest.Member(t, desk, auth.ControlOwner)
		res := upload(t, author, file{"a.txt", "text/plain", "a"}, "title", "Accounts", "origin", "shop", "level", "5", "controls", string(adopted.Items[0].ID), "pasted", "")
		at := res.Header().Get("Location")
		v := sitetest.New(t, desk.Engine, page.Routes()).As(desk)
		p := v.Get(at)
		p.Says("#remarks", "EV01")
		p.Says("#controls", "IAM-02")
		bad := v.Post(at+"/review", "decision", "returned")
		bad.Says("#review", "Name at least one reason")
		if r := v.Post(at+"/review", "decision", "returned", "codes", "EV01", "codes", "EV13", "words", "Show the address.", "task", "true"); r.Status != http.StatusSeeOther {
			t.Fatalf("status %d\n%s", r.Status, r.Body)
		}
		p = v.Get(at)
		p.Says("#review", "Returned by")
		p.Says("#review", "Show the address.")
		v.Get("/evidence?f.state=returned").Says("#records tbody", "Accounts")
		v.Get("/evidence?f.state=remarks").Says("#records tbody", "Accounts")
		v.Get("/evidence/due").Says("h1", "One control has no evidence within the rhythm.")
		v.Get("/evidence/due?f.state=overdue").Says("#due tbody", "IAM-02")
		res = upload(t, author, file{}, "title", "Words", "origin", "chat", "level", "5", "pasted", "what was said")
		pasted := v.Get(res.Header().Get("Location"))
		pasted.Says("#content pre", "what was said")
		if mine := sitetest.New(t, desk.Engine, page.Routes()).As(author).Get(at); mine.Count("#judge") != 0 {
			t.Error("the author is offered a review of their own")
		}
		ticket := sitetest.New(t, desk.Engine, page.Routes()).As(author).Post("/evidence/capture")
		if ticket.Status != http.StatusSeeOther {
			t.Fatalf("status %d", ticket.Status)
		}
		sitetest.New(t, desk.Engine, page.Routes()).As(author).Get(ticket.Header.Get("Location")).Says("h1", "Ticket ")
	})
}

func TestSeveralFilesAreSeveralRecords(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		fields := []string{"title", "Screens", "origin", "console", "level", "5"}
		for _, name := range []string{"a.txt", "b.txt"} {
			sealed, err := desk.Vault.Store(t.Context(), desk.Org, []byte("bytes of "+name), desk.Clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			fields = append(fields, "blob", sealed.Address, "name", name, "media_type", "text/plain")
		}
		if res := upload(t, desk, file{}, fields...); res.Header().Get("Location") != "/evidence" {
			t.Fatalf("status %d\n%s", res.Code, res.Body)
		}
		p := sitetest.New(t, desk.Engine, page.Routes()).As(desk).Get("/evidence")
		p.Says("#records tbody", "Screens: a.txt")
		p.Says("#records tbody", "Screens: b.txt")
	})
}
