package notify

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/op"
)

// States of a channel.
const (
	On  = "on"
	Off = "off"
)

// maxChannels bounds those of one organization.
const maxChannels = 10

// Silent is told to those who keep the channels.
var Silent = Declare(Kind{Name: "channel_off", Text: "A channel is turned off because it does not answer", Out: "A channel was turned off", Mail: Now})

const testKind = "test"

// An Outlet is a channel as its keeper sees it. Its address is a secret and is
// not shown again; its host is.
type Outlet struct {
	ID      id.Channel `json:"id"`
	Kind    string     `json:"kind"`
	Name    string     `json:"name"`
	Host    string     `json:"host"`
	Kinds   []string   `json:"kinds"`
	State   string     `json:"state"`
	Failing time.Time  `json:"failing,omitzero"` // since when it has not answered
	Reason  string     `json:"reason,omitempty"` // why it is off
	Version int64      `json:"version"`
	Created time.Time  `json:"created"`
}

const (
	channelColumns = "id, kind, name, host, kinds, state, failing, reason, version, created"
	insertChannel  = "INSERT INTO channel (org_id, " + channelColumns + ", address, secret) VALUES (?, ?, ?, ?, ?, ?, 'on', 0, '', 1, ?, ?, ?)"
	selectChannel  = "SELECT " + channelColumns + " FROM channel WHERE org_id = ? AND id = ?"
	selectChannels = "SELECT " + channelColumns + " FROM channel WHERE org_id = ? ORDER BY id"
	updateChannel  = "UPDATE channel SET name = ?, kinds = ?, state = ?, failing = ?, reason = ?, version = version + 1 WHERE org_id = ? AND id = ? AND version = ?"
	deleteChannel  = "DELETE FROM channel WHERE org_id = ? AND id = ?"
	markFailing    = "UPDATE channel SET failing = ? WHERE org_id = ? AND id = ? AND failing = 0"
	markAnswering  = "UPDATE channel SET failing = 0 WHERE org_id = ? AND id = ? AND failing <> 0"
	turnOff        = "UPDATE channel SET state = 'off', reason = ?, version = version + 1 WHERE org_id = ? AND id = ? AND state = 'on'"
	dropLetters    = "UPDATE letter SET state = 'given_up', body = ?, problem = ?, settled = ? WHERE org_id = ? AND channel_id = ? AND state = 'waiting'"
)

func scanOutlet(scan func(...any) error, o *Outlet) error {
	var (
		list             string
		failing, created int64
	)
	err := scan(&o.ID, &o.Kind, &o.Name, &o.Host, &list, &o.State, &failing, &o.Reason, &o.Version, &created)
	if err != nil {
		return err
	}
	o.Failing, o.Created = clock.FromMillis(failing), clock.FromMillis(created)
	return json.Unmarshal([]byte(list), &o.Kinds)
}

func channels(c *op.Call, _ op.None) (op.Page[Outlet], error) {
	rows, err := db.Rows(c.Tx, selectChannels, []any{c.Org}, scanOutlet)
	return op.Page[Outlet]{Items: rows, Total: int64(len(rows))}, err
}

// ChannelRef names a channel.
type ChannelRef struct {
	ID string `json:"id" doc:"The channel's id, chn_…."`
}

func channel(c *op.Call, in ChannelRef) (Outlet, error) {
	ch, err := id.Parse[id.Channel](in.ID)
	if err != nil {
		return Outlet{}, err
	}
	rows, err := db.Rows(c.Tx, selectChannel, []any{c.Org, ch}, scanOutlet)
	if err == nil && len(rows) == 0 {
		err = fault.NotFound("no channel %s", ch)
	}
	if err != nil {
		return Outlet{}, err
	}
	return rows[0], nil
}

// NewChannel is a channel to add.
type NewChannel struct {
	Kind    string   `json:"kind" enum:"slack,teams,webhook" doc:"What listens at the address."`
	Name    string   `json:"name" minLength:"1" maxLength:"100" doc:"What you call it, such as: #security."`
	Address string   `json:"address" secret:"true" minLength:"1" maxLength:"1000" doc:"The address the service shows. Who knows it can write there, so it is kept sealed and not shown again."`
	Kinds   []string `json:"kinds" minItems:"1" maxItems:"100" doc:"The kinds of notice that go there."`
}

// GrantedChannel carries the secret of a webhook, this once.
type GrantedChannel struct {
	Outlet
	Secret string `json:"secret,omitempty" secret:"true"`
}

func addressContext(ch id.Channel) string { return "channel/" + string(ch) + "/address" }
func secretContext(ch id.Channel) string  { return "channel/" + string(ch) + "/secret" }

func connect(c *op.Call, in NewChannel) (GrantedChannel, error) {
	var none GrantedChannel
	u, err := hooks{}.checkAddress(strings.TrimSpace(in.Address))
	if err != nil {
		return none, err
	}
	list, err := known(in.Kinds)
	if err != nil {
		return none, err
	}
	have, err := channels(c, op.None{})
	if err != nil {
		return none, err
	}
	if len(have.Items) >= maxChannels {
		return none, fault.Conflict("There are %d channels; an organization has at most %d. Remove one first.", len(have.Items), maxChannels)
	}
	o := Outlet{ID: id.New[id.Channel](c.Now), Kind: in.Kind, Name: strings.TrimSpace(in.Name), Host: u.Hostname(), Kinds: list, State: On, Version: 1, Created: c.Now}
	if o.Name == "" {
		return none, fault.Invalid("name", "give the channel a name")
	}
	address, err := c.Vault.Seal(c, c.Org, addressContext(o.ID), []byte(u.String()))
	if err != nil {
		return none, err
	}
	out, secret := GrantedChannel{Outlet: o}, []byte{}
	if in.Kind == Webhook {
		key := make([]byte, 32)
		rand.Read(key)
		out.Secret = SecretPrefix + base64.StdEncoding.EncodeToString(key)
		if secret, err = c.Vault.Seal(c, c.Org, secretContext(o.ID), []byte(out.Secret)); err != nil {
			return none, err
		}
	}
	c.Note("id", string(o.ID))
	c.Note("host", o.Host)
	names, err := json.Marshal(o.Kinds)
	if err != nil {
		return none, err
	}
	_, err = c.Tx.Exec(insertChannel, c.Org, o.ID, o.Kind, o.Name, o.Host, string(names), clock.Millis(o.Created), address, secret)
	return out, err
}

// known checks names of kinds.
func known(names []string) ([]string, error) {
	out := []string{}
	for _, n := range names {
		if n = strings.TrimSpace(n); n == "" || slices.Contains(out, n) {
			continue
		}
		if !slices.ContainsFunc(kinds, func(k Kind) bool { return k.Name == n }) {
			return nil, fault.Invalid("kinds", "%q is no kind of notice; the kinds are %s", n, strings.Join(kindNames(), ", "))
		}
		out = append(out, n)
	}
	slices.Sort(out)
	return out, nil
}

func kindNames() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.Name
	}
	return out
}

// ChannelChange changes a channel.
type ChannelChange struct {
	ID      string   `json:"id" doc:"The channel's id, chn_…."`
	Name    string   `json:"name" minLength:"1" maxLength:"100" doc:"What you call it."`
	Kinds   []string `json:"kinds" maxItems:"100" doc:"The kinds of notice that go there."`
	State   string   `json:"state" enum:"on,off" doc:"Whether anything is sent there."`
	Version int64    `json:"version" doc:"The version that was read."`
}

func change(c *op.Call, in ChannelChange) (Outlet, error) {
	o, err := channel(c, ChannelRef{in.ID})
	if err != nil {
		return Outlet{}, err
	}
	list, err := known(in.Kinds)
	if err != nil {
		return Outlet{}, err
	}
	reason, failing := "", int64(0)
	if in.State == Off {
		if reason = o.Reason; o.State == On {
			reason = "turned off by " + c.Actor.Name
		}
	}
	names, err := json.Marshal(list)
	if err != nil {
		return Outlet{}, err
	}
	n, err := c.Tx.Exec(updateChannel, strings.TrimSpace(in.Name), string(names), in.State, failing, reason, c.Org, o.ID, in.Version)
	if err == nil && n == 0 {
		stale := fault.Conflict("The channel was changed since you read it.")
		stale.Current = o
		err = stale
	}
	if err == nil && in.State == Off {
		_, err = c.Tx.Exec(dropLetters, []byte{}, reason, clock.Millis(c.Now), c.Org, o.ID)
	}
	if err != nil {
		return Outlet{}, err
	}
	return channel(c, ChannelRef{in.ID})
}

func disconnect(c *op.Call, in ChannelRef) (op.None, error) {
	o, err := channel(c, in)
	if err != nil {
		return op.None{}, err
	}
	if _, err := c.Tx.Exec(dropLetters, []byte{}, "the channel was removed", clock.Millis(c.Now), c.Org, o.ID); err != nil {
		return op.None{}, err
	}
	_, err = c.Tx.Exec(deleteChannel, c.Org, o.ID)
	return op.None{}, err
}

func try(c *op.Call, in ChannelRef) (Outlet, error) {
	o, err := channel(c, in)
	if err != nil {
		return Outlet{}, err
	}
	if o.State == Off {
		return Outlet{}, fault.Conflict("%s is turned off. Turn it on first.", o.Name)
	}
	return o, inform(c, o, told{Kind: testKind, Object: string(o.ID), Link: "/settings/channels/" + string(o.ID), At: c.Now})
}

// inform puts a letter to a channel in line.
func inform(c *op.Call, o Outlet, t told) error {
	return enclose(c, envelope{channel: o.ID, kind: t.Kind, recipient: o.Host, at: c.Now}, t)
}

// broadcast tells the channels that want this kind.
func broadcast(c *op.Call, k Kind, n Notice) error {
	all, err := db.Rows(c.Tx, selectChannels, []any{c.Org}, scanOutlet)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.State == On && slices.Contains(o.Kinds, k.Name) {
			if err := inform(c, o, told{Kind: k.Name, Object: n.Object, Link: n.Link, At: c.Now}); err != nil {
				return err
			}
		}
	}
	return nil
}

// heard remembers since when a channel has not answered.
func heard(tx *db.Tx, p place, ok bool, now time.Time) error {
	if ok {
		_, err := tx.Exec(markAnswering, p.org, p.Channel)
		return err
	}
	_, err := tx.Exec(markFailing, clock.Millis(now), p.org, p.Channel)
	return err
}

// silence turns a channel off that has not answered since before the letter was
// written that is now given up, or that wants nothing any more.
func (c *Courier) silence(ctx context.Context, p place, l due, out outcome) error {
	desk := c.Machine(p.org, "letters", auth.WorkWrite)
	_, err := fail.Do(ctx, desk, failure{Channel: p.Channel, Letter: l.ID, Written: l.created, Gone: out.gone, Reason: reason(out.err)})
	if errors.Is(err, errAnswers) {
		return nil
	}
	return err
}

type failure struct {
	Channel id.Channel `json:"channel"`
	Letter  id.Letter  `json:"letter"`
	Written time.Time  `json:"written"`
	Gone    bool       `json:"gone,omitempty"`
	Reason  string     `json:"reason"`
}

// errAnswers leaves the channel as it is.
var errAnswers = fault.Conflict("the channel answers, or is off already")

var fail = op.Work("channels.fail", "Turn a channel off that has not answered for days.", auth.WorkWrite, func(c *op.Call, in failure) (op.None, error) {
	o, err := channel(c, ChannelRef{string(in.Channel)})
	if fault.KindOf(err) == fault.KindNotFound {
		return op.None{}, errAnswers
	}
	if err != nil {
		return op.None{}, err
	}
	// The schedule of a letter takes three days: a channel that answered
	// anything since then is not silent.
	silent := !o.Failing.IsZero() && o.Failing.Before(in.Written.Add(time.Minute))
	if o.State == Off || !in.Gone && !silent {
		return op.None{}, errAnswers
	}
	if _, err := c.Tx.Exec(turnOff, in.Reason, c.Org, o.ID); err != nil {
		return op.None{}, err
	}
	if _, err := c.Tx.Exec(dropLetters, []byte{}, "the channel was turned off", clock.Millis(c.Now), c.Org, o.ID); err != nil {
		return op.None{}, err
	}
	members, err := auth.Members(c.Tx, c.Org)
	if err != nil {
		return op.None{}, err
	}
	var to []id.User
	for _, m := range members {
		if (auth.Actor{Roles: m.Roles}).May(auth.OrgWrite) || slices.Contains(m.Roles, auth.Lead) {
			to = append(to, m.ID)
		}
	}
	return op.None{}, Tell(c, to, Silent, Notice{Text: "The channel " + o.Name + " is turned off: " + in.Reason,
		Link: "/settings/channels/" + string(o.ID), Object: string(o.ID)})
})
