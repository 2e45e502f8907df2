package app

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/sso"
)

// workEvery is the time between two rounds of what each node does for itself.
const workEvery = time.Minute

// purges are tasks of which one node does each, once a minute. They clear away
// what is old, and put in order what an earlier release has left.
func (a *App) purges() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"purge_sessions":   a.sessions.Purge,
		"purge_arrivals":   a.signin.Purge,
		"purge_sign_ins":   a.record.Purge,
		"purge_recoveries": a.signin.PurgeRecoveries,
		"purge_sso":        a.sso.Purge,
		"purge_tokens":     a.Tokens.Purge,
		"purge_jobs":       a.jobs.Purge,
		"purge_links":      a.links.Purge,
		"purge_throttles":  a.limits.Purge,
		"purge_sign_ups":   a.directory.PurgeSignUps,
		"purge_imports":    a.imports.Purge,
		"purge_feedback":   a.feedback.Purge,
		"index_users":      a.directory.Index,
	}
}

// domainsEvery is how often domains are looked for whose proof is due.
const domainsEvery = 10 * time.Second

// metadataEvery is how often metadata is looked for that is due.
const metadataEvery = time.Minute

func (a *App) register() {
	a.jobs.Register("check_domains", domainsEvery, a.directory.CheckDomains)
	a.jobs.Register("refresh_metadata", metadataEvery, a.sso.RefreshDue)
	a.jobs.Register("watch_certificates", time.Hour, a.sso.WatchCertificates)
	a.jobs.Register("watch_sign_ins", sso.AlertEvery, a.sso.WatchSignIns)
	a.jobs.Register("seal_audit", audit.SealEvery, a.Audit.Seal)
	a.jobs.Register("tell_audit_head", time.Minute, a.Audit.LogHead)
	a.jobs.Register("purge_audit", time.Hour, func(ctx context.Context) error { return a.Audit.Purge(ctx, a.Settings.AuditKeep) })
	for name, do := range a.purges() {
		a.jobs.Register(name, time.Minute, do)
	}
}

// work does this node's own rounds, until ctx ends.
func (a *App) work(ctx context.Context) {
	for {
		a.checkClock(ctx)
		if err := a.gauge(ctx); err != nil && !errors.Is(err, context.Canceled) {
			a.Logger.Warn("metrics not measured", "cause", err)
		}
		a.writeUses(ctx)
		// Nodes that were started together drift apart.
		pause := workEvery - workEvery/10 + rand.N(workEvery/5)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			a.writeUses(last)
			cancel()
			return
		case <-time.After(pause):
		}
	}
}

// writeUses writes which certificates this node has seen in sign-ins.
func (a *App) writeUses(ctx context.Context) {
	if err := a.sso.WriteUses(ctx); err != nil && !errors.Is(err, context.Canceled) {
		a.Logger.Warn("uses of certificates not written", "cause", err)
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
	queued, running, err := a.jobs.Count(ctx)
	if err != nil {
		return err
	}
	a.metrics.jobsOpen.WithLabelValues("queued").Set(float64(queued))
	a.metrics.jobsOpen.WithLabelValues("running").Set(float64(running))
	ages, err := a.jobs.Ages(ctx)
	if err != nil {
		return err
	}
	for task, age := range ages {
		a.metrics.jobsAge.WithLabelValues(task).Set(age.Seconds())
	}
	waiting, oldest, err := a.outbox.Backlog(ctx)
	if err != nil {
		return err
	}
	a.metrics.mailsWaiting.Set(float64(waiting))
	a.metrics.mailsOldest.Set(oldest.Seconds())
	return a.gaugeAudit(ctx)
}

// Work does background work, in a process that does not serve, until ctx ends.
func (a *App) Work(ctx context.Context) { a.jobs.Run(ctx) }
