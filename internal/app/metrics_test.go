package app

import (
	"strings"
	"testing"
	"time"
)

func TestTheClocksDifferenceIsShown(t *testing.T) {
	a := open(t, settings(t))
	a.clock.difference.Store(int64(-1500 * time.Millisecond))
	if _, text := get(a.admin(), "/metrics"); !strings.Contains(text, "\nsallyport_clock_difference_seconds -1.5\n") {
		t.Error("not the difference that was measured")
	}
}
