package op_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/canon"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// lastBody is the body of the newest entry.
func lastBody(t *testing.T, desk *op.Desk) map[string]any {
	t.Helper()
	var body map[string]any
	for _, o := range entries(t, desk, size(t, desk)-1) {
		if o.Label == canon.LabelBody {
			if err := json.Unmarshal([]byte(o.Payload), &body); err != nil {
				t.Fatal(err)
			}
		}
	}
	return body
}

func TestEveryWriteLeavesOneEntry(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		before := size(t, desk)
		_, err := keep(func(c *op.Call, in thing) error { c.Note("id", "thg_1"); return nil }).Do(t.Context(), desk, thing{Name: "a", Count: 3, File: []byte("hello")})
		if err != nil {
			t.Fatal(err)
		}
		if got := size(t, desk); got != before+1 || kindOf(t, desk, before) != canon.KindOp {
			t.Fatalf("%d entries more, want one of kind op", got-before)
		}
		body := lastBody(t, desk)
		input, _ := body["input"].(map[string]any)
		if body["op"] != "things.create" || body["id"] != "thg_1" || input["name"] != "a" || input["count"] != 3.0 {
			t.Errorf("the entry says %v", body)
		}
		if got := input["file"]; got != "(5 bytes, sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824)" {
			t.Errorf("the entry says of the file: %v", got)
		}
		for _, o := range entries(t, desk, before) {
			if o.Label == canon.LabelActor && (!strings.Contains(o.Payload, string(desk.Actor.User)) || !strings.Contains(o.Payload, `"via":"api"`)) {
				t.Errorf("the actor is %s", o.Payload)
			}
		}
	})
}

func TestReadLeavesNoEntry(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		before := size(t, desk)
		if _, err := echo.Do(t.Context(), desk, form{Name: "a"}); err != nil {
			t.Fatal(err)
		}
		if got := size(t, desk); got != before {
			t.Errorf("%d entries more", got-before)
		}
	})
}

func TestFailedWriteLeavesNoEntry(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		before := size(t, desk)
		for name, end := range map[string]func(*op.Call, thing) error{
			"refusal": func(*op.Call, thing) error { return fault.Conflict("no") },
			"refusal after an entry of its own": func(c *op.Call, _ thing) error {
				_, err := c.Append(op.Record{Kind: canon.KindEvidence, ID: "evd_1"})
				if err == nil {
					err = fault.Conflict("no")
				}
				return err
			},
			"an entry that cannot be written": func(c *op.Call, _ thing) error { c.Note("share", 0.5); return nil },
		} {
			if _, err := keep(end).Do(t.Context(), desk, thing{Name: "a"}); err == nil {
				t.Errorf("%s: no error", name)
			}
			if got := size(t, desk); got != before {
				t.Errorf("%s: %d entries more", name, got-before)
			}
			if got := things(t, desk); len(got) > 0 {
				t.Errorf("%s: kept %v", name, got)
			}
		}
	})
}

func TestOwnEntriesReplaceTheCommonOne(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		before := size(t, desk)
		_, err := keep(func(c *op.Call, _ thing) error {
			for _, n := range []string{"evd_1", "evd_2"} {
				if _, err := c.Append(op.Record{Kind: canon.KindEvidence, ID: n, Body: map[string]any{"empty": nil, "title": "T"}}); err != nil {
					return err
				}
			}
			return nil
		}).Do(t.Context(), desk, thing{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if got := size(t, desk) - before; got != 2 || kindOf(t, desk, before+1) != canon.KindEvidence {
			t.Errorf("%d entries, want the two of its own", got)
		}
		body := lastBody(t, desk)
		if _, there := body["empty"]; there || body["id"] != "evd_2" || body["op"] != "things.create" || body["title"] != "T" {
			t.Errorf("the entry says %v", body)
		}
	})
}

func TestContentIsKeptWithItsEntry(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		s, err := desk.Vault.Put(t.Context(), desk.Org, []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = keep(func(c *op.Call, _ thing) error {
			_, err := c.Append(op.Record{Kind: canon.KindEvidence, ID: "evd_1", Content: &s})
			return err
		}).Do(t.Context(), desk, thing{Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		want := canon.Content("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", 5)
		found := false
		for _, o := range entries(t, desk, size(t, desk)-1) {
			found = found || o.Label == canon.LabelContent && o.Payload == want
		}
		if !found {
			t.Error("the entry does not vouch for the bytes")
		}
		if got, err := desk.Vault.Get(t.Context(), desk.Org, s.Address); err != nil || string(got) != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestSecretsReachNeitherLogNorTable(t *testing.T) {
	const secret = "correct horse battery staple"
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		d := *desk
		d.Key = "k1"
		out, err := keep(fine).Do(t.Context(), &d, thing{Name: "a", Secret: secret})
		if err != nil || out.Token != "shown once" {
			t.Fatalf("got %+v, %v", out, err)
		}
		for _, o := range entries(t, desk, 0) {
			if strings.Contains(o.Payload, secret) || strings.Contains(o.Payload, "shown once") {
				t.Errorf("entry %d says %s", o.Index, o.Payload)
			}
		}
		input, _ := lastBody(t, desk)["input"].(map[string]any)
		if input["secret"] != "(secret)" {
			t.Errorf("the entry says %v, want it to say that there was a secret", input)
		}
		for _, text := range stored(t, desk, "k1") {
			if strings.Contains(text, secret) || strings.Contains(text, "shown once") {
				t.Errorf("the table of keys says %s", text)
			}
		}
		again, err := keep(fine).Do(t.Context(), &d, thing{Name: "a", Secret: secret})
		if err != nil || again != (made{Name: "a"}) {
			t.Errorf("the second answer is %+v, %v; want it without the secret", again, err)
		}
	})
}

func TestEntryNotesAClockThatIsBehind(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		create := keep(fine)
		do := func(name string) error {
			_, err := create.Do(t.Context(), desk, thing{Name: name})
			return err
		}
		if err := do("a"); err != nil {
			t.Fatal(err)
		}
		if _, there := lastBody(t, desk)["clock_behind_ms"]; there {
			t.Error("noted although the clock is right")
		}
		optest.Clock(desk).Advance(-3 * time.Second)
		if err := do("b"); err != nil {
			t.Fatal(err)
		}
		if got := lastBody(t, desk)["clock_behind_ms"]; got != 3000.0 {
			t.Errorf("noted %v, want 3000", got)
		}
		optest.Clock(desk).Advance(-10 * time.Minute)
		if err := do("c"); fault.KindOf(err) != fault.KindConflict || !strings.Contains(err.Error(), "Set the clock") {
			t.Errorf("got %v, want a refusal", err)
		}
		if got := things(t, desk); len(got) != 2 {
			t.Errorf("kept %v, want what was recorded", got)
		}
	})
}

func TestWriteWithoutAnOrganizationIsRefused(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		nowhere := op.Write("things.lose", "Write nowhere.", auth.Anyone, func(c *op.Call, _ op.None) (op.None, error) { return op.None{}, nil })
		d := *desk
		d.Org = ""
		if _, err := nowhere.Do(t.Context(), &d, op.None{}); err == nil || !strings.Contains(err.Error(), "left no entry") {
			t.Errorf("got %v, want a refusal", err)
		}
	})
}
