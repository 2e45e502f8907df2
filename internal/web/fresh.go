package web

import (
	"errors"
	"net/http"
	"net/url"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
)

// A fresh sign-in is one of the last ten minutes: dangerous acts ask for it.

type freshView struct {
	Frame
	Email    string
	UsesSSO  bool
	Asked    bool // the Identity Provider let the user in without asking
	ReturnTo string
	Errors   formErrors
}

// askFresh leads to the page that asks to sign in again, and back.
func (r *request) askFresh(back string) error {
	return r.redirect("/account/fresh?" + url.Values{"return_to": {back}}.Encode())
}

// freshPage asks who is signed in to sign in again.
func (w *Web) freshPage(r *request) error {
	identity, err := r.signedIn(access.RoomSecurity)
	if identity == nil {
		return err
	}
	if r.actor().Fresh {
		return r.redirect(home(r.returnTo()))
	}
	return r.showFresh(identity, http.StatusOK, nil)
}

func (r *request) showFresh(identity *signin.Identity, status int, wrong formErrors) error {
	way, err := r.way(identity)
	if err != nil {
		return err
	}
	r.allowForeignForms()
	return r.render(status, "fresh", freshView{
		Frame: r.frame("fresh.title"), Email: identity.User.Email, UsesSSO: way.Method == access.MethodSSO,
		Asked: r.URL.Query().Has("asked"), ReturnTo: r.returnTo(), Errors: wrong,
	})
}

// way is how the user signs in now: the session may have begun otherwise.
func (r *request) way(identity *signin.Identity) (d access.Decision, err error) {
	err = r.web.DB.View(r.Context(), func(tx *db.Tx) error {
		d, err = r.web.Directory.SignIn(tx, &identity.User)
		return err
	})
	return d, err
}

// signInAgain takes the password, or sends the browser to the Identity Provider,
// which is told to ask anew.
func (w *Web) signInAgain(r *request) error {
	identity, err := r.signedIn(access.RoomSecurity)
	if identity == nil {
		return err
	}
	way, err := r.way(identity)
	if err != nil {
		return err
	}
	if way.Method == access.MethodSSO {
		back := "/account/fresh?" + url.Values{"asked": {"1"}, "return_to": {r.returnTo()}}.Encode()
		return r.depart(sso.Start{ProfileID: way.ProfileID, ReturnTo: back, ForceAuthn: true})
	}
	out, err := w.SignIn.Password(r.Context(), r.actor(), signin.PasswordAttempt{
		Email: identity.User.Email, Password: r.PostFormValue("password"), ReturnTo: r.returnTo(), Current: identity,
	})
	var refusal *signin.Refusal
	if errors.As(err, &refusal) && refusal.Fault.Code == fault.CredentialsInvalid {
		return r.showFresh(identity, r.note(err), formErrors{{Field: "password", Message: r.text("fresh.wrong")}})
	}
	if err != nil {
		return err
	}
	return r.arrived(out)
}
