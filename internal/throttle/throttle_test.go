package throttle_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/testenv/parts"
	"sallyport/internal/throttle"
)

var rate = throttle.Rate{Count: 3, Per: time.Minute}

// take takes once and returns how long to wait.
func take(t *testing.T, p *parts.Parts, b throttle.Bucket) (wait time.Duration) {
	t.Helper()
	p.Update(t, access.System("test"), func(tx *db.Tx) (err error) {
		wait, err = p.Limits.Take(tx, b)
		return err
	})
	return wait
}

func TestSoManyWithinATime(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := p.Limits.Bucket(throttle.Address, rate, "user@acme.test")
		for i := range 3 {
			if wait := take(t, p, b); wait != 0 {
				t.Fatalf("try %d: wait %v", i, wait)
			}
			p.Pass(10 * time.Second)
		}
		for range 5 { // what is refused does not count
			if wait := take(t, p, b); wait != 30*time.Second {
				t.Errorf("wait %v", wait)
			}
		}
		for name, other := range map[string]throttle.Bucket{
			"another kind":    p.Limits.Bucket(throttle.Device, rate, "user@acme.test"),
			"another address": p.Limits.Bucket(throttle.Address, rate, "other@acme.test"),
			"other parts":     p.Limits.Bucket(throttle.Address, rate, "user", "@acme.test"),
		} {
			if wait := take(t, p, other); wait != 0 {
				t.Errorf("%s waits %v", name, wait)
			}
		}
		p.Update(t, access.System("test"), func(tx *db.Tx) error { return p.Limits.Give(tx, b) })
		if wait := take(t, p, b); wait != 0 {
			t.Errorf("after one was given back: wait %v", wait)
		}
		p.Pass(30 * time.Second)
		for i := range 3 {
			if wait := take(t, p, b); wait != 0 {
				t.Errorf("in the next minute, try %d: wait %v", i, wait)
			}
		}
		if wait := take(t, p, b); wait != time.Minute {
			t.Errorf("wait %v", wait)
		}
	})
}

// TestTriesAtTheSameTime: no more than the limit get through.
func TestTriesAtTheSameTime(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := p.Limits.Bucket(throttle.Address, rate, "user@acme.test")
		var mu sync.Mutex
		passed := 0
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				var wait time.Duration
				err := p.DB.Update(t.Context(), access.System("test"), func(tx *db.Tx) (err error) {
					wait, err = p.Limits.Take(tx, b)
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				} else if wait == 0 {
					passed++
				}
			})
		}
		if all.Wait(); passed != 3 {
			t.Errorf("%d of 12 passed, not 3", passed)
		}
	})
}

func TestBucketsAreBoundedAndForgotten(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		p.Update(t, access.System("test"), func(tx *db.Tx) error {
			for i := range 3000 {
				if _, err := p.Limits.Take(tx, p.Limits.Bucket(throttle.Address, rate, fmt.Sprint(i))); err != nil {
					return err
				}
			}
			return nil
		})
		var rows, longest int
		p.View(t, func(tx *db.Tx) error {
			return tx.QueryRow("select count(*), max(length(bucket)) from throttles").Scan(&rows, &longest)
		})
		// Four octets, of which one is the kind and twenty bits count.
		if rows < 2980 || rows > 3000 || longest != 4 {
			t.Errorf("%d rows of up to %d octets", rows, longest)
		}
		if n := p.Count(t, "select count(*) from throttles where bucket >= $1", []byte{'a', 0x10, 0, 0}); n != 0 {
			t.Errorf("%d buckets have a number beyond 2^20", n)
		}
		if err := p.Limits.Purge(t.Context()); err != nil || p.Count(t, "select count(*) from throttles") != rows {
			t.Errorf("purged too early: %v", err)
		}
		p.Pass(time.Minute)
		if err := p.Limits.Purge(t.Context()); err != nil || p.Count(t, "select count(*) from throttles") != 0 {
			t.Errorf("not purged: %v", err)
		}
	})
}

func TestWhatIsOneSource(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::1": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "": "", "nonsense": "",
	} {
		if got := throttle.Network(address); got != want {
			t.Errorf("%q is of %q, not %q", address, got, want)
		}
	}
}
