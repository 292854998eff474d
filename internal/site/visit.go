package site

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/evidence"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/notify"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/orgs"
	"github.com/tickmark/tickmark/internal/scrub"
)

// Web is what every page stands on.
type Web struct {
	Engine *op.Engine
	// TLS says that browsers reach us encrypted, so that cookies and headers
	// may demand it.
	TLS bool
	// BaseURL is the address people type, where the operator gave one.
	BaseURL string
	// Door says in words how the installation is reached and what it sends, with
	// what the operator changes where.
	Door []FactRow
	// Nav is the sidebar for a person; Tabs the bar on phones.
	Nav  func(auth.Actor) []NavGroup
	Tabs func(auth.Actor) []NavItem
	// Counts are the figures of the sidebar by the address they stand at; nil
	// for none. A page without them is better than none, so it may fail.
	Counts func(context.Context, *op.Desk) (map[string]int64, error)
	// Throttle slows down whoever guesses passwords.
	Throttle *auth.Throttle
	// Wake makes the machine look for work that a page has put in line.
	Wake func()
	// Mailing reports whether a mail server is named; nil for no.
	Mailing func() bool

	// Deliver stores a file that is handed in to become a run, and returns its
	// id. Nil where none are taken.
	Deliver func(ctx context.Context, d *op.Desk, name string, from io.Reader) (string, error)

	pages *http.ServeMux // of every GET route, to tell an address from other words
}

// A Visit is one request by one person, who may be nobody yet.
type Visit struct {
	*op.Desk
	W   http.ResponseWriter
	R   *http.Request
	Web *Web

	day string // the page is as of it, and its links lead there too
}

// A Route is a page or an act on one.
type Route struct {
	// Pattern is a net/http one with its method: "GET /controls/{id}".
	Pattern string
	// Open routes need nobody signed in.
	Open bool
	// Self routes are about one's own sign-in. Whoever still lacks a second factor
	// that is required gets these and no others.
	Self   bool
	Handle func(*Visit) error
}

// maxForm bounds a posted form; uploads raise it themselves.
const maxForm = 1 << 20

// Mount registers the routes. Every one refuses cross-origin acts; all but the
// open ones send a stranger to sign in, and back afterwards.
func (web *Web) Mount(mux *http.ServeMux, routes []Route) {
	guard := http.NewCrossOriginProtection()
	if web.pages == nil {
		web.pages = http.NewServeMux()
	}
	for _, r := range routes {
		if strings.HasPrefix(r.Pattern, "GET ") {
			web.pages.Handle(r.Pattern, http.NotFoundHandler()) // looked up, never served
		}
		mux.Handle(r.Pattern, guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			web.serve(w, req, r)
		})))
	}
}

// Has reports whether there is a page at a path.
func (web *Web) Has(path string) bool {
	_, pattern := web.pages.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	return pattern != ""
}

// How long the body of a request may take to arrive. Strangers post forms only;
// members post files too.
const (
	formTime = 30 * time.Second
	fileTime = 15 * time.Minute
)

func (web *Web) serve(w http.ResponseWriter, req *http.Request, r Route) {
	v := &Visit{Desk: &op.Desk{Engine: web.Engine, Actor: auth.Actor{Via: "page"}, From: op.Address(req)}, W: w, R: req, Web: web}
	w.Header().Set("Cache-Control", "no-store")
	defer v.survive()
	if c, err := req.Cookie(auth.CookieNameFor(web.TLS)); err == nil {
		actor, org, err := auth.FromBrowser(req.Context(), web.Engine.DB, c.Value, v.From, web.Engine.Clock.Now())
		if err == nil {
			v.Actor, v.Org = actor, org
		} else if fault.KindOf(err) == fault.KindInternal {
			v.Fail(err)
			return
		}
	}
	v.patience()
	switch {
	case !r.Open && !v.Actor.Known():
		toDoor(w, req, "/sign-in")
		return
	case !r.Open && !r.Self && v.Actor.Lacks:
		http.Redirect(w, req, FactorsPath, http.StatusSeeOther)
		return
	}
	err := r.Handle(v)
	if errors.Is(err, auth.ErrProve) && w.Header().Get("Content-Type") == "" {
		toDoor(w, req, "/prove")
		return
	}
	if err != nil {
		v.Fail(err)
	}
}

// FactorsPath is where a person keeps their own sign-in.
const FactorsPath = "/settings/sign-in"

// toDoor sends somebody to say who they are, for the first time or again. A form
// that was filled in goes along, so that nothing is lost when a session ends
// while somebody writes.
func toDoor(w http.ResponseWriter, req *http.Request, door string) {
	to := door + "?to=" + url.QueryEscape(after(req))
	media, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if req.Method != http.MethodPost || err != nil || media != "application/x-www-form-urlencoded" || req.ContentLength <= 0 || req.ContentLength > maxForm {
		http.Redirect(w, req, to, http.StatusSeeOther)
		return
	}
	http.Redirect(w, req, to+"&from="+url.QueryEscape(req.URL.RequestURI()), http.StatusTemporaryRedirect)
}

// patience bounds how slowly a body may arrive. A deadline that has passed also
// ends the request, so that it must leave time for the answer.
func (v *Visit) patience() {
	if v.R.Body == nil || v.R.Body == http.NoBody {
		return
	}
	d := formTime
	if v.Actor.Known() {
		d = fileTime
	}
	err := http.NewResponseController(v.W).SetReadDeadline(clock.System().Now().Add(d))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		v.Log.Debug("page: no deadline for the body", "err", err)
	}
}

// survive makes a panic an error page. One that comes after the answer has begun
// ends the connection, so that half a page is not taken for a whole one.
func (v *Visit) survive() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	status, view := v.explain(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
	if v.W.Header().Get("Content-Type") != "" {
		panic(http.ErrAbortHandler)
	}
	title := refusals[status]
	// Bare: the shell may be what failed.
	if err := v.ShowBare(status, BareShell{Title: title}, ErrorPage(view)); err != nil {
		v.Log.Error("page", "path", v.R.URL.Path, "err", err)
	}
}

// after is the page to return to once signed in: the one that was asked for,
// or the one whose form was sent.
func after(req *http.Request) string {
	if req.Method == http.MethodGet || req.Method == http.MethodHead {
		return req.URL.RequestURI()
	}
	return back(req)
}

// Context is the request's.
func (v *Visit) Context() context.Context { return v.R.Context() }

// Query is a parameter of the address.
func (v *Visit) Query(name string) string { return v.R.URL.Query().Get(name) }

// Path is a wildcard of the route's pattern.
func (v *Visit) Path(name string) string { return v.R.PathValue(name) }

// Goto ends an act by leading to a page.
func (v *Visit) Goto(path string) error {
	http.Redirect(v.W, v.R, path, http.StatusSeeOther)
	return nil
}

// Show writes a page inside the shell. The shell needs only what the page
// knows: title, crumbs, current item.
func (v *Visit) Show(s Shell, body templ.Component) error { return v.show(http.StatusOK, s, body) }

// ShowWrong writes a page whose form was refused.
func (v *Visit) ShowWrong(s Shell, body templ.Component) error {
	return v.show(http.StatusUnprocessableEntity, s, body)
}

func (v *Visit) show(status int, s Shell, body templ.Component) error {
	if err := v.dress(&s); err != nil {
		return err
	}
	return v.write(status, Layout(s, body))
}

// write renders a page whole before it sends the first byte, so that a page
// that cannot be rendered becomes an error page and not half of itself.
func (v *Visit) write(status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(v.Context(), &b); err != nil {
		return err
	}
	if v.day != "" {
		b = *bytes.NewBuffer(keepDay(b.Bytes(), v.day))
	}
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.W.WriteHeader(status)
	if _, err := b.WriteTo(v.W); err != nil {
		v.Log.Debug("page: not sent whole", "path", v.R.URL.Path, "err", err)
	}
	return nil
}

// ShowBare writes a page outside the shell.
func (v *Visit) ShowBare(status int, s BareShell, body templ.Component) error {
	s.Prefs = ReadPrefs(v.R)
	return v.write(status, Bare(s, body))
}

// Fragment writes a part of a page, for htmx.
func (v *Visit) Fragment(body templ.Component) error { return v.write(http.StatusOK, body) }

// Partial reports whether htmx asks for a part of a page.
func (v *Visit) Partial() bool { return v.R.Header.Get("HX-Request") == "true" }

// dress fills in what every page of a signed-in person carries.
func (v *Visit) dress(s *Shell) error {
	org, err := orgs.Get.Do(v.Context(), v.Desk, op.None{})
	if err != nil {
		return err
	}
	if s.Org, err = v.face(org); err != nil {
		return err
	}
	s.Crumbs = append([]Crumb{{Text: org.Name, Href: "/"}}, s.Crumbs...)
	s.Print.At = v.Clock.Now().In(clock.Zone(org.Zone))
	s.Me = Me{Name: v.Actor.Name, Email: v.Actor.Email, Href: "/settings", SignOut: "/sign-out"}
	s.Prefs = ReadPrefs(v.R)
	s.Nav, s.Tabs = v.Web.Nav(v.Actor), v.Web.Tabs(v.Actor)
	v.count(s)
	s.AsOf.Off = !s.Moves
	if s.Bell = v.Actor.May(auth.WorkRead) && v.Actor.User != ""; s.Bell {
		n, err := notify.Count.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return err
		}
		s.Unread = n.Unread
	}
	if v.Actor.May(auth.LogRead) {
		head, err := evidence.HeadGet.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return err
		}
		v.headed(s, head, "/log")
		alarm, err := scrub.Alarmed.Do(v.Context(), v.Desk, op.None{})
		if err != nil {
			return err
		}
		alarmed(s, alarm, "/log")
	}
	if s.Moves {
		v.moved(s, org)
	}
	if s.room != nil {
		return v.furnish(s)
	}
	return nil
}

// Fail shows that a page could not be given, and what to do.
func (v *Visit) Fail(err error) {
	if v.Context().Err() != nil {
		return // nobody is there to read it
	}
	status, view := v.explain(err)
	title := refusals[status]
	s := Shell{Title: title, Crumbs: []Crumb{{Text: title}}}
	if v.Actor.Known() {
		if v.show(status, s, ErrorPage(view)) == nil {
			return
		}
	}
	if err := v.ShowBare(status, BareShell{Title: title}, ErrorPage(view)); err != nil {
		v.Log.Error("page", "path", v.R.URL.Path, "err", err)
	}
}

// refusals are the titles of error pages, in words rather than those of the
// protocol.
var refusals = map[int]string{
	http.StatusForbidden: "Not yours to do", http.StatusNotFound: "Not found", http.StatusConflict: "Changed meanwhile",
	http.StatusUnprocessableEntity: "Not accepted", http.StatusInternalServerError: "Something went wrong",
}

func (v *Visit) explain(err error) (int, ErrorView) {
	f := fault.As(err)
	home := Link{"Back to home", "/"}
	if f == nil || f.Kind == fault.KindInternal {
		ref := reference()
		v.Log.Error("page", "ref", ref, "method", v.R.Method, "path", v.R.URL.Path, "err", err)
		return http.StatusInternalServerError, ErrorView{Code: http.StatusInternalServerError,
			Happened: "Something went wrong here, not in what you asked for.", Safe: "What was recorded before is unchanged.",
			Do: "Try again. If it stays, tell whoever runs this installation the reference.", Reference: ref, Links: []Link{home}}
	}
	view := ErrorView{Happened: sentence(f.Message), Links: []Link{home}}
	if f.Field != "" { // no form is there to say it at
		view.Happened = sentence(strings.ReplaceAll(f.Error(), "_", " "))
	}
	if reads := v.R.Method == http.MethodGet || v.R.Method == http.MethodHead; !reads {
		view.Safe = "Nothing was changed."
		if to := back(v.R); to != "/" {
			view.Links = []Link{{"Back to where you were", to}, home}
		}
	}
	switch f.Kind {
	case fault.KindDenied:
		v.Log.Warn("page refused", "method", v.R.Method, "path", v.R.URL.Path, "actor", v.Actor.Key(), "org", v.Org)
		view.Code = http.StatusForbidden
	case fault.KindNotFound:
		view.Code = http.StatusNotFound
		if v.Actor.Known() {
			view.Do = "Search finds any id, code, person or word that you may see."
			view.Links = append([]Link{{"Search", "/search"}}, view.Links...)
		}
	case fault.KindConflict:
		view.Code = http.StatusConflict
		view.Do = "Go back, read what it is now, and decide again."
	default:
		view.Code = http.StatusUnprocessableEntity
		for _, x := range f.More {
			view.Do = strings.TrimSpace(view.Do + " " + sentence(x.Error()))
		}
	}
	if f.Field == "as_of" && v.R.Method == http.MethodGet {
		q := v.R.URL.Query()
		q.Del("as_of")
		now := *v.R.URL
		now.RawQuery = q.Encode()
		view.Happened = sentence(f.Message)
		view.Links = append([]Link{{"Show the page as it is now", now.RequestURI()}}, view.Links...)
	}
	return view.Code, view
}

func reference() string {
	b := make([]byte, 6)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Form reads the posted fields into the input of an operation, by their json
// names. It also takes the key that makes a second press of the button answer
// as the first did.
func (v *Visit) Form(in any) error {
	v.R.Body = http.MaxBytesReader(v.W, v.R.Body, maxForm)
	if err := v.R.ParseForm(); err != nil {
		return fault.Invalid("", "the form is larger than %d bytes or cut short", maxForm).With(err)
	}
	if v.Actor.Known() { // strangers are all one actor and must not get each other's answers
		v.Key = v.R.PostForm.Get("key")
	}
	return decode(v.R.PostForm, reflect.ValueOf(in).Elem())
}

func decode(form url.Values, into reflect.Value) error {
	var faults []*fault.Error
	for i := range into.NumField() {
		name, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ",")
		values := form[name]
		if name == "" || len(values) == 0 {
			continue
		}
		if err := assign(into.Field(i), name, values); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	first := *faults[0]
	first.More = faults[1:]
	return &first
}

// dateForms are what date fields of browsers send.
var dateForms = []string{time.DateOnly, "2006-01-02T15:04", time.RFC3339}

func assign(f reflect.Value, name string, values []string) *fault.Error {
	s := strings.TrimSpace(values[0])
	switch f.Interface().(type) {
	case time.Time:
		if s == "" {
			return nil
		}
		for _, form := range dateForms {
			if t, err := time.Parse(form, s); err == nil {
				f.Set(reflect.ValueOf(t.UTC()))
				return nil
			}
		}
		return fault.Invalid(name, "give a date as 2026-12-31")
	case []string:
		list := []string{}
		for _, x := range values {
			if x = strings.TrimSpace(x); x != "" {
				list = append(list, x)
			}
		}
		f.Set(reflect.ValueOf(list))
		return nil
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString(values[0])
	case reflect.Bool:
		f.SetBool(s == "on" || s == "true" || s == "1")
	case reflect.Int, reflect.Int64:
		if s == "" {
			return nil
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fault.Invalid(name, "give a whole number")
		}
		f.SetInt(n)
	}
	return nil
}

// Refused puts the faults of an error at the fields of a form; it reports
// false when the error is not about the input and belongs on an error page.
func (f *FormView) Refused(err error) bool {
	e := fault.As(err)
	if e == nil || e.Kind == fault.KindInternal || e.Kind == fault.KindNotFound {
		return false
	}
	for _, x := range append([]*fault.Error{e}, e.More...) {
		placed := false
		for i := range f.Fields {
			if f.Fields[i].Name == x.Field && f.Fields[i].Kind != FieldHidden {
				f.Fields[i].Error, placed = f.Fields[i].refusal(x.Message), true
			}
		}
		if !placed {
			f.Problem = strings.TrimSpace(f.Problem + " " + sentence(x.Error()))
		}
	}
	return true
}

// refusal is a fault as it is said at a field. Where there are choices, their
// words stand in the form, and the names a program would give say nothing.
func (f FieldView) refusal(message string) string {
	switch {
	case len(f.Options) > 0 && strings.HasPrefix(message, "give one of "):
		return "Choose one of them."
	case strings.HasPrefix(message, "is "):
		return sentence("this " + message)
	}
	return sentence(message)
}

// sentence starts with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	s = strings.ToUpper(s[:1]) + s[1:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}

// Keep puts what was typed back into the fields, passwords excepted, so that
// nothing is lost when a form is refused.
func (f *FormView) Keep(form url.Values) {
	for i := range f.Fields {
		x := &f.Fields[i]
		values, posted := form[x.Name]
		for j := range x.Options {
			x.Options[j].Chosen = false
			for _, v := range values {
				x.Options[j].Chosen = x.Options[j].Chosen || v == x.Options[j].Value
			}
		}
		if posted && x.Kind != FieldPassword && len(values) > 0 {
			x.Value = values[0]
		}
	}
}

// OnceKey is the hidden field that makes pressing a button twice do the act
// once.
func OnceKey() FieldView {
	return FieldView{Kind: FieldHidden, Name: "key", Value: reference() + reference(), Optional: true}
}

// SignIn sets the cookie of a session.
func (v *Visit) SignIn(s orgs.Session) {
	http.SetCookie(v.W, &http.Cookie{Name: auth.CookieNameFor(v.Web.TLS), Value: s.Secret, Path: "/", HttpOnly: true,
		Secure: v.Web.TLS, SameSite: http.SameSiteLaxMode, MaxAge: int(auth.SessionMax.Seconds())})
}

// SignOut ends the session and removes its cookie.
func (v *Visit) SignOut() error {
	name := auth.CookieNameFor(v.Web.TLS)
	c, err := v.R.Cookie(name)
	if errors.Is(err, http.ErrNoCookie) {
		return nil
	}
	http.SetCookie(v.W, &http.Cookie{Name: name, Path: "/", HttpOnly: true, Secure: v.Web.TLS, SameSite: http.SameSiteLaxMode, MaxAge: -1})
	if _, err := orgs.SignOut.Do(v.Context(), v.Desk, orgs.Leaving{Secret: c.Value}); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// NotFound answers addresses that nothing has.
func NotFound(v *Visit) error {
	return fault.NotFound("There is no page at %s.", v.R.URL.Path)
}
