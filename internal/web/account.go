package web

import (
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/internal/recovery"
	"sallyport/internal/signin"
)

type securityView struct {
	Frame
	Email        string
	Name         string
	Organization string
	HasPassword  bool // and may use it
	UsesSSO      bool
	Sessions     []sessionRow
	SignIns      []ownSignIn
	Done         string
	Errors       formErrors
	Owner        bool // and so has recovery codes
	Codes        recovery.Stock
}

// An ownSignIn is an attempt as the user is shown it: nothing of what was checked.
type ownSignIn struct {
	Time    time.Time
	Method  string
	Outcome record.Outcome
	Agent   string
}

type sessionRow struct {
	ID       string
	Here     bool
	Method   access.Method
	Began    time.Time
	LastSeen time.Time
	Address  string
	Agent    string
}

func (r *request) securityView(identity *signin.Identity) (securityView, error) {
	v := securityView{Frame: r.room("security.title", "security"), Email: identity.User.Email, Name: identity.User.Name, Organization: identity.Organization.Name}
	err := r.web.DB.View(r.Context(), func(tx *db.Tx) error {
		d, err := r.web.Directory.SignIn(tx, &identity.User)
		v.UsesSSO, v.HasPassword = d.Method == access.MethodSSO, d.Method == access.MethodPassword
		return err
	})
	if err != nil {
		return v, err
	}
	if v.Owner = access.Recovers(identity.User.Role, identity.User.Status); v.Owner {
		if v.Codes, err = r.web.SignIn.RecoveryStock(r.Context(), identity.User.ID); err != nil {
			return v, err
		}
	}
	attempts, err := r.web.Record.Own(r.Context(), identity.User.OrganizationID, identity.User.ID, shownAttempts)
	if err != nil {
		return v, err
	}
	for i := range attempts {
		a := &attempts[i]
		agent, _ := firstOf(browserName(a.Agent), shownAgent)
		v.SignIns = append(v.SignIns, ownSignIn{a.Time, v.Word("way", string(a.Method)), a.Outcome, agent})
	}
	sessions, err := r.web.SignIn.Sessions(r.Context(), identity)
	for _, s := range sessions {
		v.Sessions = append(v.Sessions, sessionRow{
			ID: s.ID, Here: s.ID == identity.Session.ID, Method: s.Method, Began: s.CreatedAt, LastSeen: s.LastSeenAt,
			Address: s.Address, Agent: browserName(s.Agent),
		})
	}
	return v, err
}

// security is the user's own page: password and sessions.
func (w *Web) security(r *request) error {
	identity, err := r.signedIn(access.RoomSecurity)
	if identity == nil {
		return err
	}
	v, err := r.securityView(identity)
	if err != nil {
		return err
	}
	v.Done = r.done()
	return r.render(http.StatusOK, "security", v)
}

func (w *Web) changePassword(r *request) error {
	identity, err := r.signedIn(access.RoomSecurity)
	if identity == nil {
		return err
	}
	in := signin.PasswordChange{Identity: identity, Old: r.PostFormValue("current_password"), New: r.PostFormValue("password")}
	if err = r.passwordsDiffer(); err == nil {
		err = w.SignIn.ChangePassword(r.Context(), r.actor(), in)
	}
	switch {
	case errorIs(err, fault.CodeInvalid), errorIs(err, fault.PasswordWeak), errorIs(err, fault.CredentialsInvalid):
		status := r.note(err)
		v, e := r.securityView(identity)
		if e != nil {
			return e
		}
		v.Errors = r.formErrors(err)
		return r.render(status, "security", v)
	case err != nil:
		return err
	}
	r.say("done.password_changed")
	return r.redirect("/account/security")
}

func (w *Web) endSession(r *request) error {
	identity, err := r.signedIn(access.RoomSecurity)
	if identity == nil {
		return err
	}
	if err := w.SignIn.EndSession(r.Context(), r.actor(), r.PathValue("id")); err != nil {
		return err
	}
	return r.redirect("/account/security")
}
