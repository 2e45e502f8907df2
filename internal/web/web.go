package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/feedback"
	"sallyport/internal/id"
	"sallyport/internal/imports"
	"sallyport/internal/record"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
)

// A Config is what the door needs besides the use cases.
type Config struct {
	BaseURL     string // without a slash at its end
	ProductName string
	SupportURL  string // may be empty
	SalesURL    string // may be empty
	Proxies     door.Proxies
}

// secure reports whether browsers reach us over https.
func (c *Config) secure() bool { return strings.HasPrefix(c.BaseURL, "https://") }

// referrerPolicy keeps our addresses to ourselves: one of them holds a ticket.
// Browsers then hide the origin of forms as well. That does no harm where they
// send Sec-Fetch-Site, but over http outside loopback they don't: there the
// origin alone is told.
func (c *Config) referrerPolicy() string {
	u, err := url.Parse(c.BaseURL)
	if err == nil && u.Scheme == "http" && !door.Loopback(u.Hostname()) {
		return "origin"
	}
	return "no-referrer"
}

// Services are the use cases behind the door.
type Services struct {
	DB        *db.DB
	IDs       *id.Source
	Audit     *audit.Log
	Directory *directory.Service
	SignIn    *signin.Service
	Record    *record.Service
	SSO       *sso.Service
	Imports   *imports.Service
	Feedback  *feedback.Service
	Logger    *slog.Logger
}

// A Web is the door.
type Web struct {
	Services
	cfg    Config
	pages  *pages
	assets *assets
	mux    *http.ServeMux
	cross  *http.CrossOriginProtection
}

// New builds the door.
func New(services Services, cfg Config) (*Web, error) {
	w := &Web{Services: services, cfg: cfg, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection()}
	var err error
	if w.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if w.pages, err = loadPages(w.assets); err != nil {
		return nil, err
	}
	if err := w.cross.AddTrustedOrigin(origin(cfg.BaseURL)); err != nil {
		return nil, err
	}
	w.routes()
	return w, nil
}

// origin is the scheme and host of a URL.
func origin(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Scheme + "://" + u.Host
}

func (w *Web) routes() {
	w.handle("GET /{$}", w.console)
	w.handle("GET /login", w.loginPage)
	w.handle("POST /login", w.login)
	w.handle("GET /login/password", w.passwordPage)
	w.handle("POST /login/password", w.password)
	w.handle("GET /login/finish", w.finish)
	w.handle("POST /login/continue", w.continueAs)
	w.handle("POST /login/initial-password", w.initialPassword)
	w.handle("GET /login/forgot", w.forgotPage)
	w.handle("POST /login/forgot", w.forgot)
	w.handle("POST /logout", w.logout)
	w.handle("GET /signed-out", w.signedOut)
	w.handle("GET /session", w.session)

	w.handle("GET /signup", w.signUpPage)
	w.handle("POST /signup", w.signUp)
	w.handle("GET /invitation/{token}", w.invitation)
	w.handle("POST /invitation/{token}", w.acceptInvitation)
	w.handle("GET /reset/{token}", w.reset)
	w.handle("POST /reset/{token}", w.resetPassword)
	w.handle("GET /verify-email/{token}", w.proof)
	w.handle("POST /verify-email/{token}", w.prove)

	w.handle("GET /login/recovery", w.recoverPage)
	w.handle("POST /login/recovery", w.recover)
	w.handle("GET /recovery/{token}", w.recovery)
	w.handle("POST /recovery/{token}", w.useRecovery)
	w.handle("GET /account/recovery-codes", w.recoveryCodes)
	w.handle("POST /account/recovery-codes", w.recoveryCodes)

	w.handle("GET /account/security", w.security)
	w.handle("POST /account/password", w.changePassword)
	w.handle("POST /account/sessions/{id}/end", w.endSession)

	w.handle("GET /account/fresh", w.freshPage)
	w.handle("POST /account/fresh", w.signInAgain)

	w.handle("GET /organizations/new", w.foundOrganization)
	w.handle("POST /organizations/new", w.foundOrganization)
	for _, route := range w.adminRoutes() {
		for _, method := range strings.Fields(route.methods) {
			w.handle(method+" /admin/{organization}"+route.path, w.admit(route))
		}
	}

	w.handle("GET /test/{token}", w.startTest)
	w.handle("GET /test/{token}/result", w.testResult)
	w.handle("GET /setup/{token}", w.setup)
	w.handle("POST /setup/{token}", w.claimSetup)
	w.handle("POST /setup/{token}/product", w.chooseProduct)
	w.handle("GET /setup/{token}/idp", w.setupIdP)
	w.handle("POST /setup/{token}/idp", w.setupIdP)
	w.handle("GET /setup/{token}/idp/{reading}", w.setupReading)
	w.handle("POST /setup/{token}/idp/{reading}", w.setupReading)
	w.handle("POST /setup/{token}/test", w.testSetup)
	w.handle("GET /setup/{token}/test/{test}", w.setupTest)

	w.handle("GET /saml/{profile}/metadata", w.metadata)
	w.handle("GET /saml/{profile}/start", w.start)
	w.handleForeign("POST /saml/{profile}/acs", w.acs)
	w.handleForeign("GET /saml/{profile}/slo", w.slo)
	w.handleForeign("POST /saml/{profile}/slo", w.slo)

	w.handle("GET /help", w.helpHome)
	w.handle("GET /help/concepts/{concept}", w.helpConcept)
	w.handle("GET /help/guides", w.helpGuides)
	w.handle("GET /help/guides/{idp}", w.helpGuide)
	w.handle("GET /help/errors", w.helpErrors)
	w.handle("GET /help/errors/{code}", w.helpError)
	w.handle("POST /help/feedback", w.giveFeedback)
	w.handle("GET /help/thanks", w.thankForFeedback)
	w.mux.HandleFunc("/scim/v2/", w.scim)
	w.mux.HandleFunc("GET /assets/{file}", w.assets.serve)
	w.mux.HandleFunc("GET /favicon.ico", w.assets.favicon)
	w.handle("/", func(*request) error { return fault.New(fault.NotFound, "") })
}

// A request is one visit: what a handler has to know, and where it answers.
type request struct {
	http.ResponseWriter
	*http.Request
	web      *Web
	nonce    string
	lang     string
	identity *signin.Identity // nil: nobody is signed in
	asked    bool             // whether identity was looked up
	body     io.ReadCloser    // without its limit

	ancestors  string     // who may put the page into a frame; empty: nobody
	aside      bool       // nobody signs in here: a refusal leads to no login
	signingOut signingOut // what a refusal is of, at the Single Logout Service
}

// handle adds a route for forms and links of our own.
func (w *Web) handle(pattern string, h func(*request) error) { w.add(pattern, true, h) }

// handleForeign adds a route that other sites post to.
func (w *Web) handleForeign(pattern string, h func(*request) error) { w.add(pattern, false, h) }

func (w *Web) add(pattern string, ownOnly bool, h func(*request) error) {
	w.mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
		req := &request{ResponseWriter: rw, Request: r, web: w, nonce: w.IDs.Token(), lang: w.pages.language(r)}
		req.headers()
		var err error
		if ownOnly {
			req.body = r.Body
			r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
			err = cmp.Or(w.sameOrigin(r), formFits(r))
		}
		if err == nil {
			err = h(req)
		}
		if err != nil {
			req.refuse(err)
		}
	})
}

// maxForm bounds the forms of our own; the ACS has a limit of its own.
const maxForm = 64 << 10

// allowBody raises the limit, for somebody who may send as much.
func (r *request) allowBody(limit int64) {
	r.Request.Body = http.MaxBytesReader(r.ResponseWriter, r.body, limit)
}

// formFits refuses a form that is cut off by its limit. What else may be wrong
// with it shows in its fields.
func formFits(r *http.Request) error {
	var limit *http.MaxBytesError
	if r.Method == http.MethodPost && errors.As(r.ParseForm(), &limit) {
		return fault.New(fault.TooLarge, "")
	}
	return nil
}

// ServeHTTP answers every request that is not for the API.
func (w *Web) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.mux.ServeHTTP(rw, r) }

// sameOrigin refuses forms that were not sent from our own pages. Browsers say
// where a form comes from; a request that says nothing comes from a program,
// and must not carry a person's session.
func (w *Web) sameOrigin(r *http.Request) error {
	if err := w.cross.Check(r); err != nil {
		return fault.New(fault.Forbidden, "The form was sent from another site.")
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		if _, err := r.Cookie(w.cookieName(cookieSession)); err == nil {
			return fault.New(fault.Forbidden, "The browser did not say where the form comes from.")
		}
	}
	return nil
}

// headers are those of every page.
func (r *request) headers() {
	h := r.ResponseWriter.Header()
	h.Set("Content-Security-Policy", r.policy("'self'"))
	h.Set("Referrer-Policy", r.web.cfg.referrerPolicy())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if r.web.cfg.secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// policy is the Content-Security-Policy of a page. formAction is where its
// forms may lead, redirects of the answer included.
func (r *request) policy(formAction string) string {
	return "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'nonce-" + r.nonce +
		"'; connect-src 'self'; form-action " + formAction + "; frame-ancestors " + cmp.Or(r.ancestors, "'none'") + "; base-uri 'none'"
}

// allowForeignForms lets the page's forms lead to an Identity Provider, at once
// or by way of the page first asked for, and from there wherever it redirects:
// browsers hold form-action against every hop, and the large ones have several
// sites.
func (r *request) allowForeignForms() {
	r.ResponseWriter.Header().Set("Content-Security-Policy", r.policy("'self' https: http:"))
}

// allowFrames lets pages of an Identity Provider hold this one: to sign somebody
// out everywhere it opens one frame for each application. Where its pages come
// from its metadata does not say.
func (r *request) allowFrames() {
	r.ancestors = "https: http:"
	h := r.ResponseWriter.Header()
	h.Del("X-Frame-Options")
	h.Set("Content-Security-Policy", r.policy("'self'"))
}

// visitor returns who is signed in; nil for nobody.
func (r *request) visitor() (*signin.Identity, error) {
	if r.asked {
		return r.identity, nil
	}
	c, err := r.Cookie(r.web.cookieName(cookieSession))
	if err != nil {
		r.asked = true
		return nil, nil
	}
	if r.identity, err = r.web.SignIn.Authenticate(r.Context(), c.Value); err != nil {
		return nil, err
	}
	r.asked = true
	if r.identity != nil {
		// A session that can't be noted as used is none the worse for it.
		if err := r.web.SignIn.Touch(r.Context(), r.identity, time.Now()); err != nil && !errors.Is(err, context.Canceled) {
			r.web.Logger.Warn("session not touched", "cause", err)
		}
	}
	return r.identity, nil
}

// actor is who asks, and from where.
func (r *request) actor() access.Actor {
	address, agent := r.web.cfg.Proxies.Address(r.Request), door.Agent(r.Request)
	if r.identity != nil {
		return r.identity.Actor(address, agent)
	}
	return access.Actor{Address: address, Agent: agent}
}

// redirect answers 303. A path is on our own origin.
func (r *request) redirect(to string) error {
	r.ResponseWriter.Header().Set("Location", to)
	r.WriteHeader(http.StatusSeeOther)
	return nil
}

// returnTo reads where the visitor wanted to go: a path on our own origin, or
// nothing.
func (r *request) returnTo() string {
	path, _ := signin.LocalPath(r.FormValue("return_to"))
	return path
}

// home is where a sign-in ends that asked for no page.
func home(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// prefetching reports whether nobody has asked for the page yet: nothing may be
// used up by it.
func (r *request) prefetching() bool {
	return r.Method == http.MethodHead || strings.Contains(r.Request.Header.Get("Sec-Purpose"), "prefetch") ||
		r.Request.Header.Get("Purpose") == "prefetch"
}
