package app

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"
)

// Timeouts of the listeners: a client that is slow or says nothing is let go.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 30 * time.Second
	writeTimeout    = 60 * time.Second
	idleTimeout     = 2 * time.Minute
	maxHeader       = 32 << 10
	shutdownTimeout = 15 * time.Second
)

// Serve answers requests until ctx ends, and then finishes those under way.
func (a *App) Serve(ctx context.Context) error {
	public, admin, err := a.listen()
	if err != nil {
		return err
	}
	if a.tracer, a.stopTracer, err = openTracer(ctx, a.Settings.TracesURL, a.Version, a.Logger); err != nil {
		return err
	}
	defer a.flushTraces()
	a.Logger.Info("listening", "listen", public.Addr().String(), "admin_listen", admin.Addr().String(),
		"base_url", a.Settings.BaseURL, "database", a.DB.Engine(), "version", a.Version)

	a.checkClock(ctx)
	background, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { a.work(background) })
	work.Go(func() { a.outbox.Run(background) })
	work.Go(func() { a.jobs.Run(background) })
	work.Go(func() { a.record.Run(background) })

	servers := []*http.Server{a.server(a.Public()), a.server(a.admin())}
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{public, admin} {
		go func() { failed <- servers[i].Serve(l) }()
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-failed:
	}
	stop()
	return errors.Join(err, shutdown(servers), waitFor(&work), a.record.Flush(context.WithoutCancel(ctx)))
}

// listen opens both listeners, or tells all that stands in the way.
func (a *App) listen() (public, admin net.Listener, err error) {
	var problems Problems
	open := func(setting, address string) net.Listener {
		l, err := net.Listen("tcp", address)
		if err != nil {
			problems = append(problems, setting+": "+err.Error())
		}
		return l
	}
	public, admin = open("--listen", a.Settings.Listen), open("--admin-listen", a.Settings.AdminListen)
	var config *tls.Config
	if a.Settings.TLSCert != "" {
		if config, err = tlsConfig(a.Settings.TLSCert, a.Settings.TLSKey); err != nil {
			problems = append(problems, "--tls-cert, --tls-key: "+err.Error())
		}
	}
	if problems != nil {
		for _, l := range []net.Listener{public, admin} {
			if l != nil {
				l.Close() // nothing was accepted
			}
		}
		return nil, nil, problems
	}
	if config != nil {
		public = tls.NewListener(public, config)
	}
	return public, admin, nil
}

func (a *App) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: connectionLog(a.Logger), // clients that went away
	}
}

func shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	var err error
	for _, s := range servers {
		err = errors.Join(err, s.Shutdown(ctx))
	}
	return err
}

func waitFor(work *sync.WaitGroup) error {
	work.Wait()
	return nil
}

// admin is the handler of the admin listener.
func (a *App) admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := a.ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ready\n"))
	})
	if a.Settings.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	}
	return mux
}
