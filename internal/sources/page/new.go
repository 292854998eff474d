package page

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/site"
	"github.com/tickmark/tickmark/internal/sources"
)

func form(v *site.Visit) site.FormView {
	kind := v.Query("kind")
	return site.FormView{Action: "/sources/new", Buttons: []site.ButtonView{{Text: "Connect and read it"}, {Text: "Cancel", Href: "/sources"}}, Fields: []site.FieldView{
		{Kind: site.FieldRadio, Name: "kind", Label: "What", Options: []site.Option{
			{Value: "git", Text: "A git repository on this machine", Note: "Commits, tags, reviewers, signatures, CI and dependency files. Nothing is fetched or changed.", Chosen: kind != "host"},
			{Value: "host", Text: "This machine", Note: "Accounts, SSH, updates, firewall, disks, logs. Without root it says what it could not read.", Chosen: kind == "host"},
		}},
		{Name: "name", Label: "Name", Help: "What people here call it.", Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "100"}},
		{Name: "path", Label: "Folder of the repository", Help: "The one that holds .git, or a bare repository. For git only.", Optional: true, Mono: true, Autocomplete: "off", Attrs: templ.Attributes{"maxlength": "1000", "spellcheck": "false"}},
		{Name: "branch", Label: "Branch", Help: "The one checked out, if left empty. For git only.", Optional: true, Mono: true, Short: true, Autocomplete: "off"},
		{Kind: site.FieldArea, Name: "signers", Label: "Signers", Optional: true, Mono: true, Rows: 4,
			Help:  "Whose signatures count, one to a line as in an allowed signers file: ann@example.com ssh-ed25519 AAAA… Without any, signatures stay unknown. For git only.",
			Attrs: templ.Attributes{"spellcheck": "false"}},
		{Kind: site.FieldSelect, Name: "every_minutes", Label: "How often it is read", Short: true, Options: []site.Option{
			{Value: "60", Text: "Hourly"}, {Value: "360", Text: "Every 6 hours"}, {Value: "1440", Text: "Daily", Chosen: true}}},
		site.OnceKey(),
	}}
}

func showNew(v *site.Visit) error {
	if err := v.Actor.Require(auth.SourcesWrite); err != nil {
		return err
	}
	return v.Show(shell("Connect a source", site.Crumb{Text: "Connect"}), newBody(form(v)))
}

// connect adds the source and puts its first reading in line.
func connect(v *site.Visit) error {
	var in sources.Connection
	err := v.Form(&in)
	if err == nil {
		in.Settings, err = settingsFrom(in.Kind, v.R.PostForm)
	}
	if in.Kind != "git" {
		in.Path = ""
	}
	var made sources.Source
	if err == nil {
		made, err = sources.Create.Do(v.Context(), v.Desk, in)
	}
	if err == nil {
		v.Key = "" // the promise was for the connection
		started, err := sources.Collect.Do(v.Context(), v.Desk, sources.Ref{ID: string(made.ID)})
		if err != nil {
			return err
		}
		v.Web.Wake()
		return v.Goto("/sources/" + string(made.ID) + "?job=" + url.QueryEscape(string(started.Job)))
	}
	f := form(v)
	f.Keep(v.R.PostForm)
	if fault.KindOf(err) == fault.KindDenied || !f.Refused(err) {
		return err
	}
	return v.ShowWrong(shell("Connect a source", site.Crumb{Text: "Connect"}), newBody(f))
}

// settingsFrom turns the fields for git into the settings of the source.
func settingsFrom(kind string, values url.Values) (string, error) {
	if kind != "git" {
		return "", nil
	}
	set := map[string]any{}
	if branch := strings.TrimSpace(values.Get("branch")); branch != "" {
		set["branch"] = branch
	}
	signers, err := parseSigners(values.Get("signers"))
	if err != nil {
		return "", err
	}
	if len(signers) > 0 {
		set["signers"] = signers
	}
	if len(set) == 0 {
		return "", nil
	}
	b, err := json.Marshal(set)
	return string(b), err
}

// signer is one whose signatures count, as the settings of a source name it.
type signer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	SSH   string `json:"ssh"`
}

// parseSigners reads lines of an allowed signers file: principals, options,
// the type of the key, the key, a comment. Options that limit what a key may
// sign are refused, since leaving them out would trust it with more.
func parseSigners(text string) ([]signer, error) {
	var out []signer
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 || !strings.Contains(words[0], "@") || !keyType(words[1]) {
			return nil, fault.Invalid("signers", "line %d: give an address, the type of the key and the key, such as: ann@example.com ssh-ed25519 AAAA…", i+1)
		}
		for _, email := range strings.Split(words[0], ",") {
			name, _, _ := strings.Cut(email, "@")
			out = append(out, signer{Name: name, Email: email, SSH: words[1] + " " + words[2]})
		}
	}
	if len(out) > maxSigners {
		return nil, fault.Invalid("signers", "%d signers are given; at most %d are accepted", len(out), maxSigners)
	}
	return out, nil
}

const maxSigners = 1000

func keyType(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-sha2-") || strings.HasPrefix(s, "sk-")
}
