package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tickmark/tickmark/internal/auth"
	"github.com/tickmark/tickmark/internal/db"
	"github.com/tickmark/tickmark/internal/fault"
	"github.com/tickmark/tickmark/internal/id"
	"github.com/tickmark/tickmark/internal/job"
	"github.com/tickmark/tickmark/internal/op"
	"github.com/tickmark/tickmark/internal/op/optest"
)

// order is what the tests' worker is asked to do.
type order struct{ What string }

// enqueue adds a job.
func enqueue(t *testing.T, desk *op.Desk, in job.Insert) id.Job {
	t.Helper()
	var j id.Job
	err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) (err error) {
		j, err = job.Enqueue(tx, desk.Org, in, desk.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func show(t *testing.T, desk *op.Desk, j id.Job) job.Job {
	t.Helper()
	got, err := job.Show.Do(t.Context(), desk, job.Ref{ID: string(j)})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// once does what is due and says how many jobs that were.
func once(t *testing.T, r *job.Runner) int {
	t.Helper()
	n, err := r.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// runner does orders with fn.
func runner(desk *op.Desk, attempts int, fn func(ctx context.Context, r *job.Run, o order) error) *job.Runner {
	return job.NewRunner(desk.Engine, []job.Worker{job.New("orders.do", attempts, fn)}, 4)
}

func TestJobIsDoneOnceWithItsArguments(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var got []string
		r := runner(desk, 1, func(_ context.Context, r *job.Run, o order) error {
			got = append(got, fmt.Sprintf("%s for %s, attempt %d", o.What, r.Org, r.Attempt))
			return nil
		})
		j := enqueue(t, desk, job.Insert{Kind: "orders.do", Args: order{"tea"}})
		later := enqueue(t, desk, job.Insert{Kind: "orders.do", Args: order{"dinner"}, At: desk.Clock.Now().Add(time.Hour)})
		if s := show(t, desk, j); s.State != job.Ready || !s.Finished.IsZero() || s.Attempt != 0 {
			t.Errorf("before: %+v", s)
		}
		if n := once(t, r) + once(t, r); n != 1 {
			t.Errorf("%d jobs were due, want 1", n)
		}
		if diff := cmp.Diff([]string{fmt.Sprintf("tea for %s, attempt 1", desk.Org)}, got); diff != "" {
			t.Errorf("done (-want +got):\n%s", diff)
		}
		if s := show(t, desk, j); s.State != job.Done || s.Finished != desk.Clock.Now() || s.Error != "" || s.Attempt != 1 {
			t.Errorf("after: %+v", s)
		}
		if s := show(t, desk, later); s.State != job.Ready {
			t.Errorf("the later one: %+v", s)
		}
		optest.Clock(desk).Advance(time.Hour)
		if n := once(t, r); n != 1 {
			t.Errorf("%d jobs are due an hour later, want 1", n)
		}
	})
}

func TestJobCommitsWithTheChangeThatCausedIt(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		refused := errors.New("refused")
		err := desk.DB.Write(t.Context(), string(desk.Org), func(tx *db.Tx) error {
			_, err := job.Enqueue(tx, desk.Org, job.Insert{Kind: "orders.do"}, desk.Clock.Now())
			return errors.Join(err, refused)
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		page, err := job.List.Do(t.Context(), desk, job.Filter{})
		if err != nil || page.Total != 0 {
			t.Errorf("%d jobs, %v; want none", page.Total, err)
		}
	})
}

func TestTwoRunnersNeverTakeTheSameJob(t *testing.T) {
	const jobs = 40
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var (
			mu   sync.Mutex
			done = map[id.Job]int{}
		)
		ctx, stop := context.WithCancel(t.Context())
		work := func(_ context.Context, r *job.Run, _ order) error {
			mu.Lock()
			defer mu.Unlock()
			if done[r.Job]++; len(done) == jobs {
				stop()
			}
			return nil
		}
		for i := range jobs {
			enqueue(t, desk, job.Insert{Kind: "orders.do", Args: order{fmt.Sprint(i)}})
		}
		var running sync.WaitGroup
		for range 3 {
			running.Go(func() { runner(desk, 3, work).Run(ctx) })
		}
		running.Wait()
		for j, n := range done {
			if n != 1 {
				t.Errorf("%s was done %d times", j, n)
			}
		}
		page, err := job.List.Do(t.Context(), desk, job.Filter{Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Items {
			if j.State != job.Done || j.Attempt != 1 {
				t.Errorf("%+v, want it done at the first attempt", j)
			}
		}
	})
}

func TestJobOfASilentWorkerIsTakenOver(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		n := 0
		work := func(context.Context, *job.Run, order) error {
			if n++; n > 1 {
				return errors.New("the lost worker speaks up")
			}
			return nil
		}
		lost, other := runner(desk, 5, work), runner(desk, 5, work)
		j := enqueue(t, desk, job.Insert{Kind: "orders.do"})
		taken, err := lost.Claim(t.Context(), 1)
		if err != nil || len(taken) != 1 {
			t.Fatalf("took %d, %v", len(taken), err)
		}
		optest.Clock(desk).Advance(job.Lease)
		if once(t, other) != 0 {
			t.Error("taken over too early")
		}
		if mine, err := lost.Renew(t.Context(), taken[0]); err != nil || !mine {
			t.Errorf("the lease is not renewed: %v", err)
		}
		optest.Clock(desk).Advance(job.Lease)
		if once(t, other) != 0 {
			t.Error("taken over although the lease was renewed")
		}
		optest.Clock(desk).Advance(time.Millisecond)
		if once(t, other) != 1 {
			t.Fatal("not taken over")
		}
		if mine, err := lost.Renew(t.Context(), taken[0]); err != nil || mine {
			t.Errorf("the lost worker still has it: %v", err)
		}
		lost.Do(t.Context(), taken[0])
		if s := show(t, desk, j); s.State != job.Done || s.Attempt != 2 || s.Error != "" {
			t.Errorf("the lost worker's outcome counts: %+v", s)
		}
	})
}

// A job may be what kills the process.
func TestJobThatSilencesEveryWorkerIsGivenUp(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := runner(desk, 5, nil)
		j := enqueue(t, desk, job.Insert{Kind: "orders.do", Attempts: 3, Unique: "u"})
		for range 3 {
			if taken, err := r.Claim(t.Context(), 1); err != nil || len(taken) != 1 {
				t.Fatalf("took %d, %v", len(taken), err)
			}
			optest.Clock(desk).Advance(job.Lease + time.Second)
		}
		if taken, err := r.Claim(t.Context(), 1); err != nil || len(taken) != 0 {
			t.Errorf("taken a fourth time, %v", err)
		}
		if s := show(t, desk, j); s.State != job.Failed || s.Error != "its worker stopped answering" || s.Finished != desk.Clock.Now() {
			t.Errorf("got %+v", s)
		}
	})
}

func TestFailureIsTriedAgainLaterAndLater(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := runner(desk, 3, func(_ context.Context, r *job.Run, _ order) error {
			return fault.Invalid("", "attempt %d did not work", r.Attempt)
		})
		j := enqueue(t, desk, job.Insert{Kind: "orders.do", Attempts: 3})
		for attempt, wait := range []time.Duration{5 * time.Second, 20 * time.Second, 0} {
			if once(t, r) != 1 {
				t.Fatalf("attempt %d does not come", attempt+1)
			}
			s := show(t, desk, j)
			want := job.Job{ID: j, Kind: "orders.do", State: job.Ready, Attempt: int64(attempt + 1),
				Error: fmt.Sprintf("attempt %d did not work", attempt+1), Created: optest.Start}
			if wait == 0 {
				want.State, want.Finished = job.Failed, desk.Clock.Now()
			}
			if diff := cmp.Diff(want, s); diff != "" {
				t.Errorf("after attempt %d (-want +got):\n%s", attempt+1, diff)
			}
			optest.Clock(desk).Advance(wait - time.Millisecond)
			if once(t, r) != 0 {
				t.Errorf("attempt %d comes too early", attempt+2)
			}
			optest.Clock(desk).Advance(time.Millisecond)
		}
	})
}

func TestStoppingIsNoFailure(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		ctx, stop := context.WithCancel(t.Context())
		r := runner(desk, 1, func(ctx context.Context, _ *job.Run, _ order) error {
			if stop != nil {
				stop()
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		j := enqueue(t, desk, job.Insert{Kind: "orders.do", Attempts: 1})
		r.Run(ctx)
		if s := show(t, desk, j); s.State != job.Ready || !s.Finished.IsZero() {
			t.Errorf("after stopping: %+v", s)
		}
		stop = nil
		if once(t, r) != 1 {
			t.Error("the next process does not go on")
		}
		if s := show(t, desk, j); s.State != job.Done {
			t.Errorf("in the end: %+v", s)
		}
	})
}

func TestWhatGoesWrongInAWorkerEndsTheJobAlone(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := job.NewRunner(desk.Engine, []job.Worker{
			job.New("orders.panic", 1, func(context.Context, *job.Run, order) error { panic("at the till") }),
			job.New("orders.leak", 1, func(context.Context, *job.Run, order) error { return fmt.Errorf("first line\nand what follows it") }),
			job.New("orders.do", 1, func(context.Context, *job.Run, order) error { return nil }),
		}, 2)
		for name, c := range map[string]struct {
			in    job.Insert
			state string
			says  string
		}{
			"panic":         {job.Insert{Kind: "orders.panic", Attempts: 1}, job.Failed, "log says where"},
			"many lines":    {job.Insert{Kind: "orders.leak", Attempts: 1}, job.Failed, "first line"},
			"unknown kind":  {job.Insert{Kind: "orders.undo"}, job.Failed, "does not know that kind of job"},
			"bad arguments": {job.Insert{Kind: "orders.do", Args: []int{1}, Attempts: 1}, job.Failed, "arguments of job"},
			"nothing":       {job.Insert{Kind: "orders.do"}, job.Done, ""},
		} {
			j := enqueue(t, desk, c.in)
			once(t, r)
			s := show(t, desk, j)
			if s.State != c.state || !strings.Contains(s.Error, c.says) || strings.Contains(s.Error, "\n") {
				t.Errorf("%s: got %s, %q", name, s.State, s.Error)
			}
		}
	})
}

func TestUniqueKeyKeepsASecondOut(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Found(t, desk.Engine, "Other")
		in := job.Insert{Kind: "orders.do", Unique: "k"}
		first := enqueue(t, desk, in)
		if got := enqueue(t, desk, in); got != first {
			t.Errorf("waiting: got %s, want the one there is, %s", got, first)
		}
		var during id.Job
		r := runner(desk, 1, func(context.Context, *job.Run, order) error { during = enqueue(t, desk, in); return nil })
		if n := once(t, r); n != 1 || during != first {
			t.Errorf("running: got %s, want the one there is, %s", during, first)
		}
		if got := enqueue(t, desk, in); got == first {
			t.Error("done: the key is still taken")
		}
		apart := map[id.Job]bool{}
		for _, in := range []job.Insert{{Kind: "orders.do"}, {Kind: "orders.do"}, {Kind: "orders.undo", Unique: "k"}, {Kind: "orders.do", Unique: "l"}} {
			apart[enqueue(t, desk, in)] = true
		}
		apart[enqueue(t, other, in)] = true
		if len(apart) != 5 {
			t.Errorf("%d jobs, want 5: they share no key", len(apart))
		}
	})
}

func TestProgressIsShown(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		var seen []job.Progress
		r := runner(desk, 1, func(_ context.Context, r *job.Run, _ order) error {
			for i := range 4 {
				r.Progress(i, 4, "cups") // the second and fourth come too soon to be written
				seen = append(seen, show(t, desk, r.Job).Progress)
				optest.Clock(desk).Advance(200 * time.Millisecond)
			}
			return nil
		})
		enqueue(t, desk, job.Insert{Kind: "orders.do"})
		once(t, r)
		want := []job.Progress{{Done: 0, About: 4, What: "cups"}, {Done: 0, About: 4, What: "cups"}, {Done: 2, About: 4, What: "cups"}, {Done: 2, About: 4, What: "cups"}}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("progress (-want +got):\n%s", diff)
		}
	})
}

func TestJobsAreListedByPage(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		other := optest.Found(t, desk.Engine, "Other")
		enqueue(t, other, job.Insert{Kind: "orders.do"})
		var want, got []id.Job
		for range 5 {
			want = append([]id.Job{enqueue(t, desk, job.Insert{Kind: "orders.do"})}, want...)
			optest.Clock(desk).Advance(time.Second)
		}
		after := ""
		for range 3 {
			page, err := job.List.Do(t.Context(), desk, job.Filter{After: after, Limit: 2})
			if err != nil || page.Total != 5 {
				t.Fatalf("total %d, %v; want 5", page.Total, err)
			}
			for _, j := range page.Items {
				got = append(got, j.ID)
			}
			after = page.Next
		}
		if diff := cmp.Diff(want, got); diff != "" || after != "" {
			t.Errorf("newest first (-want +got), then %q:\n%s", after, diff)
		}
		if _, err := job.Show.Do(t.Context(), other, job.Ref{ID: string(want[0])}); fault.KindOf(err) != fault.KindNotFound {
			t.Errorf("a job of another organization: got %v, want not found", err)
		}
		if _, err := job.Show.Do(t.Context(), desk, job.Ref{ID: "job_1"}); fault.KindOf(err) != fault.KindInvalid {
			t.Errorf("no id: got %v, want invalid", err)
		}
		if _, err := job.List.Do(t.Context(), optest.Member(t, desk, auth.Employee), job.Filter{}); fault.KindOf(err) != fault.KindDenied {
			t.Errorf("without the right: got %v, want denied", err)
		}
	})
}

func TestOldJobsAreForgotten(t *testing.T) {
	optest.Each(t, func(t *testing.T, desk *op.Desk) {
		r := runner(desk, 1, func(context.Context, *job.Run, order) error { return nil })
		enqueue(t, desk, job.Insert{Kind: "orders.do"})
		once(t, r)
		waiting := enqueue(t, desk, job.Insert{Kind: "orders.do", At: desk.Clock.Now().Add(90 * 24 * time.Hour)})
		for _, c := range []struct {
			wait time.Duration
			want int64
		}{{30 * 24 * time.Hour, 2}, {time.Millisecond, 1}} {
			optest.Clock(desk).Advance(c.wait)
			if err := job.Forget(t.Context(), desk.Engine); err != nil {
				t.Fatal(err)
			}
			if page, err := job.List.Do(t.Context(), desk, job.Filter{}); err != nil || page.Total != c.want {
				t.Errorf("%d jobs, %v; want %d", page.Total, err, c.want)
			}
		}
		show(t, desk, waiting)
	})
}
