package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// workEvery is the time between two rounds of background work.
const workEvery = time.Minute

// work does what has to be done from time to time, until ctx ends.
func (a *App) work(ctx context.Context) {
	for {
		a.round(ctx)
		// Nodes that were started together drift apart.
		pause := workEvery - workEvery/10 + rand.N(workEvery/5)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (a *App) round(ctx context.Context) {
	a.checkClock(ctx)
	for what, do := range map[string]func(context.Context) error{
		"sessions": a.sessions.Purge, "arrivals": a.signin.Purge, "sso": a.sso.Purge, "tokens": a.Tokens.Purge, "metrics": a.gauge,
	} {
		if err := do(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.Logger.Warn("background work failed", "what", what, "cause", err)
		}
	}
}

// gauge measures what is not counted as it happens.
func (a *App) gauge(ctx context.Context) error {
	n, err := a.sessions.Count(ctx)
	if err != nil {
		return err
	}
	a.metrics.sessions.Set(float64(n))
	expiries, err := a.sso.CertificateExpiries(ctx)
	if err != nil {
		return err
	}
	a.metrics.expiry.Reset()
	for profileID, at := range expiries {
		a.metrics.expiry.WithLabelValues(profileID).Set(time.Until(at).Seconds())
	}
	waiting, oldest, err := a.outbox.Backlog(ctx)
	if err != nil {
		return err
	}
	a.metrics.mailsWaiting.Set(float64(waiting))
	a.metrics.mailsOldest.Set(oldest.Seconds())
	return nil
}
