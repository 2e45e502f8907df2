package app

import (
	"strings"
	"testing"
	"time"
)

func TestTheRecorderAndTheSealedLogAreShownOnceTheyAreThere(t *testing.T) {
	a := open(t, settings(t))
	waiting, dropped := 3, uint64(7)
	a.metrics.recorder(func() int { return waiting }, func() uint64 { return dropped })
	a.metrics.auditHead(func() (int64, time.Time) { return 42, time.UnixMilli(1_700_000_000_500) })
	_, text := get(a.admin(), "/metrics")
	for _, want := range []string{
		"sallyport_recorder_waiting 3", "sallyport_recorder_dropped_total 7",
		"sallyport_audit_sealed_events 42", "sallyport_audit_sealed_timestamp_seconds 1.7000000005e+09",
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	waiting = 0
	if _, text = get(a.admin(), "/metrics"); !strings.Contains(text, "\nsallyport_recorder_waiting 0\n") {
		t.Error("what is shown is not of now")
	}
}

func TestTheClocksDifferenceIsShown(t *testing.T) {
	a := open(t, settings(t))
	a.clock.difference.Store(int64(-1500 * time.Millisecond))
	if _, text := get(a.admin(), "/metrics"); !strings.Contains(text, "\nsallyport_clock_difference_seconds -1.5\n") {
		t.Error("not the difference that was measured")
	}
}
