package anchors_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/anchors"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/cosign"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/stamp/stamptest"
)

// A log that is anchored before it leaves the house has its anchors with it.
func TestBeforeExport(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		if desk.Anchor != nil {
			t.Fatal("an engine without outsiders asks some")
		}
		o := around(t, desk, 1)
		o.keeper(t)
		ingest(t, desk, "first")
		last := head(t, desk).Size - 1
		at := desk.Anchor(t.Context(), desk.Org, last)
		if at != last+1 {
			t.Errorf("reaches entry %d; want %d", at, last+1)
		}
		o.tsa[0].Set(func(a *stamptest.Authority) { a.Down = true })
		ingest(t, desk, "second")
		if at := desk.Anchor(t.Context(), desk.Org, last+2); at != last+2 {
			t.Errorf("nobody answers: entry %d; want %d", at, last+2)
		}
	})
}

// A database that was put back to an earlier day is found out by whoever saw more.
func TestWitnessRemembersMore(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 0)
		dir := t.TempDir()
		o.watch(t, dir)
		k := o.keeper(t)
		ingest(t, desk, "first")
		if made, err := k.Once(t.Context(), desk.Org, 0, 0); err != nil || len(made) != 1 {
			t.Fatalf("%d, %v", len(made), err)
		}
		if err := k.Compare(t.Context()); err != nil || desk.Ledger.Locked() != "" {
			t.Fatalf("%v, locked %q", err, desk.Ledger.Locked())
		}
		// The witness sees what this database will never have: the log's own key
		// signed it, on a copy that went on.
		h := head(t, desk)
		forged := canon.Checkpoint{Origin: h.Origin, Size: h.Size + 5, Root: h.Signed.Root}
		var signed []byte
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			s, err := desk.Ledger.Signer(tx, desk.Org)
			if err == nil {
				signed, err = canon.SignNote(forged.Text(), s)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := desk.Ledger.Outside(t.Context(), desk.Org, []byte(strings.Replace(string(signed), fmt.Sprint("\n", forged.Size, "\n"), fmt.Sprint("\n", forged.Size+1, "\n"), 1))); err == nil || desk.Ledger.Locked() != "" {
			t.Errorf("what nobody signed: %v, locked %q", err, desk.Ledger.Locked())
		}
		o.witness = nil
		more := t.TempDir()
		o.watch(t, more)
		if line, err := o.witness.Add(append([]byte("old 0\n\n"), signed...)); err != nil {
			t.Fatal(line, err)
		}
		k = o.keeper(t)
		if made, err := k.Once(t.Context(), desk.Org, 0, 0); err != nil || len(made) != 0 {
			t.Errorf("%d, %v", len(made), err)
		}
		if why := desk.Ledger.Locked(); !strings.Contains(why, "were signed before") {
			t.Errorf("locked: %q", why)
		}
	})
}

func TestCompareAtStart(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 0)
		o.watch(t, t.TempDir())
		ingest(t, desk, "first")
		if _, err := desk.Ledger.Seal(t.Context(), desk.Org); err != nil {
			t.Fatal(err)
		}
		h := head(t, desk)
		other := canon.Checkpoint{Origin: h.Origin, Size: h.Signed.Size, Root: sha256.Sum256([]byte("another history"))}
		err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			s, err := desk.Ledger.Signer(tx, desk.Org)
			if err != nil {
				return err
			}
			signed, err := canon.SignNote(other.Text(), s)
			if err == nil {
				_, err = o.witness.Add(append([]byte("old 0\n\n"), signed...))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := o.keeper(t).Compare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if why := desk.Ledger.Locked(); !strings.Contains(why, "not those that were signed before") {
			t.Errorf("locked: %q", why)
		}
	})
}

// Nobody there to compare with, and the installation starts all the same.
func TestCompareWithNobody(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 0)
		o.watch(t, t.TempDir())
		srv := httptest.NewServer(http.NotFoundHandler())
		srv.Close()
		o.witnessURL = srv.URL
		if err := o.keeper(t).Compare(t.Context()); err != nil || desk.Ledger.Locked() != "" {
			t.Errorf("%v, locked %q", err, desk.Ledger.Locked())
		}
	})
}

func TestCreate(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		_, err := anchors.Create.Do(t.Context(), desk, op.None{})
		if fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "--tsa") {
			t.Errorf("nobody configured: %v", err)
		}
		o := around(t, desk, 1)
		o.keeper(t)
		ingest(t, desk, "first")
		size := head(t, desk).Size
		s, err := anchors.Create.Do(t.Context(), desk, op.None{})
		if err != nil || s.Size != size {
			t.Errorf("%+v, %v", s, err)
		}
		operator, employee := optest.Member(t, desk, "operator"), optest.Member(t, desk, "employee")
		if _, err := anchors.Create.Do(t.Context(), operator, op.None{}); err != nil {
			t.Errorf("an operator: %v", err)
		}
		for name, err := range map[string]error{
			"create": func() error { _, err := anchors.Create.Do(t.Context(), employee, op.None{}); return err }(),
			"list":   func() error { _, err := anchors.List.Do(t.Context(), employee, anchors.Filter{}); return err }(),
			"get":    func() error { _, err := anchors.Get.Do(t.Context(), employee, op.None{}); return err }(),
		} {
			if fault.KindOf(err) != fault.KindDenied {
				t.Errorf("an employee, %s: %v", name, err)
			}
		}
		other := optest.Found(t, desk.Engine, "Other")
		if s := state(t, other); s.Size != 0 || len(listed(t, other)) != 0 || len(s.Authorities) != 0 {
			t.Errorf("another organization sees %+v", s)
		}
	})
}

func TestListPages(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		o := around(t, desk, 1)
		k := o.keeper(t)
		for i := range 3 {
			ingest(t, desk, fmt.Sprint("work ", i))
			if _, err := k.Once(t.Context(), desk.Org, head(t, desk).Size-1, 0); err != nil {
				t.Fatal(err)
			}
			optest.Clock(desk).Advance(time.Second)
		}
		var sizes []int64
		for after, more := "", true; more; more = after != "" {
			p, err := anchors.List.Do(t.Context(), desk, anchors.Filter{After: after, Limit: 2})
			if err != nil || p.Total != 3 {
				t.Fatalf("%+v, %v", p, err)
			}
			for _, a := range p.Items {
				sizes = append(sizes, a.Size)
			}
			after = p.Next
		}
		if len(sizes) != 3 || !slices.IsSortedFunc(sizes, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("%v", sizes)
		}
	})
}

func TestConfigRefuses(t *testing.T) {
	roots := stamptest.New(time.Now).Root.PEM()
	key, err := cosign.WitnessKey("w", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		anchors.Config
		want string
	}{
		"no roots":          {anchors.Config{TSA: []string{"https://tsa.example/"}}, "tsa-roots"},
		"spoilt roots":      {anchors.Config{TSA: []string{"https://tsa.example/"}, Roots: []byte("x")}, "tsa-roots"},
		"no address":        {anchors.Config{TSA: []string{"tsa.example"}, Roots: roots}, "not an address"},
		"another scheme":    {anchors.Config{TSA: []string{"file:///etc/passwd"}, Roots: roots}, "not an address"},
		"with a password":   {anchors.Config{TSA: []string{"https://a:b@tsa.example/"}, Roots: roots}, "not an address"},
		"five":              {anchors.Config{TSA: slices.Repeat([]string{"https://tsa.example/"}, 5), Roots: roots}, "at most 4"},
		"a spoilt policy":   {anchors.Config{Policy: []byte("witness\nquorum none\n")}, "line 1"},
		"no witness at all": {anchors.Config{Policy: []byte("quorum none\n")}, "has a URL"},
		"no URL":            {anchors.Config{Policy: []byte("witness a " + key.String() + "\nquorum none\n")}, "has a URL"},
		"URL is none":       {anchors.Config{Policy: []byte("witness a " + key.String() + " auditor\nquorum none\n")}, "witness a: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := anchors.New(&op.Engine{}, c.Config); fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want one with %q", err, c.want)
			}
		})
	}
	e := &op.Engine{}
	if k, err := anchors.New(e, anchors.Config{}); err != nil || e.Anchor != nil {
		t.Errorf("nothing configured: %v", err)
	} else if text, ok := k.Health(); text != "" || !ok {
		t.Errorf("health %q %v", text, ok)
	}
}
