package web

import (
	"net/http"

	"sallyport/internal/fault"
	"sallyport/internal/signin"
)

// The pages that may stand between a good sign-in and its session.

type continueView struct {
	Frame
	Now, Next string // the addresses of who is signed in and who arrives
	NowID     string
	PageToken string
	ReturnTo  string
}

// askToContinue asks whether to go on as somebody else.
func (r *request) askToContinue(out signin.Outcome) error {
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	r.bind(out.BrowserToken, pageLife)
	r.allowForeignForms()
	v := continueView{Frame: r.frame("continue.title"), Next: out.User.Email, PageToken: out.PageToken, ReturnTo: out.ReturnTo}
	if identity != nil {
		v.Now, v.NowID = identity.User.Email, identity.User.ID
	}
	return r.render(http.StatusOK, "continue", v)
}

// continueAs takes the answer. No changes nothing.
func (w *Web) continueAs(r *request) error {
	in, err := r.answer()
	if err != nil {
		return err
	}
	if r.PostFormValue("answer") != "yes" {
		return r.redirect("/")
	}
	out, err := w.SignIn.Continue(r.Context(), r.actor(), in)
	if err != nil {
		return err
	}
	return r.arrived(out)
}

// answer reads what comes back from a page.
func (r *request) answer() (signin.Answer, error) {
	identity, err := r.visitor()
	return signin.Answer{PageToken: r.PostFormValue("page"), BrowserTokens: r.browserTokens(), Current: identity,
		Named: r.PostFormValue("now"), Language: r.lang}, err
}

type initialView struct {
	Frame
	Email     string
	PageToken string
	Errors    formErrors
}

// initialPassword sets the password of a user who has arrived for the first
// time.
func (w *Web) initialPassword(r *request) error {
	in, err := r.answer()
	if err != nil {
		return err
	}
	plain := r.PostFormValue("password")
	var out signin.Outcome
	if err = r.passwordsDiffer(); err != nil {
		out.User.Email = r.PostFormValue("email")
	} else {
		out, err = w.SignIn.SetInitialPassword(r.Context(), r.actor(), in, plain)
	}
	if errorIs(err, fault.CodeInvalid) || errorIs(err, fault.PasswordWeak) {
		status := r.note(err)
		r.allowForeignForms()
		return r.render(status, "initial", initialView{
			Frame: r.frame("initial.title"), Email: out.User.Email, PageToken: in.PageToken, Errors: r.formErrors(err),
		})
	}
	if err != nil {
		return err
	}
	return r.arrived(out)
}
