package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/tasks"
)

// worked: a task that comes again is added, spoken about, done; whoever is
// mentioned hears of it, and so does a channel.
func worked(j *trip) {
	secret := j.channel()
	title := j.named("Review the accounts")
	const submit = "main form.tm-form button[type=submit]:not([name])"
	j.at("/tasks/new")
	j.follow(submit)
	j.Wait(".tm-errors")
	j.fair("a task of no title")
	j.fill("[name=title]", title)
	j.fill("[name=due]", time.Now().UTC().AddDate(0, 0, 7).Format(time.DateOnly))
	j.fill("[name=unit]", "month")
	j.follow(submit)
	j.WaitURL("/tasks/tsk_")
	j.fair("a task")
	at := j.URL()
	j.fill("#comments textarea", "@"+mailOf(auth.Lead)+" shall we do this together?")
	j.follow("#comments button[type=submit]")
	j.WaitText("#comments", "told: Elin Sandberg")
	j.fair("a comment")

	other := j.with(auth.Lead)
	other.at("/notices")
	other.Wait(".tm-bell-new")
	other.holds("main tbody", who.name)
	other.at("/notices/preferences")
	other.fill("[name=kind_mention]", "daily")
	other.fill("[name=digest_at]", "09:30")
	other.follow(submit)
	other.fair("how one is told")
	if got := other.value("document.querySelector('[name=digest_at]').value"); got != "09:30" {
		j.t.Errorf("the digest goes at %s", got)
	}

	j.Goto(at)
	j.follow("button[form=complete]")
	j.fair("a task that was done")
	j.at("/tasks?state=done")
	j.holds("main tbody", title)
	j.at("/tasks")
	j.holds("main tbody", title) // the next one
	late := j.named("Long ago")
	do(j.t, j.desk, tasks.Create, tasks.Wish{Title: late, Owner: string(j.desk.Actor.User), Due: time.Now().UTC().AddDate(0, 0, -3).Format(time.DateOnly)})
	j.at("/tasks")
	j.follow(".tm-filters a[href*='overdue=']")
	j.fair("what is overdue")
	j.holds("main tbody", late)
	j.holds("main tbody", "Overdue")
	j.delivered(secret)
}

// channel adds a webhook and is given its secret.
func (j *trip) channel() string {
	j.t.Helper()
	j.at("/settings/channels/new")
	const submit = "main form.tm-form button[type=submit]:not([name])"
	j.press("[name=kind][value=webhook]")
	j.follow(submit)
	j.Wait(".tm-errors")
	j.fair("a channel without an address")
	j.fill("[name=name]", j.named("desk"))
	j.fill("[name=address]", j.hook.url+"/"+j.name)
	j.press("[name=kinds][value=mention]")
	j.follow(submit)
	j.WaitText("main h1", "shown once")
	j.fair("the secret of a channel")
	secret := j.Text("main pre")
	j.follow("main a[href^='/settings/channels/']")
	j.follow("button[form=try]")
	j.fair("a channel")
	return secret
}

// delivered waits for what the channel was told and checks that it is signed.
func (j *trip) delivered(secret string) {
	j.t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(secret), "whsec_"))
	if err != nil {
		j.t.Fatalf("the secret is %q: %v", secret, err)
	}
	mentions := 0
	for mentions == 0 {
		select {
		case p := <-j.hook.got:
			if p.path != "/"+j.name {
				continue
			}
			m := hmac.New(sha256.New, key)
			m.Write([]byte(p.head.Get("Webhook-Id") + "." + p.head.Get("Webhook-Timestamp") + "." + string(p.body)))
			if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); p.head.Get("Webhook-Signature") != want {
				j.t.Errorf("signed is %s, want %s", p.head.Get("Webhook-Signature"), want)
			}
			if strings.Contains(string(p.body), `"mention"`) {
				mentions++
			}
			if strings.Contains(string(p.body), "shall we do this") {
				j.t.Errorf("a channel hears what was said: %s", p.body)
			}
		case <-time.After(20 * time.Second):
			j.t.Fatal("the channel was told nothing")
		}
	}
}
