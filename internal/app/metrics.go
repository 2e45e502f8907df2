package app

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/outbox"
	"sallyport/internal/record"
)

// metrics are what /metrics shows, in a registry of their own.
type metrics struct {
	registry                  *prometheus.Registry
	signIns                   *prometheus.CounterVec
	validations               prometheus.Histogram
	requests                  *prometheus.HistogramVec
	sessions                  prometheus.Gauge
	expiry                    *prometheus.GaugeVec
	jobs                      *prometheus.HistogramVec
	jobsOpen                  *prometheus.GaugeVec
	jobsAge                   *prometheus.GaugeVec
	losses                    *prometheus.CounterVec
	mails                     *prometheus.CounterVec
	mailsWaiting, mailsOldest prometheus.Gauge
}

// A clock tells how far this node's is ahead of the database's.
type clock interface{ Difference() time.Duration }

func newMetrics(d *db.DB, version string, c clock) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_sign_ins_total", Help: "Sign-ins that were decided.",
		}, []string{"method", "outcome", "code"}),
		validations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sallyport_saml_validation_seconds", Help: "Time to validate a SAML response.",
			Buckets: []float64{25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 10e-3, 50e-3, 250e-3},
		}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sallyport_http_request_duration_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.5e-3, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 1, 5},
		}, []string{"route", "method", "status"}),
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_sessions_active", Help: "Sessions that were begun and not ended.",
		}),
		expiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_idp_certificate_expiry_seconds", Help: "Time until the last certificate of an SSO profile expires.",
		}, []string{"profile"}),
		jobs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sallyport_jobs_duration_seconds", Help: "Runs of background tasks and jobs on this node.",
			Buckets: []float64{.01, .1, 1, 10, 60, 600},
		}, []string{"task", "outcome"}),
		jobsOpen: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_jobs_open", Help: "Jobs of all nodes that have not ended.",
		}, []string{"status"}),
		jobsAge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_jobs_success_age_seconds", Help: "Time since a background task has last succeeded, on any node.",
		}, []string{"task"}),
		losses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_recorder_dropped_total", Help: "Attempts to sign in of which something was not recorded, by the reason.",
		}, []string{"reason"}),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_mails_total", Help: "Attempts to send a mail, by what became of them.",
		}, []string{"kind", "outcome"}),
		mailsWaiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_mails_waiting", Help: "Mails that were written and not sent yet.",
		}),
		mailsOldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_mails_oldest_seconds", Help: "How long the oldest of them has been waiting.",
		}),
	}
	m.registry.MustRegister(m.signIns, m.validations, m.requests, m.sessions, m.expiry, m.jobs, m.jobsOpen, m.jobsAge, m.losses, m.mails, m.mailsWaiting, m.mailsOldest,
		about(d, version), difference(c), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), databaseMetrics{d})
	// A counter that begins with its first sign-in hides that one from rates.
	for _, method := range []access.Method{access.MethodSSO, access.MethodPassword, access.MethodRecovery} {
		m.signIns.WithLabelValues(string(method), audit.Succeeded, "")
	}
	return m
}

// about says what runs here.
func about(d *db.DB, version string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sallyport_build_info", Help: "Always 1; its labels say what runs on this node.",
		ConstLabels: prometheus.Labels{"version": version, "database": d.Engine()},
	})
	g.Set(1)
	return g
}

func difference(c clock) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_clock_difference_seconds", Help: "How far the clock of this node is ahead of the database's.",
	}, func() float64 { return c.Difference().Seconds() })
}

// recorder shows how many attempts to sign in are to be recorded.
func (m *metrics) recorder(waiting func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_recorder_waiting", Help: "Attempts to sign in that were not recorded yet.",
	}, func() float64 { return float64(waiting()) }))
	for _, why := range record.Losses() {
		m.losses.WithLabelValues(string(why))
	}
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

func (m *metrics) signIn(method access.Method, outcome string, code fault.Code) {
	m.signIns.WithLabelValues(string(method), outcome, string(code)).Inc()
}

func (m *metrics) job(name, outcome string, took time.Duration) {
	m.jobs.WithLabelValues(name, outcome).Observe(took.Seconds())
}

func (m *metrics) mail(kind outbox.Kind, outcome outbox.Outcome) {
	m.mails.WithLabelValues(string(kind), string(outcome)).Inc()
}

func (m *metrics) loss(why record.Loss) { m.losses.WithLabelValues(string(why)).Inc() }

func (m *metrics) validation(took time.Duration) { m.validations.Observe(took.Seconds()) }

// Request implements [door.Metrics].
func (m *metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// databaseMetrics shows what the database counts.
type databaseMetrics struct{ db *db.DB }

var (
	descUpdates = prometheus.NewDesc("sallyport_db_updates_total", "Transactions that changed something.", nil, nil)
	descCommits = prometheus.NewDesc("sallyport_db_commits_total", "Commits; fewer than updates where updates share one.", nil, nil)
	descRetries = prometheus.NewDesc("sallyport_db_retries_total", "Transactions that were done again after a conflict.", nil, nil)
	descInUse   = prometheus.NewDesc("sallyport_db_connections_in_use", "Connections in use.", []string{"pool"}, nil)
	descWaits   = prometheus.NewDesc("sallyport_db_connection_wait_seconds_total", "Time spent waiting for a connection.", []string{"pool"}, nil)
)

// Describe implements [prometheus.Collector].
func (m databaseMetrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements [prometheus.Collector].
func (m databaseMetrics) Collect(ch chan<- prometheus.Metric) {
	s := m.db.Stats()
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	counter(descUpdates, float64(s.Updates))
	counter(descCommits, float64(s.Commits))
	counter(descRetries, float64(s.Retries))
	ch <- prometheus.MustNewConstMetric(descInUse, prometheus.GaugeValue, float64(s.Write.InUse), "write")
	ch <- prometheus.MustNewConstMetric(descInUse, prometheus.GaugeValue, float64(s.Read.InUse), "read")
	counter(descWaits, s.Write.WaitDuration.Seconds(), "write")
	counter(descWaits, s.Read.WaitDuration.Seconds(), "read")
}
