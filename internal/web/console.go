package web

import (
	"net/http"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/signin"
)

type consoleView struct {
	Frame
	Accounts []consoleAccount
	Found    bool // the user may make an organization
}

type consoleAccount struct {
	Name  string
	Roles []string
}

// console is the start page of who is signed in: their accounts and roles.
func (w *Web) console(r *request) error {
	identity, err := r.signedIn(access.RoomConsole)
	if identity == nil {
		return err
	}
	v := consoleView{Frame: r.room("console.title", "console")}
	v.Found = w.Directory.UsersFound() && identity.User.OrganizationID == ""
	err = w.DB.View(r.Context(), func(tx *db.Tx) error {
		v.Accounts = nil
		accounts, members, err := w.Directory.Memberships(tx, identity.User.ID)
		for i, a := range accounts {
			v.Accounts = append(v.Accounts, consoleAccount{a.Name, members[i].Roles})
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.render(http.StatusOK, "console", v)
}

// signedIn returns who is signed in with a session that opens a room. For nobody
// it has answered with the way to the login page and back.
func (r *request) signedIn(room access.Room) (*signin.Identity, error) {
	identity, err := r.visitor()
	switch {
	case err != nil:
		return nil, err
	case identity != nil && !access.Opens(identity.Session.Method, room):
		return nil, r.closed(identity)
	case identity != nil:
		return identity, nil
	}
	back := ""
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		back, _ = signin.LocalPath(r.URL.RequestURI())
	}
	return nil, r.redirect(withReturn("/login", back))
}

type sessionOut struct {
	Email            string        `json:"email"`
	UserID           string        `json:"user_id"`
	Name             string        `json:"name"`
	OrganizationID   *string       `json:"organization_id"`
	OrganizationRole *access.Role  `json:"organization_role"`
	Method           access.Method `json:"method"`
	SSOProfileID     *string       `json:"sso_profile_id"`
	AuthenticatedAt  time.Time     `json:"authenticated_at"`
	ExpiresAt        time.Time     `json:"expires_at"`
}

// session answers a program that has the browser's cookie.
func (w *Web) session(r *request) error {
	identity, err := r.visitor()
	if err == nil && identity == nil {
		err = fault.New(fault.Unauthenticated, "")
	}
	if err != nil {
		f := fault.From(err)
		reference := w.IDs.New(id.Attempt)
		door.Note(r.Context(), f, reference)
		door.WriteProblem(r.ResponseWriter, f, w.cfg.BaseURL, reference)
		return nil
	}
	u, s := identity.User, identity.Session
	out := sessionOut{Email: u.Email, UserID: u.ID, Name: u.Name, Method: s.Method, AuthenticatedAt: s.AuthenticatedAt, ExpiresAt: identity.ExpiresAt}
	if u.OrganizationID != "" {
		out.OrganizationID, out.OrganizationRole = &u.OrganizationID, &u.Role
	}
	if s.ProfileID != "" {
		out.SSOProfileID = &s.ProfileID
	}
	return r.json(out)
}
