// Package id makes the identifiers of the product: a three-letter kind, an
// underscore and a UUIDv7 in lower-case base32 (RFC 4648 extended hex, so that
// ids sort by the time they were made).
package id

import (
	"encoding/base32"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tickmark/tickmark/internal/fault"
)

// The kinds. A string of another kind does not compile where one is asked for.
type (
	Org        string
	User       string
	Session    string
	Token      string
	Log        string
	Job        string
	Scope      string
	Control    string
	Source     string
	Run        string
	Evidence   string
	Exception  string
	Export     string
	Invitation string
	Engagement string
	Population string
	Procedure  string
	Sample     string
	Deviation  string
	Report     string
	Anchor     string
	Erasure    string
	Hold       string
	Backup     string
	Task       string
	Comment    string
	Notice     string
	Letter     string
	Channel    string
	View       string
	Asset      string
	Passkey    string
	Upload     string
	Mapping    string
	Redaction  string
	Definition string
)

// Kind names the three letters of each.
func (Org) Kind() string        { return "org" }
func (User) Kind() string       { return "usr" }
func (Session) Kind() string    { return "ses" }
func (Token) Kind() string      { return "tok" }
func (Log) Kind() string        { return "log" }
func (Job) Kind() string        { return "job" }
func (Scope) Kind() string      { return "scp" }
func (Control) Kind() string    { return "ctl" }
func (Source) Kind() string     { return "src" }
func (Run) Kind() string        { return "run" }
func (Evidence) Kind() string   { return "evd" }
func (Exception) Kind() string  { return "exc" }
func (Export) Kind() string     { return "exp" }
func (Invitation) Kind() string { return "inv" }
func (Engagement) Kind() string { return "eng" }
func (Population) Kind() string { return "pop" }
func (Procedure) Kind() string  { return "prc" }
func (Sample) Kind() string     { return "smp" }
func (Deviation) Kind() string  { return "dev" }
func (Report) Kind() string     { return "rep" }
func (Anchor) Kind() string     { return "anc" }
func (Erasure) Kind() string    { return "ers" }
func (Hold) Kind() string       { return "hld" }
func (Backup) Kind() string     { return "bkp" }
func (Task) Kind() string       { return "tsk" }
func (Comment) Kind() string    { return "cmt" }
func (Notice) Kind() string     { return "ntc" }
func (Letter) Kind() string     { return "ltr" }
func (Channel) Kind() string    { return "chn" }
func (View) Kind() string       { return "viw" }
func (Asset) Kind() string      { return "ast" }
func (Passkey) Kind() string    { return "pky" }
func (Upload) Kind() string     { return "upl" }
func (Mapping) Kind() string    { return "mpg" }
func (Redaction) Kind() string  { return "rdc" }
func (Definition) Kind() string { return "def" }

// Kinded is any identifier of this package.
type Kinded interface {
	~string
	Kind() string
}

var enc = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

const textLen = 26 // of 16 bytes

// New makes an identifier whose leading bits are now, so that rows made
// together lie together.
func New[T Kinded](now time.Time) T {
	u, err := uuid.NewV7()
	if err != nil { // the system's randomness is gone; nothing sensible can follow
		panic("id: no randomness: " + err.Error())
	}
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	var zero T
	return T(zero.Kind() + "_" + enc.EncodeToString(u[:]))
}

// Parse accepts the text form of an identifier of T's kind and no other.
func Parse[T Kinded](s string) (T, error) {
	var zero T
	kind := zero.Kind()
	rest, ok := strings.CutPrefix(s, kind+"_")
	if !ok || len(rest) != textLen {
		return zero, fault.Invalid("id", "not an identifier of this kind: want %s_ and %d characters", kind, textLen)
	}
	b, err := enc.DecodeString(rest)
	if err != nil || enc.EncodeToString(b) != rest {
		return zero, fault.Invalid("id", "not an identifier: want %s_ and %d characters of 0-9 a-v", kind, textLen)
	}
	return T(s), nil
}
