package conf

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
)

func TestTexts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, maxText+1), 0o600); err != nil {
		t.Fatal(err)
	}
	tsa := []string{"https://tsa.example/"}
	if r, p, err := (Outside{TSA: tsa, TSARoots: file, Policy: file}).Texts(); err != nil || string(r) != "text" || string(p) != "text" {
		t.Errorf("%q %q %v", r, p, err)
	}
	if r, p, err := (Outside{}).Texts(); err != nil || r != nil || p != nil {
		t.Errorf("%q %q %v", r, p, err)
	}
	for name, o := range map[string]Outside{
		"authority without roots": {TSA: tsa},
		"roots without authority": {TSARoots: file},
		"no such file":            {Policy: file + "x"},
		"a directory":             {Policy: filepath.Dir(file)},
		"too large":               {Policy: large},
	} {
		if _, _, err := o.Texts(); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOutsideFromEnvironment(t *testing.T) {
	t.Setenv("TICKMARK_TSA", "https://a.example/, https://b.example/")
	t.Setenv("TICKMARK_TSA_ROOTS", "roots.pem")
	t.Setenv("TICKMARK_WITNESS_POLICY", "policy")
	c := ForData("data")
	if !slices.Equal(c.TSA, []string{"https://a.example/", "https://b.example/"}) || c.TSARoots != "roots.pem" || c.Policy != "policy" {
		t.Errorf("%+v", c.Outside)
	}
}
