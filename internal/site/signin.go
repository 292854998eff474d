package site

// PasskeyScript asks authenticators; a page with a PasskeyForm names it.
const PasskeyScript = "js/passkey.js"

// PasskeyView is a question to an authenticator.
type PasskeyView struct {
	Action  string
	Ask     string // "get" for a key there is, "create" for a new one
	Options string // JSON, as the browser parses it
	Ticket  string
	Hidden  []KV
	Button  string
	Kind    ButtonKind
	Without string // what whoever cannot do this does instead
	Problem string
}
