package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

const (
	golden       = "testdata/v1.evb"
	goldenReport = "testdata/v1.json"
)

// goldenBundle is the example, grown past one file of entries, with the log it
// answers.
func goldenBundle(t *testing.T) []byte {
	e := newExample(t)
	for n := len(e.leaves); n < 260; n++ {
		index := e.add(canon.Leaf{Kind: canon.KindOp}, map[string]string{"body": fmt.Sprintf(`{"id":"ctl_%d","op":"controls.update"}`, n)})
		if n%10 != 9 {
			e.close(index)
		}
	}
	c := e.contents()
	c.Logs = append(c.Logs, e.other.log())
	return write(t, c, 1)
}

// TestGoldenBundleVerifiesForever: a bundle that version 1 wrote. If this test
// fails, bundles that people hold have become worthless. So -update writes the
// report again, and the bundle only where there is none.
func TestGoldenBundleVerifiesForever(t *testing.T) {
	if _, err := os.Stat(golden); *update && errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(golden, goldenBundle(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	r := verify(t, b, vkey(1), vkey(2))
	if r.Verdict != bundle.Verified {
		t.Fatalf("%s %v", r.Verdict, r.Problems)
	}
	got, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(goldenReport, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenReport)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the report is not %s; got\n%.3000s", goldenReport, got)
	}
	if !bytes.Equal(goldenBundle(t), b) {
		t.Error("the writer makes other bytes of the same contents than version 1 did")
	}
}
