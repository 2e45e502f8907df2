package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// auditMetrics are those of the chain of the audit log.
type auditMetrics struct {
	position, fingerprint, waiting, lag prometheus.Gauge
}

func newAuditMetrics(registry *prometheus.Registry) auditMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
		registry.MustRegister(g)
		return g
	}
	return auditMetrics{
		position:    gauge("sallyport_audit_head_position", "Audit events that were sealed since the beginning."),
		fingerprint: gauge("sallyport_audit_head_fingerprint", "The first 48 bits of the MAC of the last of them."),
		waiting:     gauge("sallyport_audit_waiting", "Audit events that have no seal yet."),
		lag:         gauge("sallyport_audit_lag_seconds", "How long the oldest of them has been waiting."),
	}
}

// gaugeAudit measures how far sealing is, whichever node does it.
func (a *App) gaugeAudit(ctx context.Context) error {
	s, err := a.Audit.State(ctx)
	if err != nil {
		return err
	}
	a.audit.position.Set(float64(s.Head.Position))
	a.audit.fingerprint.Set(s.Head.Fingerprint())
	a.audit.waiting.Set(float64(s.Waiting))
	a.audit.lag.Set(s.Lag.Seconds())
	return nil
}
