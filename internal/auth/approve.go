package auth

import (
	"errors"

	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/id"
)

// HasPassword reports whether a person can say who they are. The owner of an
// organization that the command line made cannot, until first setup.
func HasPassword(tx *db.Tx, user id.User) (bool, error) {
	var stored string
	err := tx.Row(selectHash, []any{user}, &stored)
	if errors.Is(err, db.ErrNone) {
		return false, nil
	}
	return stored != "", err
}
