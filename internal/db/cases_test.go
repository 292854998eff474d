package db_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/db"
)

func TestCasesAreHowATextIsUsuallyStored(t *testing.T) {
	if got := db.Cases(" éCole "); got != [4]string{"éCole", "école", "ÉCOLE", "École"} {
		t.Errorf("%q", got)
	}
	if got := db.Cases(""); got != [4]string{} {
		t.Errorf("%q", got)
	}
}
