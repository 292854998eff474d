package e2e_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/e2e/browser"
	"github.com/tickmark/tickmark/internal/assess"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/conf"
	"github.com/tickmark/tickmark/internal/mail/mailtest"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
)

// A look is the device somebody sits at. By day it is a desk with a keyboard and
// nothing else; by night a phone and a thumb.
type look struct {
	name          string
	width, height int
	phone         bool
}

var looks = []look{{"desk", 1440, 900, false}, {"phone", 390, 844, true}}

// world is one settled installation that the journeys share, with what lies
// around it: a mail server and a receiver of channels.
type world struct {
	*server
	b     *browser.Browser
	desk  *op.Desk
	mail  *mailtest.Sink
	hook  *receiver
	seats map[string]*visitor
}

// trip is one journey at one device. The same steps are done with the keys at
// the desk and with the thumb on the phone.
type trip struct {
	keys
	*world
	look
}

// TestJourneys does what people come to do, screen by screen.
func TestJourneys(t *testing.T) {
	wanted(t)
	offer := assess.Offer{Git: repository(t), Host: true}
	w := &world{mail: mailtest.New(t, nil, false), hook: receive(t), seats: map[string]*visitor{}}
	c := conf.Config{Outside: conf.Outside{AllowPrivateWebhooks: true}, Mail: conf.Mail{SMTP: fmt.Sprintf("smtp://127.0.0.1:%d", w.mail.Port), MailFrom: "Tickmark <tickmark@example.com>"}}
	at := conf.Server{Listen: free(t)} // letters say where they lead
	at.BaseURL = "http://" + at.Listen
	w.server = serveAs(t, c, at, offer).begin(t).settle(t, offer)
	desk, err := w.Desk(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	w.desk, w.b = desk, browser.Start(t)
	for _, x := range []struct {
		name string
		go_  func(*trip)
	}{
		{"lists", lists},
		{"help", helped},
		{"asof", past},
		{"sources", connected},
		{"ingest", handed},
		{"rules", ruled},
		{"checks", checked},
		{"evidence", shown},
		{"assets", kept},
		{"tasks", worked},
		{"members", joined},
	} {
		for _, l := range looks {
			t.Run(x.name+" at a "+l.name, func(t *testing.T) { x.go_(w.trip(t, auth.Owner, l)) })
		}
	}
}

// free is an address of this machine at which nothing listens.
func free(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// actor is the desk of the member with a role.
func (j *trip) actor(role auth.Role) *op.Desk {
	j.t.Helper()
	desk, email := *j.desk, mailOf(role)
	for _, m := range do(j.t, j.desk, orgs.Members, op.None{}).Items {
		if m.Email == email {
			desk.Actor = auth.Actor{User: m.ID, Name: m.Name, Email: m.Email, Roles: m.Roles, Via: "api"}
		}
	}
	return &desk
}

// mailOf is the address of the member with a role.
func mailOf(role auth.Role) string {
	for _, c := range colleagues {
		if c.Role == string(role) {
			return c.Email
		}
	}
	return who.email
}

// trip opens a page at a device, as the member with a role.
func (w *world) trip(t *testing.T, role auth.Role, l look) *trip {
	t.Helper()
	email := mailOf(role)
	v := w.seats[email]
	if v == nil {
		v = w.visitor(t)
		v.post("/sign-in", "email", email, "password", who.password, "to", "/settings")
		v.at("/settings")
		w.seats[email] = v
	}
	p := w.b.Page(t)
	v.t = t
	for _, c := range v.cookies() {
		p.Cookie(w.url, c)
	}
	p.Emulate(l.width, l.height, l.phone, l.phone)
	return &trip{keys{p, t}, w, l}
}

// with is the same journey gone on by somebody else, at the same device.
func (j *trip) with(role auth.Role) *trip {
	j.t.Helper()
	return j.world.trip(j.t, role, j.look)
}

// named makes a name that the other device's journey does not use.
func (j *trip) named(s string) string { return s + " at a " + j.name }

// at opens a page of the installation.
func (j *trip) at(path string) {
	j.t.Helper()
	j.Goto(j.url + path)
}

// fair fails for what axe finds on the page as it stands.
func (j *trip) fair(where string) {
	j.t.Helper()
	if j.phone { // the bar at the bottom covers nothing that scrolling would not uncover
		phone(j.Page, j.width, true)
		defer j.Emulate(j.width, j.height, true, true)
	}
	report(j.t, where+" at a "+j.name, j.Axe())
	fits(j.t, j.Page, where, j.width)
}

// over is fair for a menu, a dialog or a panel that lies open over the page.
func (j *trip) over(selector string) {
	j.t.Helper()
	j.Wait(selector)
	report(j.t, selector+" at a "+j.name, j.AxeWithin(selector))
	fits(j.t, j.Page, selector, j.width)
}

// back goes back to the page before.
func (j *trip) back() {
	j.t.Helper()
	at := j.URL()
	j.Eval("history.back()", nil)
	j.until("location.href !== " + quoted(at) + " && document.readyState === 'complete'")
}

// until asks the page until it says yes.
func (j *trip) until(js string) {
	j.t.Helper()
	j.Until(js, js, nil)
}

// to is keys.to by the shorter way: who is past an element goes back to it.
func (j *trip) to(selector string) {
	j.t.Helper()
	j.Wait(selector)
	const most = 400
	for range most {
		var way int
		j.Eval(`(() => {
			const e = document.activeElement || document.body, to = [...document.querySelectorAll(`+quoted(selector)+`)].filter(x => x.checkVisibility({visibilityProperty: true}));
			if (to.includes(e)) return 0;
			return e !== document.body && to.length > 0 && to[0].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1;
		})()`, &way)
		switch way {
		case 0:
			return
		case 1:
			j.Press("Tab")
		default:
			j.Press("Shift+Tab")
		}
		j.seen()
	}
	j.t.Fatalf("%d presses of Tab do not reach %s", most, selector)
}

// press presses a button, opens a menu, or ticks a box.
func (j *trip) press(selector string) {
	j.t.Helper()
	if j.phone {
		j.Click(selector)
		return
	}
	var kind, name string
	j.Wait(selector)
	j.Eval("document.querySelector("+quoted(selector)+").type || ''", &kind)
	switch kind {
	case "radio":
		j.Eval("document.querySelector("+quoted(selector)+").name", &name)
		j.choose(fmt.Sprintf("[type=radio][name='%s']", name), "document.activeElement.matches("+quoted(selector)+") && document.activeElement.checked")
	case "checkbox":
		j.to(selector)
		j.Press("Space")
	default:
		j.to(selector)
		j.Press("Enter")
	}
}

// follow presses what leads to another page.
func (j *trip) follow(selector string) {
	j.t.Helper()
	j.Navigates(func() { j.press(selector) })
}

// fill writes into a field, or chooses where it offers a choice.
func (j *trip) fill(selector, value string) {
	j.t.Helper()
	if j.phone {
		j.Fill(selector, value)
		return
	}
	var kind string
	j.Wait(selector)
	j.Eval("document.querySelector("+quoted(selector)+").type", &kind)
	switch kind {
	case "select-one":
		j.choose(selector, "document.activeElement.value === "+quoted(value))
	case "date":
		d := strings.Split(value, "-")
		j.to(selector)
		for _, digit := range d[1] + d[2] + d[0] {
			j.Press(string(digit))
		}
	case "time": // by the twelve hours of the browser's language
		at, err := time.Parse("15:04", value)
		if err != nil {
			j.t.Fatal(err)
		}
		j.to(selector)
		for _, key := range at.Format("0304") + strings.ToLower(at.Format("PM")[:1]) {
			j.Press(string(key))
		}
	default:
		j.to(selector)
		j.Press("Ctrl+a")
		if value == "" {
			j.Press("Delete")
		} else {
			j.Type(value)
		}
	}
	var got string
	if j.Eval("document.querySelector("+quoted(selector)+").value", &got); got != value {
		j.t.Fatalf("%s holds %q, typed was %q", selector, got, value)
	}
}

// choose walks a choice with the arrows until it stands where it should.
func (j *trip) choose(selector, there string) {
	j.t.Helper()
	j.to(selector)
	const most = 80
	for _, key := range []string{"ArrowDown", "ArrowUp"} {
		for range most {
			var ok bool
			if j.Eval(there, &ok); ok {
				return
			}
			j.Press(key)
		}
	}
	j.t.Fatalf("the arrows do not lead %s to %s", selector, there)
}
