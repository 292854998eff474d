package site

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/tickmark/tickmark/internal/clock"
)

// Prefs are a person's choices about the interface. They live in cookies, since
// they belong to a browser as much as to a person and hold before sign-in too.
type Prefs struct {
	Theme   string // "light", "dark", or "" for what the device says
	KeysOff bool   // single keys are switched off (WCAG 2.1.4)
	Density string // "compact", "comfortable", or "" for the usual rows
}

// PrefsPath is where SavePrefs is routed; the forms of the "me" menu post to it.
const PrefsPath = "/preferences"

const (
	themeCookie   = "tickmark-theme"
	keysCookie    = "tickmark-keys"
	densityCookie = "tickmark-rows"
)

// ReadPrefs finds a browser's choices. Values nobody could have chosen are ignored.
func ReadPrefs(r *http.Request) Prefs {
	get := func(name string, allowed ...string) string {
		c, err := r.Cookie(name)
		if err != nil {
			return ""
		}
		for _, a := range allowed {
			if c.Value == a {
				return a
			}
		}
		return ""
	}
	return Prefs{
		Theme:   get(themeCookie, "light", "dark"),
		KeysOff: get(keysCookie, "off") == "off",
		Density: get(densityCookie, "compact", "comfortable"),
	}
}

// SavePrefs keeps what one of the forms of the "me" menu chose and goes back to
// the page it was chosen on.
func SavePrefs(overTLS bool) http.Handler {
	names := map[string]string{"theme": themeCookie, "keys": keysCookie, "rows": densityCookie}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Where a deadline is not to be had, the size is bounded still.
		_ = http.NewResponseController(w).SetReadDeadline(clock.System().Now().Add(formTime))
		r.Body = http.MaxBytesReader(w, r.Body, 4096)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "give theme, keys or rows as a form", http.StatusBadRequest)
			return
		}
		for field, cookie := range names {
			if !r.PostForm.Has(field) {
				continue
			}
			// app.js writes and reads the same cookies, so they are not HttpOnly.
			http.SetCookie(w, &http.Cookie{
				Name: cookie, Value: choice(r.PostForm.Get(field)), Path: "/",
				MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteLaxMode, Secure: overTLS,
			})
		}
		http.Redirect(w, r, back(r), http.StatusSeeOther)
	})
}

func choice(v string) string {
	switch v {
	case "light", "dark", "off", "on", "compact", "comfortable":
		return v
	}
	return "auto"
}

// back is the path of the page that sent the form. Only path and query are
// used, so that a foreign Referer cannot send anybody elsewhere.
func back(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}
