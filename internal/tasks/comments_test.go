package tasks_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
	"github.com/tickmark/tickmark/internal/tasks"
)

func speak(t *testing.T, desk *op.Desk, object, text string) tasks.Comment {
	t.Helper()
	x, err := tasks.Say.Do(t.Context(), desk, tasks.Saying{Object: object, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func read(t *testing.T, desk *op.Desk, object string) []tasks.Comment {
	t.Helper()
	p, err := tasks.Comments.Do(t.Context(), desk, tasks.Thread{Object: object})
	if err != nil {
		t.Fatal(err)
	}
	return p.Items
}

func TestCommentTellsWhomItMentions(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		control := string(adopt(t, desk).ID)
		speak(t, desk, control, "@Example compliance_lead, please look. @"+bo.Actor.Email)
		got := told(t, bo)
		if len(got) != 1 || !strings.HasPrefix(got[0], "mention: Example Owner mentions you on “") {
			t.Errorf("told %v", got)
		}
		m, err := tasks.Mentions.Do(t.Context(), bo, tasks.Pages{})
		if err != nil || m.Total != 1 || m.Items[0].About.Noun != "Control" || !strings.HasPrefix(m.Items[0].About.Href, "/controls/ctl_") {
			t.Errorf("%+v, %v", m, err)
		}
		optest.Clock(desk).Advance(time.Minute)
		speak(t, bo, control, "Looked.")
		if got := told(t, desk); len(got) != 1 || !strings.HasPrefix(got[0], "comment: Example compliance_lead commented on “") {
			t.Errorf("who took part is told: %v", got)
		}
		list := read(t, desk, control)
		if len(list) != 2 || len(list[0].Told) != 1 || list[1].Text != "Looked." {
			t.Errorf("thread: %+v", list)
		}
	})
}

func TestCommentIsChangedAndRemovedByItsAuthor(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		bo := optest.Member(t, desk, auth.Lead)
		control := string(adopt(t, desk).ID)
		x := string(speak(t, desk, control, "First words").ID)
		if _, err := tasks.Edit.Do(t.Context(), bo, tasks.Correction{ID: x, Text: "Mine now"}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("another changes it: %v", err)
		}
		if _, err := tasks.Remove.Do(t.Context(), bo, tasks.CommentRef{ID: x}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("another removes it: %v", err)
		}
		optest.Clock(desk).Advance(15 * time.Minute)
		if _, err := tasks.Edit.Do(t.Context(), desk, tasks.Correction{ID: x, Text: "Second words, @Example compliance_lead"}); err != nil {
			t.Fatal(err)
		}
		if len(told(t, bo)) != 1 {
			t.Error("who is mentioned by the change is not told")
		}
		optest.Clock(desk).Advance(time.Millisecond)
		if _, err := tasks.Edit.Do(t.Context(), desk, tasks.Correction{ID: x, Text: "Third"}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("after a quarter of an hour: %v", err)
		}
		if _, err := tasks.Remove.Do(t.Context(), desk, tasks.CommentRef{ID: x}); err != nil {
			t.Fatal(err)
		}
		list := read(t, desk, control)
		if len(list) != 1 || list[0].Text != "" || list[0].Removed.IsZero() || list[0].Told != nil {
			t.Errorf("its place: %+v", list)
		}
		if _, err := tasks.Remove.Do(t.Context(), desk, tasks.CommentRef{ID: x}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("removed twice: %v", err)
		}
		log := wholeLog(t, desk)
		for _, words := range []string{"First words", "Second words"} {
			if !strings.Contains(log, words) {
				t.Errorf("the log does not keep %q", words)
			}
		}
	})
}

func wholeLog(t *testing.T, desk *op.Desk) string {
	t.Helper()
	var b strings.Builder
	err := desk.DB.Read(t.Context(), string(desk.Org), func(tx *db.Tx) error {
		return tx.Each("SELECT payload FROM ledger_opening WHERE org_id = ?", []any{desk.Org}, func(scan func(...any) error) error {
			var s string
			err := scan(&s)
			b.WriteString(s)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCommentsAreBounded(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		control := string(adopt(t, desk).ID)
		for range 60 {
			speak(t, desk, control, "again")
		}
		if _, err := tasks.Say.Do(t.Context(), desk, tasks.Saying{Object: control, Text: "and again"}); fault.KindOf(err) != fault.KindConflict {
			t.Errorf("the 61st within an hour: %v", err)
		}
	})
}

func TestMentionsAreResolved(t *testing.T) {
	people := []auth.Member{{User: auth.User{ID: "usr_1", Name: "Ana Ruiz", Email: "ana@larchmere.example"}},
		{User: auth.User{ID: "usr_2", Name: "Ana Soto", Email: "soto@larchmere.example"}}, {User: auth.User{ID: "usr_3", Name: "Bo Ödman", Email: "bo@larchmere.example"}}}
	for text, want := range map[string]string{
		"@Ana Ruiz and @bo":              "Ana Ruiz, Bo Ödman",
		"@ana soto, see":                 "Ana Soto",
		"@Ana Ruizlike":                  "ambiguous",
		"@ana":                           "ambiguous",
		"@ana@larchmere.example":         "Ana Ruiz",
		"mail soto@larchmere.example":    "",
		"(@BO ÖDMAN) and @Bo":            "Bo Ödman",
		"@Boris, @media, @ and a lone @": "",
	} {
		got, err := tasks.Resolve(text, people)
		var names []string
		for _, m := range got {
			names = append(names, m.Name)
		}
		slices.Sort(names)
		s := strings.Join(names, ", ")
		if f := fault.As(err); f != nil && f.Field == "text" {
			s = "ambiguous"
		}
		if s != want {
			t.Errorf("%q mentions %q, want %q (%v)", text, s, want, err)
		}
	}
}

func FuzzMentionsAreResolved(f *testing.F) {
	f.Add("@Ana Ruiz and @bo\xff", "Ana Ruiz", "ana@larchmere.example")
	f.Add("@@@", "", "@")
	f.Fuzz(func(t *testing.T, text, name, email string) {
		people := []auth.Member{{User: auth.User{ID: "usr_1", Name: name, Email: email}}, {User: auth.User{ID: "usr_2", Name: "Bo", Email: "bo@x.example"}}}
		got, err := tasks.Resolve(text, people)
		if err != nil && got != nil || len(got) > 2 {
			t.Errorf("%d mentions, %v", len(got), err)
		}
	})
}
