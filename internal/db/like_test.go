package db_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/db"
)

func TestPatternsFindATextInAnyUsualCase(t *testing.T) {
	if got := db.Patterns(" éCole "); got != [4]string{"%éCole%", "%école%", "%ÉCOLE%", "%École%"} {
		t.Errorf("%q", got)
	}
	if got := db.Patterns("100%_!"); got[0] != "%100!%!_!!%" {
		t.Errorf("what LIKE would take for a sign is not escaped: %q", got[0])
	}
	if got := db.Patterns(""); got[3] != "%%" {
		t.Errorf("%q", got)
	}
}
