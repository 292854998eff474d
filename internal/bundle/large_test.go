package bundle_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/bundle"
	"github.com/tickmark/tickmark/internal/canon"
)

// warehouse is a log of evidence that is made anew whenever it is read, so that
// what a process needs is what the bundle needs.
type warehouse struct {
	t testing.TB
	n int
}

func (w warehouse) text(i int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "row %d of what a system said\n", i), 20)
}

func (w warehouse) payloads(i int) map[string]string {
	s := sha256.Sum256(w.text(i))
	return map[string]string{
		"actor": actor("usr_1"), "content": canon.Content(fmt.Sprintf("%x", s), int64(len(w.text(i)))),
		"body": fmt.Sprintf(`{"id":"evd_%d","media_type":"text/plain","op":"evidence.create","title":"Rows"}`, i),
	}
}

func (w warehouse) opening(i int) bundle.Opening {
	o := bundle.Opening{Index: int64(i), Open: map[string]bundle.Opened{}}
	for label, p := range w.payloads(i) {
		o.Open[label] = bundle.Opened{R: sha256.Sum256(fmt.Appendf(nil, "%d %s", i, label)), Payload: p}
	}
	return o
}

func (w warehouse) leaves() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for i := range w.n + 1 {
			l := canon.Leaf{Log: origin(1), Index: int64(i), Recorded: start.Add(time.Duration(i) * time.Second), Kind: canon.KindEvidence}
			if i == 0 {
				l.Kind, l.Key = canon.KindLog, public(1)
			} else {
				l.Commit = map[string][32]byte{}
				for label, o := range w.opening(i).Open {
					l.Commit[label] = canon.Commit(o.R, label, o.Payload)
				}
			}
			b, err := l.Encode()
			if !yield(b, err) {
				return
			}
		}
	}
}

func (w warehouse) openings() iter.Seq2[bundle.Opening, error] {
	return func(yield func(bundle.Opening, error) bool) {
		for i := 1; i <= w.n; i++ {
			if !yield(w.opening(i), nil) {
				return
			}
		}
	}
}

func (w warehouse) write(path string) {
	f, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	var tree canon.Tree
	for leaf, err := range w.leaves() {
		if err != nil {
			w.t.Fatal(err)
		}
		tree.Add(leaf)
	}
	c := bundle.Contents{
		Created: start, Scope: bundle.All, Readme: []byte("r"), Spec: []byte("s"),
		Logs: []bundle.Log{{
			Checkpoint: sign(w.t, canon.Checkpoint{Origin: origin(1), Size: tree.Size(), Root: tree.Root()}.Text(), 1),
			Key:        vkey(1), Leaves: w.leaves(), Openings: w.openings(),
		}},
	}
	for i := 1; i <= w.n; i++ {
		c.Blobs = append(c.Blobs, bundle.Blob{SHA256: sha256.Sum256(w.text(i)), Size: int64(len(w.text(i))), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(w.text(i))), nil
		}})
	}
	out := bufio.NewWriterSize(f, 1<<20)
	if err := bundle.Write(out, c, signer(w.t, 1)); err != nil {
		w.t.Fatal(err)
	}
	if err := out.Flush(); err != nil {
		w.t.Fatal(err)
	}
}

// TestWarehouseChild is what BenchmarkWarehouse starts, so that the memory of one
// step is seen and nobody else's.
func TestWarehouseChild(t *testing.T) {
	mode, path, _ := strings.Cut(os.Getenv("TICKMARK_WAREHOUSE"), ":")
	switch mode {
	case "write":
		warehouse{t, 100_000}.write(path)
	case "verify":
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		steps := 0
		r, err := bundle.Verify(f, info.Size(), bundle.Options{Keys: []string{vkey(1)}, Progress: func(done, of int64) {
			if steps++; done > of {
				t.Errorf("%d of %d", done, of)
			}
		}})
		if err != nil || r.Verdict != bundle.Verified || r.Counts.Blobs != 100_000 || len(r.Items) != 100_001 || steps < 100 {
			t.Fatal(err, r.Verdict, r.Counts, r.Problems, steps)
		}
	default:
		warehouse{t, 300}.write(filepath.Join(t.TempDir(), "small.evb"))
	}
}

// BenchmarkWarehouse writes and verifies a bundle of 100,000 records of evidence,
// each opened, each with bytes of its own.
func BenchmarkWarehouse(b *testing.B) {
	path := filepath.Join(b.TempDir(), "warehouse.evb")
	for _, mode := range []string{"write", "verify"} {
		b.Run(mode, func(b *testing.B) {
			for b.Loop() {
				c := exec.Command(os.Args[0], "-test.run", "^TestWarehouseChild$")
				c.Env = append(os.Environ(), "TICKMARK_WAREHOUSE="+mode+":"+path)
				if out, err := c.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				u, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
				if !ok {
					b.Skip("the memory of a process is not told here")
				}
				b.ReportMetric(float64(u.Maxrss)/1024, "MiB")
				b.ReportMetric((c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), "cpu-s/op")
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/(1<<20), "MiB-file")
		})
	}
}

// BenchmarkBlobs verifies a bundle that is nearly all one content, of 512 MiB.
func BenchmarkBlobs(b *testing.B) {
	const size = 512 << 20
	content := bytes.Repeat([]byte("what a system said, line by line\n"), size/33)
	path := filepath.Join(b.TempDir(), "blob.evb")
	l := newBook(b, 1, false)
	s := sha256.Sum256(content)
	l.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{"body": body("evd_1"), "content": canon.Content(fmt.Sprintf("%x", s), int64(len(content)))})
	c := bundle.Contents{Created: start, Scope: bundle.All, Logs: []bundle.Log{l.log()}, Blobs: []bundle.Blob{{SHA256: s, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}}}
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := bundle.Write(f, c, signer(b, 1)); err != nil {
		b.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("verify", func(b *testing.B) {
		at := spent()
		for b.Loop() {
			if r, err := bundle.Verify(f, info.Size(), bundle.Options{Keys: []string{vkey(1)}}); err != nil || r.Verdict != bundle.Verified {
				b.Fatal(err, r.Verdict)
			}
		}
		b.ReportMetric(float64(info.Size())*float64(b.N)/(spent()-at).Seconds()/1e9, "GB/cpu-s")
	})
	b.Run("bare SHA-256", func(b *testing.B) {
		at := spent()
		for b.Loop() {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				b.Fatal(err)
			}
			h := sha256.New()
			if _, err := io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, make([]byte, 1<<18)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(info.Size())*float64(b.N)/(spent()-at).Seconds()/1e9, "GB/cpu-s")
	})
}

// BenchmarkProof measures proof files: how large they are beside the logarithm of
// the log, and what checking one costs.
func BenchmarkProof(b *testing.B) {
	for _, n := range []int{2, 32, 1024, 32768} {
		l := newBook(b, 1, false)
		for len(l.leaves) < n {
			l.add(canon.Leaf{Kind: canon.KindEvidence}, map[string]string{"actor": actor("usr_1"), "body": body("evd_1"), "content": content("x")})
		}
		p := l.proof(n / 2)
		file := writeProof(b, p)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if r := verifyProof(b, file, bundle.Options{Keys: []string{vkey(1)}}); r.Verdict != bundle.Verified {
					b.Fatal(r.Problems)
				}
			}
			b.ReportMetric(float64(len(file)), "B")
			b.ReportMetric(float64(len(p.Hashes)), "hashes")
		})
	}
}
