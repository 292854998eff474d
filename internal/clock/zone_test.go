package clock

import (
	"testing"
	"time"

	"github.com/tickmark/tickmark/internal/fault"
)

func TestZones(t *testing.T) {
	for _, x := range []struct{ name, zone string }{{"Europe/Berlin", "Europe/Berlin"}, {"UTC", "UTC"}, {"", "UTC"}} {
		got, err := ParseZone(x.name)
		if err != nil || got.String() != x.zone || Zone(x.name).String() != x.zone {
			t.Errorf("%q is %v, %v; shown in %v", x.name, got, err, Zone(x.name))
		}
	}
	for _, name := range []string{"Local", "Europe/Atlantis", "../etc/passwd", "berlin"} {
		_, err := ParseZone(name)
		if f := fault.As(err); f == nil || f.Kind != fault.KindInvalid || f.Field != "zone" {
			t.Errorf("%q is reckoned in: %v", name, err)
		}
		if Zone(name) != time.UTC {
			t.Errorf("%q is shown in %v", name, Zone(name))
		}
	}
}
