package web

import (
	"encoding/base64"
	"net/http"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/signin"
)

// The pages of links that were mailed. To look at one changes nothing: programs
// that go through mails open every link. The form does what the link is for.

type invitationView struct {
	Frame
	Path         string // of this page, where its form goes
	Email        string
	Organization string
	Acceptance   signin.Acceptance
	SignedIn     string // the address of who is signed in here
	Yours        bool   // and it is the one that is invited
	Errors       formErrors
}

func (r *request) invitationView(v signin.InvitationView) (invitationView, error) {
	view := invitationView{Frame: r.frame("invitation.title"), Path: r.URL.Path, Email: v.Email, Organization: v.Organization, Acceptance: v.Acceptance}
	identity, err := r.visitor()
	if identity != nil {
		view.SignedIn = identity.User.Email
		view.Yours = identity.User.Email == v.Email
	}
	if v.Acceptance == signin.ByAgreeing {
		view.Title = view.T("invitation.title_ask")
	}
	return view, err
}

// invitation shows what a link invites to.
func (w *Web) invitation(r *request) error {
	v, err := w.SignIn.Invitation(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	view, err := r.invitationView(v)
	if err != nil {
		return err
	}
	r.allowForeignForms()
	return r.render(http.StatusOK, "invitation", view)
}

// acceptInvitation takes the form of that page.
func (w *Web) acceptInvitation(r *request) error {
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	in := signin.Accept{Token: r.PathValue("token"), Password: r.PostFormValue("password"), Language: r.lang, Current: identity}
	var out signin.Outcome
	if err = r.passwordsDiffer(); err == nil {
		out, err = w.SignIn.AcceptInvitation(r.Context(), r.actor(), in)
	}
	switch {
	case errorIs(err, fault.Unauthenticated):
		return r.redirect(withReturn("/login", r.URL.Path))
	case errorIs(err, fault.CodeInvalid), errorIs(err, fault.PasswordWeak):
		v, e := w.SignIn.Invitation(r.Context(), in.Token)
		if e != nil {
			return e
		}
		status := r.note(err)
		view, e := r.invitationView(v)
		if e != nil {
			return e
		}
		view.Errors = r.formErrors(err)
		r.allowForeignForms()
		return r.render(status, "invitation", view)
	case err != nil:
		return err
	}
	return r.arrived(out)
}

// passwordsDiffer refuses a form whose two passwords are not the same. The
// second one may be left out.
func (r *request) passwordsDiffer() error {
	if r.PostForm.Has("password_confirm") && r.PostFormValue("password_confirm") != r.PostFormValue("password") {
		return fault.Invalid(fault.Field{Name: "password_confirm", Message: r.text("password.differ")})
	}
	return nil
}

type resetView struct {
	Frame
	Path   string
	Email  string
	Errors formErrors
}

func (w *Web) reset(r *request) error {
	email, _, err := w.SignIn.Reset(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	r.allowForeignForms()
	return r.render(http.StatusOK, "reset", resetView{Frame: r.frame("reset.title"), Path: r.URL.Path, Email: email})
}

func (w *Web) resetPassword(r *request) error {
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	in := signin.NewPassword{Token: r.PathValue("token"), Password: r.PostFormValue("password"), Current: identity}
	var out signin.Outcome
	if err = r.passwordsDiffer(); err == nil {
		out, err = w.SignIn.ResetPassword(r.Context(), r.actor(), in)
	}
	if errorIs(err, fault.CodeInvalid) || errorIs(err, fault.PasswordWeak) {
		email, _, e := w.SignIn.Reset(r.Context(), in.Token)
		if e != nil {
			return e
		}
		status := r.note(err)
		r.allowForeignForms()
		return r.render(status, "reset", resetView{Frame: r.frame("reset.title"), Path: r.URL.Path, Email: email, Errors: r.formErrors(err)})
	}
	if err != nil {
		return err
	}
	return r.arrived(out)
}

type proofView struct {
	Frame
	Path string
	signin.ProofView
}

func (w *Web) proof(r *request) error {
	v, err := w.SignIn.Proof(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	if _, err := r.visitor(); err != nil {
		return err
	}
	return r.render(http.StatusOK, "proof", proofView{Frame: r.frame("proof.title"), Path: r.URL.Path, ProofView: v})
}

func (w *Web) prove(r *request) error {
	v, err := w.SignIn.ProveAddress(r.Context(), r.actor(), r.PathValue("token"))
	if err != nil {
		return err
	}
	r.remember(v.Email)
	if v.Changes() {
		r.say("done.address_changed")
		return r.redirect("/login")
	}
	r.say("done.proved")
	return r.redirect("/login/password")
}

// remember keeps an address for the form that comes next.
func (r *request) remember(email string) {
	r.setCookie(cookieHint, base64.RawURLEncoding.EncodeToString([]byte(email)), 10*time.Minute)
}

type forgotView struct {
	Frame
	Email  string
	Sent   bool
	Errors formErrors
}

func (w *Web) forgotPage(r *request) error {
	return r.render(http.StatusOK, "forgot", forgotView{Frame: r.frame("forgot.title"), Email: r.hint()})
}

// forgot answers the same for every address.
func (w *Web) forgot(r *request) error {
	v := forgotView{Frame: r.frame("forgot.title"), Email: r.PostFormValue("email")}
	err := w.SignIn.Forgot(r.Context(), r.actor(), v.Email)
	if errorIs(err, fault.CodeInvalid) {
		status := r.note(err)
		v.Frame, v.Errors = r.frame("forgot.title"), r.formErrors(err)
		return r.render(status, "forgot", v)
	}
	if err != nil {
		return err
	}
	v.Sent, v.Title = true, v.T("sent.title")
	return r.render(http.StatusOK, "forgot", v)
}

type signUpView struct {
	Frame
	Email, Name string
	Sent        bool
	Errors      formErrors
}

func (w *Web) signUpPage(r *request) error {
	if !w.SignIn.SignUpOpen() {
		return fault.New(fault.SignupClosed, "Ask your administrator for an invitation.")
	}
	return r.render(http.StatusOK, "signup", signUpView{Frame: r.frame("signup.title"), Email: r.hint()})
}

// signUp answers the same whoever has the address.
func (w *Web) signUp(r *request) error {
	v := signUpView{Frame: r.frame("signup.title"), Email: r.PostFormValue("email"), Name: r.PostFormValue("name")}
	err := r.passwordsDiffer()
	if err == nil {
		err = w.SignIn.SignUp(r.Context(), r.actor(), signin.SignUp{Email: v.Email, Name: v.Name, Password: r.PostFormValue("password"), Language: r.lang})
	}
	if errorIs(err, fault.CodeInvalid) || errorIs(err, fault.PasswordWeak) {
		status := r.note(err)
		v.Frame, v.Errors = r.frame("signup.title"), r.formErrors(err)
		return r.render(status, "signup", v)
	}
	if err != nil {
		return err
	}
	v.Sent, v.Title = true, v.T("sent.title")
	return r.render(http.StatusOK, "signup", v)
}
