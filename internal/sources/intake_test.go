package sources_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/clock"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/sources"
)

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// door has one field of each type.
var door = sources.Schema{Kind: "door", Version: 1, Title: "Door", Doc: "A door.", Fields: map[string]sources.Field{
	"name":   {Type: sources.TypeString, Doc: "x"},
	"open":   {Type: sources.TypeBool, Doc: "x"},
	"height": {Type: sources.TypeInt, Doc: "x"},
	"made":   {Type: sources.TypeTimestamp, Doc: "x"},
	"locks":  {Type: sources.TypeList, Doc: "x"},
	"tags":   {Type: sources.TypeMap, Doc: "x"},
}}

var schemas = map[string]sources.Schema{
	"door":   door,
	"window": {Kind: "window", Version: 1, Fields: map[string]sources.Field{"open": {Type: sources.TypeBool}}},
}

func newIntake() *sources.Intake {
	return sources.NewIntake(schemas, clock.NewFixed(start), nil)
}

func TestAddBringsFactsToOneForm(t *testing.T) {
	var nothing *bool
	yes := true
	local := time.Date(2026, 5, 1, 12, 0, 0, 123_999_999, time.FixedZone("", 3600))
	in := newIntake()
	list := []string{"a\x00b"}
	err := in.Add(sources.Resource{
		Kind: "door", Key: "k\xff",
		Attrs: map[string]any{
			"name": "caf\xe9", "open": &yes, "height": 3, "made": local, "locks": list,
			"tags": map[string]string{"a\xff": "1"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	list[0] = "changed later"
	err = in.Add(sources.Resource{
		Kind: "door", Key: "empty",
		Attrs:  map[string]any{"open": nothing, "name": nil, "made": time.Time{}, "locks": []string(nil), "tags": map[string]string{}},
		Absent: map[string]string{"open": "the sensor is off"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []sources.Resource{
		{Kind: "door", Key: "empty", Attrs: map[string]any{"tags": map[string]string{}}, Absent: map[string]string{"open": "the sensor is off"}},
		{Kind: "door", Key: `k\xff`, Attrs: map[string]any{
			"name": "caf\uFFFD", "open": true, "height": int64(3), "made": time.Date(2026, 5, 1, 11, 0, 0, 123_000_000, time.UTC),
			"locks": []string{"a\uFFFDb"}, "tags": map[string]string{`a\xff`: "1"},
		}},
	}
	if diff := cmp.Diff(want, in.Resources("door")); diff != "" {
		t.Error(diff)
	}
	if err := in.Err(); err != nil {
		t.Error(err)
	}
}

func TestAddRefusesAndSaysWhatWouldBeAccepted(t *testing.T) {
	ok := sources.Resource{Kind: "door", Key: "a"}
	with := func(field string, value any) sources.Resource {
		return sources.Resource{Kind: "door", Key: "b", Attrs: map[string]any{field: value}}
	}
	tests := []struct {
		rule string
		r    sources.Resource
		want string
	}{
		{"same key twice", ok, "added twice"},
		{"unknown kind", sources.Resource{Kind: "dor", Key: "b"}, "kinds are door, window"},
		{"no key", sources.Resource{Kind: "door"}, "1 to 4096 are accepted"},
		{"unknown field", with("colour", "red"), "fields are height, locks, made, name, open, tags"},
		{"bool as text", with("open", "true"), "field open is a bool: bool is accepted, not string"},
		{"float", with("height", 1.5), "field height is a int: int or int64 is accepted, not float64"},
		{"nested", with("tags", map[string]any{}), "map[string]string is accepted"},
		{"long text", with("name", strings.Repeat("x", 1<<20+1)), "at most 1048576 are accepted"},
		{"long list", with("locks", make([]string, 10_001)), "at most 10000 are accepted"},
		{"large resource", with("locks", []string{strings.Repeat("x", 4<<20)}), "at most 4194304 are accepted"},
		{"year", with("made", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)), "years 1 to 9999"},
		{"unknown absent field", sources.Resource{Kind: "door", Key: "b", Absent: map[string]string{"x": "y"}}, "fields are"},
		{"absent without reason", sources.Resource{Kind: "door", Key: "b", Absent: map[string]string{"open": " "}}, "say why"},
		{"absent and present", sources.Resource{Kind: "door", Key: "b", Attrs: map[string]any{"open": true}, Absent: map[string]string{"open": "no"}}, "give one"},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			in := newIntake()
			if err := in.Add(ok); err != nil {
				t.Fatal(err)
			}
			err := in.Add(test.r)
			if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want invalid with %q", err, test.want)
			}
			if n := len(in.Resources("door")); n != 1 {
				t.Errorf("%d resources kept", n)
			}
		})
	}
}

func TestKindsAreCoveredByAddOrCoverOnly(t *testing.T) {
	in := newIntake()
	in.Missing(sources.Missing{Kind: "door", Reason: "not allowed", Remedy: "run as root"})
	in.Missing(sources.Missing{Kind: "door", Reason: "not allowed", Remedy: "run as root"})
	if kinds := in.Kinds(); len(kinds) != 0 {
		t.Errorf("covered before anything was read: %v", kinds)
	}
	in.Cover("window")
	if err := in.Add(sources.Resource{Kind: "door", Key: "a"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"door", "window"}, in.Kinds()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]sources.Missing{{Kind: "door", Reason: "not allowed", Remedy: "run as root"}}, in.Missings()); diff != "" {
		t.Error(diff)
	}
}

func TestMisuseWithoutAnErrorResultFailsTheRun(t *testing.T) {
	tests := map[string]func(*sources.Intake){
		"kind that does not exist":    func(in *sources.Intake) { in.Cover("gate") },
		"missing of an unknown kind":  func(in *sources.Intake) { in.Missing(sources.Missing{Kind: "gate", Reason: "x"}) },
		"missing of an unknown field": func(in *sources.Intake) { in.Missing(sources.Missing{Kind: "door", Field: "x", Reason: "x"}) },
		"missing without reason":      func(in *sources.Intake) { in.Missing(sources.Missing{Kind: "door"}) },
		"raw too large":               func(in *sources.Intake) { in.Raw("a", "text/plain", make([]byte, 1<<20+1)) },
		"raw twice":                   func(in *sources.Intake) { in.Raw("a", "text/plain", nil); in.Raw("a", "text/plain", nil) },
		"raw without name":            func(in *sources.Intake) { in.Raw("", "text/plain", nil) },
	}
	for rule, misuse := range tests {
		t.Run(rule, func(t *testing.T) {
			in := newIntake()
			misuse(in)
			if fault.KindOf(in.Err()) != fault.KindInvalid {
				t.Errorf("got %v", in.Err())
			}
		})
	}
}

func TestRunFactsAreKept(t *testing.T) {
	in := newIntake()
	data := []byte("PermitRootLogin no")
	in.Raw("sshd_config", "text/plain", data)
	data[0] = 'X'
	in.Raw("a", "text/plain", nil)
	in.Scope("host", "web-1")
	in.Scope("host", "web-2")
	raws := in.Raws()
	if len(raws) != 2 || raws[0].Name != "a" || string(raws[1].Data) != "PermitRootLogin no" {
		t.Errorf("raws are %v", raws)
	}
	if diff := cmp.Diff(map[string]string{"host": "web-2"}, in.Scopes()); diff != "" {
		t.Error(diff)
	}
	if !in.Now().Equal(start) {
		t.Errorf("now is %v", in.Now())
	}
	in.Progress(1, 2, "nobody listens")
}
