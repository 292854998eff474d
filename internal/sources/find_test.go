package sources_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/sources"
)

// named is a collector that shows machines of these names.
type named []string

func (named) Kind() string    { return "host" }
func (named) Version() string { return "test" }
func (n named) Collect(_ context.Context, _ json.RawMessage, in *sources.Intake) error {
	for _, key := range n {
		if err := in.Add(sources.Resource{Kind: "machine", Key: key, Attrs: map[string]any{"hostname": key}}); err != nil {
			return err
		}
	}
	return nil
}

func TestResourcesAreFoundInAnyCaseAndWhicheverSourceShowsThem(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		for i, names := range []named{{"alpha-1", "Beta", "GAMMA", "50%_off"}, {"alpha-1", "alpha-2"}} {
			s := optest.Do(t, desk, sources.Create, sources.Connection{Kind: "host", Name: fmt.Sprint("s", i)})
			r, err := sources.NewReader(names)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Read(t.Context(), desk, s.ID, nil, false); err != nil {
				t.Fatal(err)
			}
		}
		for text, want := range map[string]string{"ALPHA": "alpha-1 alpha-1 alpha-2", "beta": "Beta", "mma": "GAMMA", "%_": "50%_off", "nothing": ""} {
			var got []string
			for after := ""; ; {
				p := optest.Do(t, desk, sources.Find, sources.Lookup{Text: text, After: after, Limit: 1})
				for _, f := range p.Items {
					got = append(got, f.Key)
				}
				if after = p.Next; after == "" {
					if int(p.Total) != len(got) {
						t.Errorf("%s: %d found, %d said", text, len(got), p.Total)
					}
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s finds %q, want %q", text, got, want)
			}
		}
		if _, err := sources.Find.Do(t.Context(), desk, sources.Lookup{Text: "alpha", After: "x"}); err == nil {
			t.Error("a broken cursor is taken")
		}
	})
}
