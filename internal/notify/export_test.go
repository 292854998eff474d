package notify

import (
	"context"
	"net/netip"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/op"
)

// What tests do as the machine.
var (
	Send = op.Work("letters.create", "Send a letter.", auth.WorkWrite, func(c *op.Call, m mail.Message) (op.None, error) {
		return op.None{}, Letter(c, m)
	})
	TellAll = op.Work("notices.create", "Tell people.", auth.WorkWrite, func(c *op.Call, t Telling) (op.None, error) {
		return op.None{}, Tell(c, t.To, t.Kind, t.Notice)
	})
)

// Telling is the input of TellAll.
type Telling struct {
	To   []id.User
	Kind Kind
	Notice
}

// Kinds of notice that only tests know.
var (
	Urgent = Declare(Kind{Name: "test_urgent", Text: "It burns", Out: "It burns", Mail: Now})
	Calm   = Declare(Kind{Name: "test_calm", Text: "It can wait", Out: "It can wait", Mail: Daily})
)

func Public(a netip.Addr) bool { return public(a) }

func Loud(p Preference, now time.Time, zone *time.Location) time.Time { return p.loud(now, zone) }

func Next(p Preference, now time.Time, zone *time.Location, mode string) time.Time {
	return p.next(now, zone, mode)
}

func Post(address string, private bool) (status int64, err error) {
	return PostWithin(address, private, hookLimit)
}

// PostWithin makes one attempt of a length.
func PostWithin(address string, private bool, limit time.Duration) (status int64, err error) {
	o := newHooks(private, limit).post(context.Background(), address, nil, []byte("{}"))
	return o.status, o.err
}
