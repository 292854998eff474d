package sources_test

import (
	"testing"

	"github.com/tickmark/tickmark/internal/sources"
)

func TestKindsAreWellFormed(t *testing.T) {
	all, err := sources.Kinds()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Fatalf("%d kinds of source", len(all))
	}
	for _, k := range all {
		if got, ok := sources.KindOf(k.Kind); !ok || got.Title != k.Title {
			t.Errorf("%s is not found by its name", k.Kind)
		}
	}
}
