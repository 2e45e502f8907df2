package web

import (
	"net/http"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/recovery"
	"sallyport/internal/signin"
)

// The pages of break-glass: where an owner enters a recovery code, what the link
// shows that is then mailed, and where codes are made.

type recoverView struct {
	Frame
	Email string
	Sent  bool
}

func (w *Web) recoverPage(r *request) error {
	return r.render(http.StatusOK, "recover", recoverView{Frame: r.frame("recover.title"), Email: r.hint()})
}

// recover answers the same for every input.
func (w *Web) recover(r *request) error {
	email := r.PostFormValue("email")
	if err := w.SignIn.Recover(r.Context(), r.actor(), email, r.PostFormValue("code")); err != nil {
		return err
	}
	v := recoverView{Frame: r.frame("recover.title"), Email: email, Sent: true}
	v.Title = v.T("recover.sent_title")
	return r.render(http.StatusOK, "recover", v)
}

type recoveryView struct {
	Frame
	Path string
	signin.RecoveryView
}

// recovery shows whom a link lets in.
func (w *Web) recovery(r *request) error {
	v, err := w.SignIn.Recovery(r.Context(), r.PathValue("token"))
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "recovery", recoveryView{Frame: r.frame("recovery.title"), Path: r.URL.Path, RecoveryView: v})
}

// useRecovery takes the form of that page.
func (w *Web) useRecovery(r *request) error {
	identity, err := r.visitor()
	if err != nil {
		return err
	}
	out, err := w.SignIn.UseRecovery(r.Context(), r.actor(), r.PathValue("token"), identity)
	if err != nil {
		return err
	}
	return r.arrived(out)
}

type codesView struct {
	Frame
	Stock recovery.Stock
	Codes []string // made a moment ago, and shown this once
	Sheet string   // the codes as a text to keep
	File  string   // its name
	Where string   // they are entered
}

// recoveryCodes makes an owner's codes. It shows them once, as the answer to the
// form: nothing keeps them for another look.
func (w *Web) recoveryCodes(r *request) error {
	identity, err := r.signedIn(access.RoomSecurity)
	if identity == nil {
		return err
	}
	switch v := access.May(r.actor(), access.ActRecoveryCodes, identity.User.OrganizationID); v {
	case access.Allowed:
	case access.NotFresh:
		return r.askFresh(r.here())
	case access.Hidden: // of no organization
		return directory.Refusal(access.Forbidden)
	default:
		return directory.Refusal(v)
	}
	view := codesView{Frame: r.room("codes.title", "security"), Where: w.cfg.BaseURL + "/login/recovery"}
	if r.Method == http.MethodPost {
		if view.Codes, err = w.SignIn.MakeRecoveryCodes(r.Context(), r.actor()); err != nil {
			return err
		}
		view.sheet(identity.User.Email)
	}
	if view.Stock, err = w.SignIn.RecoveryStock(r.Context(), identity.User.ID); err != nil {
		return err
	}
	return r.render(http.StatusOK, "codes", view)
}

// sheet writes what is put away.
func (v *codesView) sheet(email string) {
	v.Sheet = v.T("codes.sheet", email, v.Product, v.Date(time.Now()), v.Where) + "\n\n" + strings.Join(v.Codes, "\n") + "\n"
	v.File = strings.ToLower(strings.ReplaceAll(v.Product, " ", "-")) + "-recovery-codes.txt"
}

// closed answers a session of break-glass that asks for what it does not open.
// The way there from the front page leads to what it does.
func (r *request) closed(identity *signin.Identity) error {
	if r.Method == http.MethodGet && r.URL.Path == "/" && identity.User.OrganizationID != "" {
		return r.redirect("/admin/" + identity.User.OrganizationID)
	}
	return fault.New(fault.Forbidden, "A recovery session opens the Admin Center and your security page, nothing else. Sign in as usual for the rest.")
}

// A RecoveryNotice is what pages of the Admin Center tell of break-glass.
type RecoveryNotice struct {
	Until time.Time      // of the session itself, if it is one
	Last  recovery.Entry // somebody was let in; the zero Entry: nobody lately
}

// recoveryNotice reads what is to be told.
func (r *request) recoveryNotice(identity *signin.Identity) (n RecoveryNotice, err error) {
	if identity.Session.Method == access.MethodRecovery {
		n.Until = identity.ExpiresAt
	}
	n.Last, err = r.web.SignIn.LatestRecovery(r.Context(), r.actor(), identity.User.OrganizationID)
	return n, err
}

// attendCodes reminds an owner to make recovery codes once a domain is enforced.
func (o *overviewView) attendCodes(v *visit) error {
	u := v.identity.User
	if o.Enforced == 0 || !access.Recovers(u.Role, u.Status) {
		return nil
	}
	stock, err := v.web.SignIn.RecoveryStock(v.Context(), u.ID)
	if err == nil && stock.Left == 0 {
		o.Attention = append(o.Attention, attention{o.T("codes.none"), Link{o.T("codes.make"), "/account/recovery-codes"}})
	}
	return err
}
