package orgs

import (
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
)

// Second factors, each a person's own. No program changes them: whoever stole a
// token must not be able to stay.
var (
	BeginTOTP     = op.Work("totp.begin", "Begin to use a program that makes codes.", auth.Self, beginTOTP)
	ConfirmTOTP   = op.Work("totp.confirm", "Confirm the program with its first code.", auth.Self, confirmTOTP)
	RemoveTOTP    = op.Work("totp.remove", "Take the program that makes codes away.", auth.Self, removeTOTP)
	AddPasskey    = op.Work("passkeys.create", "Add a passkey.", auth.Self, addPasskey)
	RenamePasskey = op.Work("passkeys.update", "Give a passkey another name.", auth.Self, renamePasskey)
	RemovePasskey = op.Work("passkeys.remove", "Take a passkey away.", auth.Self, removePasskey)
	NewCodes      = op.Work("codes.create", "Make ten recovery codes in the place of those before.", auth.Self, newCodes)
)

// FactorsOf reads what a person has. The transaction must see all organizations.
func FactorsOf(tx *db.Tx, a auth.Actor) (f auth.Factors, demanded bool, err error) {
	if f, err = auth.FactorsOf(tx, a.User); err == nil {
		demanded, err = auth.Demanded(tx, a.User)
	}
	return f, demanded, err
}

// Gained is a second factor that came in. The first brings recovery codes, which
// are shown this once.
type Gained struct {
	Codes []string `json:"codes,omitempty" secret:"true"`
}

func me(c *op.Call) auth.User {
	return auth.User{ID: c.Actor.User, Name: c.Actor.Name, Email: c.Actor.Email}
}

// Naming says where a program is used, so that it can tell its codes apart.
type Naming struct {
	Where string `json:"where"`
}

func beginTOTP(c *op.Call, in Naming) (auth.Enrolment, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return auth.Enrolment{}, err
	}
	k, err := c.Vault.InstallationIn(c.Tx)
	if err != nil {
		return auth.Enrolment{}, err
	}
	return auth.BeginTOTP(c.Tx, k, me(c), in.Where, c.Now)
}

// CodeGiven is what the program shows.
type CodeGiven struct {
	Code string `json:"code" secret:"true"`
}

func confirmTOTP(c *op.Call, in CodeGiven) (Gained, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return Gained{}, err
	}
	k, err := c.Vault.InstallationIn(c.Tx)
	if err != nil {
		return Gained{}, err
	}
	before, err := auth.FactorsOf(c.Tx, c.Actor.User)
	if err != nil {
		return Gained{}, err
	}
	if err := auth.ConfirmTOTP(c.Tx, k, c.Actor.User, in.Code, c.Now); err != nil {
		return Gained{}, err
	}
	return gain(c, before, "A program that makes codes was added to your sign-in.")
}

// gain brings recovery codes with the first factor, and tells the person.
func gain(c *op.Call, before auth.Factors, what string) (g Gained, err error) {
	if !before.Any() {
		if g.Codes, err = auth.NewCodes(c.Tx, c.Actor.User); err != nil {
			return g, err
		}
	}
	return g, tell(c, "Your sign-in was changed", what)
}

// lose lets a factor go, unless an organization requires one and it is the last.
func lose(c *op.Call, what string, drop func() error) (op.None, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return op.None{}, err
	}
	if err := c.Tx.Beside(db.All); err != nil {
		return op.None{}, err
	}
	if err := drop(); err != nil {
		return op.None{}, err
	}
	after, demanded, err := FactorsOf(c.Tx, c.Actor)
	if err != nil {
		return op.None{}, err
	}
	if !after.Any() && demanded {
		return op.None{}, fault.Conflict("This is your last second factor, and an organization you belong to requires one. Add another first.")
	}
	if !after.Any() {
		if err := auth.DropCodes(c.Tx, c.Actor.User); err != nil {
			return op.None{}, err
		}
	}
	return op.None{}, tell(c, "Your sign-in was changed", what)
}

func removeTOTP(c *op.Call, _ op.None) (op.None, error) {
	return lose(c, "The program that makes codes was taken from your sign-in.", func() error { return auth.RemoveTOTP(c.Tx, c.Actor.User) })
}

// KeyGiven is a passkey that a browser made.
type KeyGiven struct {
	Name    string `json:"name"`
	Passkey *Answered
}

func addPasskey(c *op.Call, in KeyGiven) (Gained, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return Gained{}, err
	}
	before, err := auth.FactorsOf(c.Tx, c.Actor.User)
	if err != nil {
		return Gained{}, err
	}
	if err := auth.Spend(c.Tx, in.Passkey.Ticket, c.Now); err != nil {
		return Gained{}, err
	}
	k, err := in.Passkey.Place.AddPasskey(c.Tx, me(c), in.Name, in.Passkey.State, in.Passkey.Answer, c.Now)
	if err != nil {
		return Gained{}, err
	}
	return gain(c, before, "The passkey \""+line(k.Name)+"\" was added to your sign-in.")
}

// KeyName names a passkey, and what it is called from now on.
type KeyName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func renamePasskey(c *op.Call, in KeyName) (op.None, error) {
	return op.None{}, auth.RenamePasskey(c.Tx, c.Actor.User, in.ID, in.Name)
}

func removePasskey(c *op.Call, in KeyName) (op.None, error) {
	return lose(c, "A passkey was taken from your sign-in.", func() error { return auth.RemovePasskey(c.Tx, c.Actor.User, in.ID) })
}

func newCodes(c *op.Call, _ op.None) (Gained, error) {
	if err := c.Actor.Proved(c.Now); err != nil {
		return Gained{}, err
	}
	f, err := auth.FactorsOf(c.Tx, c.Actor.User)
	if err != nil {
		return Gained{}, err
	}
	if !f.Any() {
		return Gained{}, fault.Conflict("Recovery codes stand in for a second factor that is lost. Add one first.")
	}
	list, err := auth.NewCodes(c.Tx, c.Actor.User)
	if err != nil {
		return Gained{}, err
	}
	return Gained{list}, tell(c, "Your sign-in was changed", "New recovery codes were made; those before no longer open anything.")
}
