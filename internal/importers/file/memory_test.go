package file_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/importers/file"
	"github.com/tickmark/tickmark/internal/sources"
)

// watch notes the most memory that is in use while a table is read.
type watch struct {
	from io.Reader
	read int64
	most uint64
}

// step is how often memory is looked at, 64 MiB: looking costs more than reading.
const step = 26

func (w *watch) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if before := w.read >> step; (w.read+int64(n))>>step != before {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		w.most = max(w.most, m.HeapAlloc)
	}
	w.read += int64(n)
	return n, err
}

// A wide column that nobody mapped makes the file large and its rows few, so
// that what is measured is the reading and not what is kept of it.
func TestALargeTableIsNotHeld(t *testing.T) {
	const rows = 3500
	from := &watch{from: io.MultiReader(strings.NewReader("Worker ID,Name,Start,Fired\n"), &many{n: rows, wide: 60_000, bad: rows})}
	m := people()
	m.Fields = m.Fields[1:]
	err := file.New().Import(context.Background(), from, settings(t, m, sources.Statement{}), intake(t))
	if fault.KindOf(err) != fault.KindInvalid || !strings.Contains(err.Error(), `line 3501: column Start is "soon"`) {
		t.Fatalf("got %v", err)
	}
	if from.read < 200<<20 {
		t.Errorf("only %d bytes were read", from.read)
	}
	if from.most > 40<<20 {
		t.Errorf("%d MiB were in use while %d MiB were read", from.most>>20, from.read>>20)
	}
}

func BenchmarkCSV(b *testing.B) {
	m := people()
	m.Fields = m.Fields[1:]
	for b.Loop() {
		from := &watch{from: io.MultiReader(strings.NewReader("Worker ID,Name,Start,Fired\n"), &many{n: 1_000_000, wide: 2_000, bad: 1_000_000})}
		err := file.New().Import(context.Background(), from, settings(b, m, sources.Statement{}), intake(b))
		if err == nil || !strings.Contains(err.Error(), "line 1000001") {
			b.Fatal(err)
		}
		b.SetBytes(from.read)
		b.ReportMetric(float64(from.most>>20), "MiB-most")
	}
}
