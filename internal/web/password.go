package web

import (
	"errors"
	"net/http"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
)

type passwordView struct {
	Frame
	Email    string
	ReturnTo string
	Done     string // what was done a moment ago
	Errors   formErrors
}

func (w *Web) passwordPage(r *request) error {
	v := passwordView{Frame: r.frame("password.title"), Email: r.hint(), ReturnTo: r.returnTo(), Done: r.done()}
	r.allowForeignForms()
	return r.render(http.StatusOK, "password", v)
}

func (w *Web) password(r *request) error {
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	in := signin.PasswordAttempt{Email: r.PostFormValue("email"), Password: r.PostFormValue("password"), ReturnTo: r.returnTo(),
		Device: r.cookie(cookieDevice), Current: identity}
	out, err := w.SignIn.Password(r.Context(), r.actor(), in)
	var refusal *signin.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Fault.Code == fault.CredentialsInvalid:
		status := r.note(err)
		v := passwordView{Frame: r.frame("password.title"), Email: in.Email, ReturnTo: in.ReturnTo}
		v.Errors = formErrors{{Field: "password", Message: v.T("password.wrong")}}
		r.allowForeignForms()
		return r.render(status, "password", v)
	case err != nil:
		return err
	}
	r.setCookie(cookieWay, w.SignIn.PasswordChoice(in.Email), 180*24*time.Hour)
	return r.arrived(out)
}

// arrived answers a good sign-in: with its session, or with the page that
// stands between.
func (r *request) arrived(out signin.Outcome) error {
	switch out.Page {
	case signin.PageDepart:
		return r.depart(sso.Start{ProfileID: out.ProfileID})
	case signin.PageContinue:
		return r.askToContinue(out)
	case signin.PageInitialPassword:
		r.bind(out.BrowserToken, pageLife)
		r.allowForeignForms()
		return r.render(http.StatusOK, "initial", initialView{
			Frame: r.frame("initial.title"), Email: out.User.Email, PageToken: out.PageToken,
		})
	}
	// A page between stands at the address of the finish: reloaded there, the
	// browser is still known, and told that the sign-in was used.
	r.unbind(out.SpentToken)
	if out.SessionToken != "" {
		r.setCookie(cookieSession, out.SessionToken, 0)
		r.setCookie(cookieDevice, r.web.SignIn.RememberDevice(r.cookie(cookieDevice), out.User.Email), 400*24*time.Hour)
	}
	r.setCookie(cookieRestart, "", -1)
	return r.redirect(home(out.ReturnTo))
}

// pageLife is how long the cookie of a page between lives.
const pageLife = 15 * time.Minute
