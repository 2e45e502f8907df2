package web

import (
	"net/http"

	"sallyport/internal/sso"
)

// logout ends the session here, whatever becomes of the one at the Identity
// Provider, which is asked next where it has Single Logout.
func (w *Web) logout(r *request) error {
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	if identity == nil {
		r.setCookie(cookieSession, "", -1)
		return r.redirect("/login")
	}
	if err := w.SignIn.SignOut(r.Context(), r.actor(), identity); err != nil {
		return err
	}
	r.setCookie(cookieSession, "", -1)
	message, asks, err := w.SSO.Logout(r.Context(), r.actor(), identity)
	if err != nil {
		w.Logger.Warn("the Identity Provider is not asked to sign out", "profile", identity.Session.ProfileID, "cause", err)
	}
	if err != nil || !asks {
		return r.redirect("/login")
	}
	r.identity = nil
	return r.send(message)
}

// send has the browser bring a message to the Identity Provider.
func (r *request) send(m sso.Outbound) error {
	if !m.Post {
		return r.redirect(m.URL)
	}
	r.allowForeignForms()
	return r.render(http.StatusOK, "post", postView{
		Frame: r.frame("signed_out.post"), Action: m.URL, Field: m.Field, Value: m.Value, RelayState: m.RelayState,
	})
}

// signingOut says what came to the Single Logout Service.
type signingOut int

const (
	signingNothing signingOut = iota
	signingOrder
	signingAnswer // to our request: the user has signed out here already
)

// slo takes what the Identity Provider has the browser bring: its order to sign
// somebody out, or its answer to ours. None of our cookies come with it, and it
// may come into a frame.
func (w *Web) slo(r *request) error {
	r.signingOut = signingOrder
	in := sso.LogoutMessage{ProfileID: r.PathValue("profile"), Query: r.URL.RawQuery}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(r.ResponseWriter, r.Body, maxResponse)
		if in.TooLarge = r.ContentLength > maxResponse; !in.TooLarge {
			in.TooLarge = r.readForm()
			in.Form = r.PostForm
		}
	} else if r.prefetching() {
		r.WriteHeader(http.StatusNoContent)
		return nil
	}
	if in.Form.Has("SAMLResponse") || in.Form == nil && r.URL.Query().Has("SAMLResponse") {
		r.signingOut = signingAnswer
	}
	out, err := w.SSO.TakeLogout(r.Context(), r.actor(), in)
	switch {
	case err != nil:
		return err
	case out.Result != "":
		return r.redirect("/signed-out?result=" + string(out.Result))
	}
	r.allowFrames()
	if out.Reply != nil {
		return r.send(*out.Reply)
	}
	return r.render(http.StatusOK, "signed_out", signedOutView{Frame: r.frame("signed_out.title"), What: r.text("signed_out.here")})
}

type signedOutView struct {
	Frame
	What string
	Warn bool // the user may still be signed in elsewhere
}

// signedOut is where a sign-out ends that went on to the Identity Provider.
func (w *Web) signedOut(r *request) error {
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	if identity != nil {
		return r.redirect("/") // signed in again by now
	}
	v := signedOutView{Frame: r.frame("signed_out.title")}
	switch sso.LogoutResult(r.URL.Query().Get("result")) {
	case sso.LogoutDone:
		v.What = r.text("signed_out.done")
	case sso.LogoutPartial:
		v.What, v.Warn = r.text("signed_out.partial"), true
	case sso.LogoutFailed:
		v.What, v.Warn = r.text("signed_out.failed"), true
	default:
		v.What = r.text("signed_out.here")
	}
	return r.render(http.StatusOK, "signed_out", v)
}
