package page

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tickmark/tickmark/internal/site"
)

// A form that is sent after the session has ended comes here whole, by a
// redirect that repeats it. It travels on in hidden fields of the sign-in, and
// is shown afterwards, to be sent again by whoever wrote it. It is never sent by
// itself, and it is stored nowhere.

// kept is such a form.
type kept struct {
	From string // where it was sent to
	Form url.Values
}

// maxKept bounds what is carried on, in bytes.
const maxKept = 256 << 10

// secretive are parts of the names of fields that are typed again.
var secretive = []string{"password", "secret", "token", "current", "new", "again", "ticket"}

// keep takes the form that was repeated to the sign-in.
func keep(v *site.Visit) (kept, error) {
	k := kept{From: local(v.Query("from"))}
	if err := v.Form(&struct{}{}); err != nil {
		return k, err
	}
	k.Form = url.Values{}
	for name, values := range v.R.PostForm {
		if !slices.ContainsFunc(secretive, func(s string) bool { return strings.Contains(strings.ToLower(name), s) }) {
			k.Form[name] = values
		}
	}
	return k, nil
}

// fields are what the sign-in carries on.
func (k kept) fields() []site.FieldView {
	packed := base64.RawURLEncoding.EncodeToString([]byte(k.Form.Encode()))
	if k.From == "/" || len(k.Form) == 0 || len(packed) > maxKept {
		return nil
	}
	return []site.FieldView{{Kind: site.FieldHidden, Name: "from", Value: k.From, Optional: true}, {Kind: site.FieldHidden, Name: "kept", Value: packed, Optional: true}}
}

// unpack reads what the sign-in carried.
func unpack(from, packed string) kept {
	k := kept{From: local(from)}
	raw, err := base64.RawURLEncoding.DecodeString(packed)
	if err == nil {
		k.Form, err = url.ParseQuery(string(raw))
	}
	if err != nil {
		return kept{From: "/"} // nobody wrote that
	}
	return k
}

// any reports whether there is something to go on with.
func (k kept) any() bool { return len(k.fields()) > 0 }

func (k kept) names() []string {
	var out []string
	for name := range k.Form {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// rows are what was written, for reading it over. The key of the form says
// nothing to a person.
func (k kept) rows() []site.FactRow {
	var out []site.FactRow
	for _, name := range k.names() {
		if name == "key" || name == "version" {
			continue
		}
		label := strings.ReplaceAll(name, "_", " ")
		out = append(out, site.Text(strings.ToUpper(label[:1])+label[1:], strings.Join(k.Form[name], ", ")))
	}
	return out
}

// askAgain is the sign-in of somebody whose form waits.
func askAgain(v *site.Visit) error {
	k, err := keep(v)
	if err != nil {
		return err
	}
	d, err := doorOf(v, local(v.Query("to")), k)
	if err != nil {
		return err
	}
	d.Again = true
	return v.ShowBare(http.StatusUnauthorized, d.shell(), signInBody(d))
}

// goOn shows the form to who has signed in.
func goOn(v *site.Visit, k kept, to string) error {
	return v.ShowBare(http.StatusOK, site.BareShell{Title: "Go on", Width: site.BareText}, goOnBody(k, to))
}
