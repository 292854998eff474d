package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/api"
	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/op"
)

// described is the part of an OpenAPI text that these tests read.
type described struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string                 `json:"operationId"`
		Summary     string                 `json:"summary"`
		Right       string                 `json:"x-right"`
		Security    *[]map[string][]string `json:"security"`
		Parameters  []struct {
			Name, In string
			Required bool
		}
		RequestBody *struct {
			Content map[string]struct {
				Schema struct{ Properties map[string]any }
			}
		} `json:"requestBody"`
		Responses map[string]any
	}
	Components struct{ Schemas map[string]any }
}

func read(t *testing.T, text []byte) described {
	t.Helper()
	var d described
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSpecIsTheSameEveryTime(t *testing.T) {
	first := api.Spec(operations())
	for range 3 {
		if !bytes.Equal(first, api.Spec(operations())) {
			t.Fatal("differs")
		}
	}
	h := settled(t, sqlite(t))
	h.token = ""
	if got := h.get("/openapi.json").want(http.StatusOK).Body.Bytes(); !bytes.Equal(first, got) {
		t.Error("what is served differs from Spec")
	}
}

func TestSpecHasEveryOperationOnce(t *testing.T) {
	d := read(t, api.Spec(operations()))
	if d.OpenAPI != "3.1.0" {
		t.Errorf("openapi %q", d.OpenAPI)
	}
	found := map[string]string{}
	for path, methods := range d.Paths {
		for method, o := range methods {
			if was, twice := found[o.OperationID]; twice {
				t.Errorf("%s stands at %s and %s", o.OperationID, was, path)
			}
			found[o.OperationID] = strings.ToUpper(method) + " " + path
			if o.Summary == "" || o.Responses["default"] == nil {
				t.Errorf("%s is not fully described", o.OperationID)
			}
		}
	}
	for _, o := range operations() {
		r := op.RouteOf
		switch where, ok := found[o.Name()]; {
		case !o.Offered() && ok:
			t.Errorf("%s is work of the machine and stands in the text", o.Name())
		case o.Offered() && where != r(o).Method+" "+r(o).Path:
			t.Errorf("%s: %q", o.Name(), where)
		}
	}
}

func TestSpecSaysWhoMay(t *testing.T) {
	d := read(t, api.Spec(operations()))
	for path, methods := range d.Paths {
		for _, o := range methods {
			open := o.Security != nil && len(*o.Security) == 0
			if open != (o.Right == string(auth.Anyone)) {
				t.Errorf("%s: right %q, security %v", path, o.Right, o.Security)
			}
		}
	}
}

func TestSpecHasNoDanglingReference(t *testing.T) {
	text := api.Spec(operations())
	d := read(t, text)
	for _, m := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		if d.Components.Schemas[m[1]] == nil {
			t.Errorf("no schema %s", m[1])
		}
	}
	for _, name := range []string{"Control", "ControlPage", "Org", "AuthToken", "EvidenceRecordPage", "Problem"} {
		if d.Components.Schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
}

func TestSpecPutsInputsWhereTheyBelong(t *testing.T) {
	d := read(t, api.Spec(operations()))
	update := d.Paths["/api/v1/controls/{id}"]["patch"]
	var places []string
	for _, p := range update.Parameters {
		places = append(places, p.In+" "+p.Name)
	}
	if !slices.Equal(places, []string{"path id", "header Idempotency-Key"}) {
		t.Errorf("update takes %v", places)
	}
	body := update.RequestBody.Content["application/json"].Schema.Properties
	if body["title"] == nil || body["id"] != nil {
		t.Errorf("the body of an update has %v", body)
	}
	list := d.Paths["/api/v1/controls"]["get"]
	if len(list.Parameters) != 3 || list.Parameters[0].In != "query" || list.RequestBody != nil {
		t.Errorf("list takes %v", list.Parameters)
	}
}

func TestNothingIsOpenByAccident(t *testing.T) {
	h := settled(t, sqlite(t))
	h.token = ""
	d := read(t, api.Spec(operations()))
	for path, methods := range d.Paths {
		for method, o := range methods {
			r := h.request(strings.ToUpper(method), strings.TrimPrefix(strings.ReplaceAll(path, "{id}", "1"), op.Base), strings.NewReader("{}"))
			code := h.send(r).Code
			if open := code != http.StatusUnauthorized; open != (o.Right == string(auth.Anyone)) {
				t.Errorf("%s: status %d for a stranger, right %q", o.OperationID, code, o.Right)
			}
		}
	}
}
