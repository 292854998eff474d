package app_test

import (
	"fmt"
	"maps"

	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/tasks"
)

// at is where somebody of the tenant sits; nobody named means the owner.
func (x *tenant) at(who *op.Desk) *op.Desk {
	if who == nil || who.Org != x.desk.Org {
		return x.desk
	}
	return who
}

// task is an open task that somebody added, and so may act on.
func (x *tenant) task(who *op.Desk) string {
	x.t.Helper()
	made, err := tasks.Create.Do(x.t.Context(), x.at(who), tasks.Wish{Title: fmt.Sprintf("Task %d of %s", x.next(), x.mark), Due: "2026-12-31"})
	x.must(err)
	return string(made.ID)
}

// said is a comment that somebody made.
func (x *tenant) said(who *op.Desk) string {
	x.t.Helper()
	made, err := tasks.Say.Do(x.t.Context(), x.at(who), tasks.Saying{Object: x.task(who), Text: "Said by " + x.mark})
	x.must(err)
	return string(made.ID)
}

// told is a notice that somebody has not read.
func (x *tenant) told(who *op.Desk) string {
	x.t.Helper()
	d := x.at(who)
	machine := d.Machine(d.Org, "test", "work:write")
	_, err := tasks.Create.Do(x.t.Context(), machine, tasks.Wish{Title: fmt.Sprintf("Given %d by %s", x.next(), x.mark), Owner: string(d.Actor.User)})
	x.must(err)
	list, err := notify.List.Do(x.t.Context(), d, notify.Filter{Unread: true, Limit: 1})
	x.must(err)
	return string(list.Items[0].ID)
}

// channel is one of the tenant's, or of its firm's. It makes one, and keeps
// within what an organization may have.
func (x *tenant) channel() string {
	x.t.Helper()
	for _, o := range do(x.t, x, notify.Channels, op.None{}).Items {
		do(x.t, x, notify.Unconnect, notify.ChannelRef{ID: string(o.ID)})
	}
	made := do(x.t, x, notify.Connect, notify.NewChannel{Kind: notify.Slack, Name: "Channel of " + x.mark, Address: "https://hooks.example.com/" + x.mark, Kinds: []string{"mention"}})
	return string(made.ID)
}

func init() {
	task := func(x *tenant, who *op.Desk) input { return input{"id": x.task(who)} }
	several := func(x *tenant, who *op.Desk) input { return input{"ids": []string{x.task(who)}} }
	said := func(x *tenant, who *op.Desk) input { return input{"id": x.said(who)} }
	channel := func(x *tenant, _ *op.Desk) input { return input{"id": x.channel()} }
	wish := func(x *tenant, who *op.Desk) input {
		return input{"title": "Wished by " + x.mark, "owner": x.ids["owner"], "due": "2026-12-01", "object": x.task(who), "escalate": 3, "escalate_to": x.ids["owner"]}
	}
	maps.Copy(examples, map[string]func(*tenant, *op.Desk) input{
		"tasks.list":   nothing,
		"tasks.get":    task,
		"tasks.create": wish,
		"tasks.update": func(x *tenant, who *op.Desk) input {
			in := wish(x, who)
			in["id"], in["version"] = x.task(who), 1
			return in
		},
		"tasks.complete": several,
		"tasks.drop": func(x *tenant, who *op.Desk) input {
			return input{"id": x.task(who), "reason": "Not needed by " + x.mark}
		},
		"tasks.reopen": func(x *tenant, who *op.Desk) input {
			t := x.task(who)
			_, err := tasks.Complete.Do(x.t.Context(), x.at(who), tasks.Choice{IDs: []string{t}})
			x.must(err)
			return input{"id": t}
		},
		"tasks.assign": func(x *tenant, who *op.Desk) input {
			return input{"ids": []string{x.task(who)}, "owner": x.ids["owner"]}
		},
		"tasks.reschedule": func(x *tenant, who *op.Desk) input {
			return input{"ids": []string{x.task(who)}, "due": "2027-01-31"}
		},
		"comments.list":     func(x *tenant, who *op.Desk) input { return input{"object": x.task(who)} },
		"comments.get":      said,
		"comments.mentions": nothing,
		"comments.create":   func(x *tenant, who *op.Desk) input { return input{"object": x.task(who), "text": "Said by " + x.mark} },
		"comments.edit":     func(x *tenant, who *op.Desk) input { return input{"id": x.said(who), "text": "Changed by " + x.mark} },
		"comments.remove":   said,
		"notices.list":      nothing,
		"notices.count":     nothing,
		"notices.read":      func(x *tenant, who *op.Desk) input { return input{"ids": []string{x.told(who)}} },
		"preferences.get":   nothing,
		"preferences.update": func(x *tenant, who *op.Desk) input {
			p, err := notify.Get.Do(x.t.Context(), x.at(who), op.None{})
			x.must(err)
			return input{"digest_at": "07:30", "version": p.Version}
		},
		"channels.list": nothing,
		"channels.get":  channel,
		"channels.create": func(x *tenant, _ *op.Desk) input {
			x.channel()
			return input{"kind": "webhook", "name": "New of " + x.mark, "address": "https://hooks.example.com/" + x.mark, "kinds": []string{"mention"}}
		},
		"channels.update": func(x *tenant, _ *op.Desk) input {
			return input{"id": x.channel(), "name": "Renamed by " + x.mark, "kinds": []string{"comment"}, "state": "on", "version": 1}
		},
		"channels.remove": channel,
		"channels.test":   channel,
		"letters.list":    func(x *tenant, _ *op.Desk) input { return input{"channel": x.channel()} },
	})
	maps.Copy(acts, map[string]string{
		"POST /tasks/bulk":                    "tasks.complete",
		"POST /tasks/new":                     "tasks.create",
		"POST /tasks/{id}/edit":               "tasks.update",
		"POST /tasks/{id}/complete":           "tasks.complete",
		"POST /tasks/{id}/reopen":             "tasks.reopen",
		"POST /tasks/{id}/drop":               "tasks.drop",
		"POST /comments":                      "comments.create",
		"POST /comments/{id}/edit":            "comments.edit",
		"POST /comments/{id}/remove":          "comments.remove",
		"POST /notices/read":                  "notices.read",
		"POST /notices/preferences":           "preferences.update",
		"POST /settings/channels/new":         "channels.create",
		"POST /settings/channels/{id}":        "channels.update",
		"POST /settings/channels/{id}/test":   "channels.test",
		"POST /settings/channels/{id}/remove": "channels.remove",
	})
}
