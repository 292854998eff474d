package serverstest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

func find(in *sources.Intake, kind, key string) (sources.Resource, []string) {
	var keys []string
	for _, r := range in.Resources(kind) {
		if r.Key == key {
			return r, nil
		}
		keys = append(keys, r.Key)
	}
	return sources.Resource{}, append(keys, "and no more")
}

// Has fails unless a resource has these fields. A nil is a field that must be
// absent, with a reason.
func Has(t testing.TB, in *sources.Intake, kind, key string, want map[string]any) {
	t.Helper()
	r, others := find(in, kind, key)
	if others != nil {
		t.Errorf("no %s %q among %q", kind, key, others)
		return
	}
	for field, value := range want {
		got, there := r.Attrs[field]
		switch {
		case value == nil && (there || r.Absent[field] == ""):
			t.Errorf("%s %s: %s is %v (%q), want it absent with a reason", kind, key, field, got, r.Absent[field])
		case value != nil && fmt.Sprintf("%q", fmt.Sprint(got)) != fmt.Sprintf("%q", fmt.Sprint(value)):
			t.Errorf("%s %s: %s is %v (%s), want %v", kind, key, field, got, r.Absent[field], value)
		}
	}
}

// Lacks fails if a resource is there.
func Lacks(t testing.TB, in *sources.Intake, kind, key string) {
	t.Helper()
	if _, others := find(in, kind, key); others == nil {
		t.Errorf("there is a %s %q", kind, key)
	}
}

// Missing fails unless the run says that it could not read this, why, and what
// would settle it.
func Missing(t testing.TB, in *sources.Intake, kind, field, reason, remedy string) {
	t.Helper()
	for _, m := range in.Missings() {
		if m.Kind == kind && m.Field == field && strings.Contains(m.Reason, reason) && strings.Contains(m.Remedy, remedy) {
			return
		}
	}
	t.Errorf("nothing says that %s %s is missing because %q, remedy %q, in %+v", kind, field, reason, remedy, in.Missings())
}

// EverythingIsSaid fails for a field that has neither a value nor a reason: it
// would be unknown, and nobody could say why.
func EverythingIsSaid(t testing.TB, in *sources.Intake) {
	t.Helper()
	schemas, err := sources.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range in.Kinds() {
		for _, r := range in.Resources(kind) {
			for field := range schemas[kind].Fields {
				if _, value := r.Attrs[field]; !value && r.Absent[field] == "" {
					t.Errorf("%s %s: %s has neither a value nor a reason", kind, r.Key, field)
				}
			}
		}
	}
}

// NeverFewer fails if part covers a kind with other resources than whole has of
// it: a reading that was cut short must not look like one that found less.
func NeverFewer(t testing.TB, whole, part *sources.Intake) {
	t.Helper()
	for _, kind := range part.Kinds() {
		if a, b := len(whole.Resources(kind)), len(part.Resources(kind)); a != b {
			t.Errorf("of %s %d were read where there are %d, and it is covered", kind, b, a)
		}
	}
	if len(whole.Kinds()) == 0 {
		t.Error("the reading to compare with covers nothing")
	}
}

// Silent fails if anything that was handed over holds one of these texts.
func Silent(t testing.TB, in *sources.Intake, secrets ...string) {
	t.Helper()
	var all strings.Builder
	fmt.Fprint(&all, in.Missings(), in.Scopes())
	for _, kind := range in.Kinds() {
		fmt.Fprint(&all, in.Resources(kind))
	}
	for _, raw := range in.Raws() {
		all.Write(raw.Data)
	}
	for _, s := range secrets {
		if strings.Contains(all.String(), s) {
			t.Errorf("what was handed over holds %q", s)
		}
	}
}

// Refused fails unless err is a refusal of that field that says these words.
func Refused(t testing.TB, err error, field, words string) {
	t.Helper()
	f := fault.As(err)
	if f == nil || f.Kind != fault.KindInvalid {
		t.Fatalf("got %v, want a refusal", err)
	}
	if f.Field != field {
		t.Errorf("refused at %q, want %q: %v", f.Field, field, err)
	}
	if !strings.Contains(f.Message, words) {
		t.Errorf("%q does not say %q", f.Message, words)
	}
}
