package web

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
)

type loginView struct {
	Frame
	Email    string
	ReturnTo string
	SignedIn string // the address of who is signed in here already
	SignUp   bool   // offer to sign up
	Done     string
	Errors   formErrors
}

func (r *request) loginView() (loginView, error) {
	v := loginView{Frame: r.frame("login.title"), Email: r.hint(), ReturnTo: r.returnTo(), SignUp: r.web.SignIn.SignUpOpen()}
	identity, err := r.visitor()
	if identity != nil {
		v.SignedIn = identity.User.Email
	}
	return v, err
}

func (w *Web) loginPage(r *request) error {
	v, err := r.loginView()
	if err != nil {
		return err
	}
	v.Done = r.done()
	r.allowForeignForms()
	return r.render(http.StatusOK, "login", v)
}

// login answers with the way of the address: itself, without a hop between.
func (w *Web) login(r *request) error {
	email := strings.TrimSpace(r.PostFormValue("email"))
	way, err := w.SignIn.Identify(r.Context(), email, r.cookie(cookieWay))
	if errorIs(err, fault.CodeInvalid) {
		status := r.note(err)
		v, e := r.loginView()
		if e != nil {
			return e
		}
		v.Email, v.Errors = email, r.formErrors(err)
		r.allowForeignForms()
		return r.render(status, "login", v)
	}
	if err != nil {
		return err
	}
	r.remember(email)
	if way.Method == access.MethodSSO {
		return r.depart(sso.Start{ProfileID: way.ProfileID, ReturnTo: r.returnTo()})
	}
	return r.redirect(withReturn("/login/password", r.returnTo()))
}

// hint is the address that was typed a moment ago.
func (r *request) hint() string {
	email, err := base64.RawURLEncoding.DecodeString(r.cookie(cookieHint))
	if err != nil || len(email) > 320 {
		return ""
	}
	return string(email)
}

func withReturn(path, returnTo string) string {
	if returnTo == "" {
		return path
	}
	return path + "?return_to=" + url.QueryEscape(returnTo)
}
