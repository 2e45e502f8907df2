package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
)

// metadata answers with the service provider's metadata of a profile: signed
// with ?signed=1.
func (w *Web) metadata(r *request) error {
	xml, err := w.SSO.Metadata(r.Context(), r.PathValue("profile"), r.URL.Query().Get("signed") == "1")
	if err != nil {
		return err
	}
	h := r.ResponseWriter.Header()
	h.Set("Content-Type", "application/samlmetadata+xml")
	h.Set("Content-Disposition", `attachment; filename="sallyport-metadata.xml"`)
	h.Set("Cache-Control", "public, max-age=300")
	_, err = r.ResponseWriter.Write(xml)
	return err
}

// start begins a sign-in with a profile: by a link, a tile, or a restart.
func (w *Web) start(r *request) error {
	in := sso.Start{ProfileID: r.PathValue("profile"), ReturnTo: r.returnTo(), Restarted: r.URL.Query().Has("restart")}
	if r.prefetching() {
		r.WriteHeader(http.StatusNoContent)
		return nil
	}
	if in.Restarted {
		if err := r.countRestart(); err != nil {
			return r.web.SSO.RefuseStart(r.Context(), r.actor(), in, err)
		}
	}
	return r.depart(in)
}

// Restarts of one browser: at most maxRestarts within restartWindow.
const (
	maxRestarts   = 5
	restartWindow = 2 * time.Minute
)

// countRestart refuses to go round in circles. The answer of the ACS has set
// the probe: a browser that does not bring it takes no cookies, and would never
// arrive. It stays for the browser's other tabs.
func (r *request) countRestart() error {
	if r.cookie(cookieProbe) == "" {
		return fault.New(fault.SAMLRequestUnknown, "Your browser does not keep our cookies, without which nobody can sign in. Please allow cookies for this site and try again.")
	}
	count, since := 0, time.Now()
	if first, second, ok := strings.Cut(r.cookie(cookieRestart), "."); ok {
		n, err1 := strconv.Atoi(first)
		at, err2 := strconv.ParseInt(second, 10, 64)
		if err1 == nil && err2 == nil && time.Since(time.Unix(at, 0)) < restartWindow {
			count, since = n, time.Unix(at, 0)
		}
	}
	if count++; count > maxRestarts {
		return fault.New(fault.SAMLIdPInitiatedRefused, "Your company's sign-in page sends you here again and again without an answer to our request. Please tell your administrator.")
	}
	r.setCookie(cookieRestart, strconv.Itoa(count)+"."+strconv.FormatInt(since.Unix(), 10), restartWindow)
	return nil
}

type postView struct {
	Frame
	Action, Field, Value, RelayState string
}

// depart sends the browser to the Identity Provider.
func (r *request) depart(in sso.Start) error {
	d, err := r.web.SSO.Start(r.Context(), in)
	if err != nil {
		return r.web.SSO.RefuseStart(r.Context(), r.actor(), in, err)
	}
	r.bind(d.BrowserToken, 35*time.Minute)
	return r.leave(d)
}

// leave answers with the way to the Identity Provider.
func (r *request) leave(d sso.Departure) error {
	if !d.Post {
		return r.redirect(d.URL)
	}
	r.allowForeignForms()
	return r.render(http.StatusOK, "post", postView{
		Frame: r.frame("post.title"), Action: d.URL, Field: "SAMLRequest", Value: d.SAMLRequest, RelayState: d.RelayState,
	})
}

// maxResponse bounds the body of a POST to the ACS: a message of 1 MiB, as
// base64 in a form.
const maxResponse = 3 << 20

// acs takes what the Identity Provider has the browser post. None of our
// cookies come with it: who the browser is shows at /login/finish.
func (w *Web) acs(r *request) error {
	// First of all: the page of a refusal looks into the form as well.
	r.Body = http.MaxBytesReader(r.ResponseWriter, r.Body, maxResponse)
	in := sso.Response{ProfileID: r.PathValue("profile"), TooLarge: r.ContentLength > maxResponse}
	if !in.TooLarge {
		in.TooLarge = r.readForm()
		in.SAMLResponse, in.RelayState = r.PostForm["SAMLResponse"], r.PostForm.Get("RelayState")
	}
	out, err := w.SSO.Consume(r.Context(), r.actor(), in)
	switch {
	case err != nil:
		return err
	case out.Restart:
		r.setCookie(cookieProbe, "1", 5*time.Minute)
		query := url.Values{"restart": {"1"}}
		if out.ReturnTo != "" {
			query.Set("return_to", out.ReturnTo)
		}
		return r.redirect("/saml/" + r.PathValue("profile") + "/start?" + query.Encode())
	}
	if out.BrowserToken != "" {
		r.bind(out.BrowserToken, 2*time.Minute)
	}
	return r.redirect("/login/finish?ticket=" + out.Ticket)
}

// readForm reads a form of any kind and reports whether it is too large. What
// could be read of a broken one is judged as it is.
func (r *request) readForm() (tooLarge bool) {
	err := r.ParseForm()
	if err == nil {
		_, err = io.Copy(io.Discard, r.Body) // a body that is no such form
	}
	var limit *http.MaxBytesError
	if err != nil && !errors.As(err, &limit) {
		r.web.Logger.Debug("form", "cause", err)
	}
	return limit != nil
}

// finish is where the browser comes back to, with its cookies.
func (w *Web) finish(r *request) error {
	if r.prefetching() {
		r.WriteHeader(http.StatusNoContent)
		return nil
	}
	if strings.HasPrefix(r.URL.Query().Get("ticket"), sso.TestTicket) {
		return w.finishTest(r)
	}
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	out, err := w.SSO.Finish(r.Context(), r.actor(), sso.Finish{
		Ticket: r.URL.Query().Get("ticket"), BrowserTokens: r.browserTokens(), Current: identity,
	})
	if err != nil {
		return err
	}
	if out.Page == signin.PageNone {
		r.setCookie(cookieWay, "", -1)
	}
	return r.arrived(out)
}
