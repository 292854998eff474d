package notify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/mail"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// server is a mail server in memory; err is what it says to everything.
type server struct {
	mu   sync.Mutex
	err  error
	got  []mail.Message
	seen int
}

func (s *server) Send(_ context.Context, m mail.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	if s.err != nil {
		return s.err
	}
	s.got = append(s.got, m)
	return nil
}

func (s *server) say(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// house is a courier and the jobs that call it.
type house struct {
	*notify.Courier
	runner *job.Runner
}

func open(t *testing.T, desk *op.Desk, s mail.Sender, private bool) house {
	c := notify.NewCourier(desk.Engine, private)
	c.Sender, c.BaseURL = s, "https://tickmark.example"
	t.Cleanup(c.Close)
	return house{c, job.NewRunner(desk.Engine, c.Workers(), 4)}
}

// run does what is due now, until nothing is.
func (h house) run(t *testing.T) {
	t.Helper()
	for {
		n, err := h.runner.Drain(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h.Wait()
		if n == 0 {
			return
		}
	}
}

func send(t *testing.T, desk *op.Desk, m mail.Message) {
	t.Helper()
	if _, err := notify.Send.Do(t.Context(), desk, m); err != nil {
		t.Fatal(err)
	}
}

func sendings(t *testing.T, desk *op.Desk, channel string) []notify.Sending {
	t.Helper()
	p, err := notify.Letters.Do(t.Context(), desk, notify.LetterFilter{Channel: channel})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

// bodies counts the letters of which the text is still there.
func bodies(t *testing.T, desk *op.Desk) (n int) {
	t.Helper()
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		return tx.Each("SELECT body FROM letter WHERE org_id = ?", []any{desk.Org}, func(scan func(...any) error) error {
			var b []byte
			err := scan(&b)
			if len(b) > 0 {
				n++
			}
			if strings.Contains(string(b), "walnuts") {
				t.Error("the text of a letter lies in the row as it is")
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var letter = mail.Message{To: "ana@larchmere.example", Subject: "Come in", Text: "Your walnuts: " + notify.Base + "/join"}

func TestLetterIsSentOnceAndForgotten(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := &server{}
		h := open(t, desk, s, false)
		send(t, desk, letter)
		if bodies(t, desk) != 1 {
			t.Error("the text is not kept until the letter is sent")
		}
		h.run(t)
		optest.Clock(desk).Advance(2 * time.Minute) // whoever looks again when the lease is over finds nothing
		h.run(t)
		want := []mail.Message{{To: letter.To, Subject: letter.Subject, Text: "Your walnuts: https://tickmark.example/join"}}
		if diff := cmp.Diff(want, s.got); diff != "" {
			t.Errorf("sent (-want +got):\n%s", diff)
		}
		if bodies(t, desk) != 0 {
			t.Error("the text is kept after the letter was sent")
		}
		if l := sendings(t, desk, ""); len(l) != 1 || l[0].State != notify.Sent || l[0].To != "a…@larchmere.example" || l[0].Settled.IsZero() {
			t.Errorf("on record: %+v", l)
		}
	})
}

func TestLetterSurvivesADeadServerForADay(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := &server{err: errors.New("connection\r\nrefused\x1b[31m")}
		h := open(t, desk, s, false)
		send(t, desk, letter)
		h.run(t)
		l := sendings(t, desk, "")[0]
		if l.State != notify.Waiting || l.Tries != 1 || l.Problem != "connection refused [31m" || !l.Next.Equal(optest.Start.Add(time.Minute)) {
			t.Errorf("after one failure: %+v", l)
		}
		for range 30 * 60 { // minutes
			optest.Clock(desk).Advance(time.Minute)
			if l := sendings(t, desk, "")[0]; l.State == notify.Waiting && !l.Next.After(desk.Clock.Now()) {
				h.run(t)
			}
		}
		l = sendings(t, desk, "")[0]
		if l.State != notify.GivenUp || l.Problem == "" || l.Settled.After(optest.Start.Add(24*time.Hour)) || bodies(t, desk) != 0 {
			t.Errorf("after a day: %+v, %d texts kept", l, bodies(t, desk))
		}
		if s.seen < 8 || s.seen > 20 {
			t.Errorf("tried %d times in a day", s.seen)
		}
	})
}

func TestLetterGoesOnceTheServerIsBack(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s := &server{err: errors.New("greylisted")}
		h := open(t, desk, s, false)
		for range 5 {
			send(t, desk, letter)
		}
		h.run(t)
		if s.seen >= 15 {
			t.Errorf("a server that refuses was asked %d times at once", s.seen)
		}
		s.say(nil)
		for range 10 {
			optest.Clock(desk).Advance(time.Minute)
			h.run(t)
		}
		if len(s.got) != 5 {
			t.Errorf("%d letters arrived, want 5", len(s.got))
		}
	})
}

func TestLetterWaitsForAServerToBeNamed(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		h := open(t, desk, nil, false)
		send(t, desk, letter)
		h.run(t)
		if l := sendings(t, desk, "")[0]; l.State != notify.Waiting || l.Tries != 0 {
			t.Errorf("without a server: %+v", l)
		}
		s := &server{} // the next start has one
		next := open(t, desk, s, false)
		if err := next.Rouse(t.Context()); err != nil {
			t.Fatal(err)
		}
		next.Wait()
		if len(s.got) != 1 {
			t.Errorf("%d letters sent after the start", len(s.got))
		}
		send(t, desk, letter)
		optest.Clock(desk).Advance(25 * time.Hour)
		if err := h.Rouse(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.Wait()
		var states []string
		for _, l := range sendings(t, desk, "") {
			states = append(states, l.State)
		}
		slices.Sort(states)
		if diff := cmp.Diff([]string{notify.GivenUp, notify.Sent}, states); diff != "" || bodies(t, desk) != 0 {
			t.Errorf("a day later, still without (-want +got):\n%s", diff)
		}
	})
}

func TestLetterRefuses(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for name, m := range map[string]mail.Message{
			"no address":       {To: "ana", Subject: "x", Text: "x"},
			"two addresses":    {To: "ana@a.example, bo@a.example", Subject: "x", Text: "x"},
			"a further header": {To: "ana@a.example\r\nBcc: all@a.example", Subject: "x", Text: "x"},
			"too long":         {To: "ana@a.example", Subject: "x", Text: strings.Repeat("x", 70_000)},
		} {
			if _, err := notify.Send.Do(t.Context(), desk, m); err == nil {
				t.Errorf("%s: is taken", name)
			}
		}
		if l := sendings(t, desk, ""); len(l) != 0 {
			t.Errorf("refused letters are in line: %v", l)
		}
	})
}
