package clock_test

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/clock"
)

func TestTimeIsTruncatedAtTheDoor(t *testing.T) {
	odd := time.Date(2026, 11, 21, 23, 5, 2, 123_456_789, time.FixedZone("", 3600))
	want := time.Date(2026, 11, 21, 22, 5, 2, 123_000_000, time.UTC)
	if got := clock.NewFixed(odd).Now(); got != want {
		t.Errorf("fixed: got %v, want %v", got, want)
	}
	now := clock.System().Now()
	if now != clock.Truncate(now) || now.Location() != time.UTC {
		t.Errorf("system: %v is not in whole milliseconds of UTC", now)
	}
	if got := clock.FromMillis(clock.Millis(odd)); got != want {
		t.Errorf("stored: got %v, want %v", got, want)
	}
}

func TestFixedMovesBothWays(t *testing.T) {
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	c := clock.NewFixed(start)
	c.Advance(90*time.Second + 5*time.Microsecond)
	c.Advance(-30 * time.Second)
	if got, want := c.Now(), start.Add(time.Minute); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestZeroTimeIsZeroMillis(t *testing.T) {
	if got := clock.Millis(time.Time{}); got != 0 {
		t.Errorf("got %d, want 0", got)
	}
	if got := clock.FromMillis(0); !got.IsZero() {
		t.Errorf("got %v, want the zero time", got)
	}
	before := time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := clock.FromMillis(clock.Millis(before)); got != before {
		t.Errorf("got %v, want %v", got, before)
	}
}
