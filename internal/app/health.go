package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Differences between this node's clock and the database's that are warned of,
// and with which the node takes no requests.
const (
	clockWarn = 2 * time.Second
	clockFail = 30 * time.Second
)

// clockState is the last difference that was measured.
type clockState struct{ difference atomic.Int64 }

// Difference is that measured last.
func (c *clockState) Difference() time.Duration { return time.Duration(c.difference.Load()) }

// checkClock compares the clocks.
func (a *App) checkClock(ctx context.Context) {
	d, err := a.DB.ClockDifference(ctx)
	if err != nil {
		a.Logger.Warn("clock not compared", "cause", err)
		return
	}
	a.clock.difference.Store(int64(d))
	if d.Abs() > clockWarn {
		a.Logger.Warn("the clock of this node differs from the database's", "difference", d)
	}
}

// ready reports whether this node should get requests.
func (a *App) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := a.DB.Ping(ctx); err != nil {
		a.Logger.Warn("not ready", "cause", err)
		return errors.New("the database does not answer")
	}
	pending, err := a.DB.Pending(ctx)
	if err != nil || pending > 0 {
		return errors.New("the database is older than this release")
	}
	if d := a.clock.Difference(); d.Abs() > clockFail {
		return fmt.Errorf("the clock of this node differs from the database's by %v", d.Round(time.Second))
	}
	return nil
}
