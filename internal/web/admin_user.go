package web

import (
	"net/http"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/sso"
)

type userView struct {
	AdminFrame
	Path, Name, Email string
	UserID            string
	NewEmail          string // asked for and not confirmed yet
	Invitation        bool   // an invitation, and no user of the organization yet
	Self              bool   // who looks at the page
	Role              access.Role
	Status            access.UserStatus
	SSO               access.SSOSetting
	SSOProfile        bool // the organization has one: the setting can be changed
	Password          bool // the user signs in with one
	Way, Why          string
	Steps             []access.Step // to the decision
	Profile           string        // by which the user signs in
	Created           time.Time
	Managed           time.Time
	Activated         time.Time
	Accounts          []membership
	Sessions          []sessionRow
	SignIns           []attemptRow
}

type membership struct {
	Account, URL, ChangeURL, RemoveURL string
	Roles                              []string
}

// member reads the user, or the invitation, that the path names.
func (v *visit) member() (directory.UserView, error) {
	userID := v.PathValue("user")
	if !id.User.Valid(userID) && !id.Invitation.Valid(userID) {
		return directory.UserView{}, fault.New(fault.NotFound, "")
	}
	return v.web.Directory.User(v.Context(), v.actor(), userID)
}

// adminUser shows one user, or one invitation.
func (w *Web) adminUser(v *visit) error {
	u, err := v.member()
	if err != nil {
		return err
	}
	view := userView{AdminFrame: v.adminFrame("users", "users.title"), Invitation: u.Invitation != nil}
	view.Up = v.upToUsers()
	row := view.row(u)
	view.Path, view.Name, view.Email, view.Role, view.Status = row.URL, row.Name, row.Email, access.Role(row.Role), row.Status
	if view.Title = view.Name; view.Title == "" {
		view.Title = view.Email
	}
	view.tabs(view.Path, false)
	if i := u.Invitation; i != nil {
		view.Created = i.CreatedAt
		return v.render(http.StatusOK, "admin_user", view)
	}
	view.NewEmail, view.UserID = u.NewEmail, u.User.ID
	view.Self = u.User.ID == v.identity.User.ID
	view.Created, view.Managed, view.Activated = u.User.CreatedAt, u.User.ManagedAt, u.User.ActivatedAt
	if err := view.way(v, &u); err != nil {
		return err
	}
	if err := view.memberships(v, u.User.ID); err != nil {
		return err
	}
	if err := view.activity(v, u.User.ID); err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_user", view)
}

// way tells how the user signs in, and why.
func (u *userView) way(v *visit, of *directory.UserView) error {
	u.SSO, u.Way, u.Why = of.User.SSO, u.Word("way", string(of.SignIn.Method)), u.Word("reason", string(of.SignIn.Reason))
	u.Steps, u.Password = of.Steps, of.SignIn.Method == access.MethodPassword
	profiles, err := v.web.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return err
	}
	u.SSOProfile = len(profiles) > 0
	for _, p := range profiles {
		if p.ID == of.SignIn.ProfileID {
			u.Profile = p.Name
		}
	}
	return nil
}

func (u *userView) memberships(v *visit, userID string) error {
	return v.web.DB.View(v.Context(), func(tx *db.Tx) error {
		u.Accounts = nil
		accounts, members, err := v.web.Directory.Memberships(tx, userID)
		for i, a := range accounts {
			path := v.base + "/accounts/" + a.ID
			m := membership{Account: a.Name, URL: path, ChangeURL: path + "/members/" + userID, RemoveURL: path + "/members/" + userID + "/remove"}
			for _, role := range members[i].Roles {
				m.Roles = append(m.Roles, u.Word("account_role", role))
			}
			u.Accounts = append(u.Accounts, m)
		}
		return err
	})
}

// activity fills in sessions and recent sign-ins.
func (u *userView) activity(v *visit, userID string) error {
	sessions, err := v.web.SignIn.UserSessions(v.Context(), v.actor(), userID)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		u.Sessions = append(u.Sessions, sessionRow{ID: s.ID, Here: s.ID == v.identity.Session.ID, Method: s.Method, Began: s.CreatedAt,
			LastSeen: s.LastSeenAt, Address: s.Address, Agent: browserName(s.Agent)})
	}
	u.SignIns, err = v.latest(&u.AdminFrame, record.Query{Who: userID})
	return err
}

// userForm begins a form about the user that the path names; not about an
// invitation.
func (v *visit) userForm(title, verb string, question bool) (*form, directory.User, error) {
	u, err := v.member()
	if err == nil && u.Invitation != nil {
		err = fault.New(fault.NotFound, "")
	}
	if err != nil {
		return nil, u.User, err
	}
	up := Link{u.User.Label(), v.base + "/users/" + u.User.ID}
	if question {
		return v.newQuestion("users", title, verb, up, u.User.Label()), u.User, nil
	}
	return v.newForm("users", title, verb, up), u.User, nil
}

func (v *visit) toUser(userID string) error { return v.to("/users/" + userID) }

func (w *Web) adminRenameUser(v *visit) error {
	f, u, err := v.userForm("users.rename", "users.rename", false)
	if err != nil {
		return err
	}
	f.text("name", "users.name", u.Name)
	if !f.sent() {
		return f.show(nil)
	}
	name := v.PostFormValue("name")
	if _, err := w.Directory.UpdateUser(v.Context(), v.actor(), u.ID, directory.UserChange{Name: &name}); err != nil {
		return f.show(err)
	}
	v.say("done.user_renamed")
	return v.toUser(u.ID)
}

// adminChangeAddress asks for another address: it counts once it was confirmed.
func (w *Web) adminChangeAddress(v *visit) error {
	f, u, err := v.userForm("users.change_address", "users.change_address", false)
	if err != nil {
		return err
	}
	f.lead("users.address_lead")
	f.add(formField{Name: "email", Kind: fieldEmail, Label: f.T("field.email"), Value: u.Email, Required: true, Autocomplete: "off", Max: 254})
	if !f.sent() {
		return f.show(nil)
	}
	email := v.PostFormValue("email")
	changed, err := w.Directory.UpdateUser(v.Context(), v.actor(), u.ID, directory.UserChange{Email: &email})
	switch {
	case err != nil:
		return f.show(err)
	case changed.NewEmail != "":
		v.say("done.address_asked", changed.NewEmail)
	default:
		v.say("done.address_kept", changed.User.Email)
	}
	return v.toUser(u.ID)
}

func (w *Web) adminUserRole(v *visit) error {
	f, u, err := v.userForm("users.change_role", "users.change_role", false)
	if err != nil {
		return err
	}
	f.add(formField{Name: "role", Kind: fieldRadio, Label: f.T("users.role"), Value: string(u.Role), Options: f.roleOptions()})
	if u.Role == access.RoleOwner && v.identity.User.Role != access.RoleOwner {
		return fault.New(fault.Forbidden, f.T("users.only_owners"))
	}
	if !f.sent() {
		return f.show(nil)
	}
	role := access.Role(v.PostFormValue("role"))
	if _, err := w.Directory.UpdateUser(v.Context(), v.actor(), u.ID, directory.UserChange{Role: &role}); err != nil {
		return f.show(err)
	}
	v.say("done.user_role", u.Label(), f.Word("role", string(role)))
	if u.ID == v.identity.User.ID && !role.Administers() {
		return v.redirect("/") // the Admin Center is closed behind them
	}
	return v.toUser(u.ID)
}

// adminUserSSO sets the user's own switch, after an acknowledgement.
func (w *Web) adminUserSSO(v *visit) error {
	f, u, err := v.userForm("users.sso_title", "users.save_sso", true)
	if err != nil {
		return err
	}
	f.Danger = false
	profiles, err := w.SSO.Profiles(v.Context(), v.actor(), v.organization.ID, all)
	if err != nil {
		return err
	}
	if len(profiles) == 0 {
		return fault.New(fault.SSOProfileMissing, "")
	}
	f.lead("users.sso_lead")
	f.add(formField{Name: "sso", Kind: fieldRadio, Label: f.T("users.sso"), Value: string(u.SSO), Options: []formOption{
		{Value: string(access.SSOInherit), Text: f.Word("sso", string(access.SSOInherit)), Hint: f.T("users.sso_inherit")},
		{Value: string(access.SSOEnabled), Text: f.Word("sso", string(access.SSOEnabled)), Hint: f.T("users.sso_enabled")},
		{Value: string(access.SSODisabled), Text: f.Word("sso", string(access.SSODisabled)), Hint: f.T("users.sso_disabled")},
	}})
	f.add(formField{Name: "sso.profile_id", Kind: fieldSelect, Label: f.T("users.sso_profile"), Hint: f.T("users.sso_profile_hint"),
		Value: u.ProfileID, Options: f.usable(profiles)})
	f.add(formField{Name: "new_password", Kind: fieldCheckbox, Label: f.T("users.sso_new_password"), Hint: f.T("users.sso_new_password_hint"), Checked: true})
	f.acknowledge("users.sso_acknowledge")
	if !f.sent() {
		return f.show(nil)
	}
	change := directory.SSOChange{Setting: access.SSOSetting(v.PostFormValue("sso"))}
	switch change.Setting {
	case access.SSOEnabled:
		change.ProfileID = v.PostFormValue("sso.profile_id")
	case access.SSODisabled:
		change.NewPassword = v.PostFormValue("new_password") != ""
	}
	if err = f.acknowledged(); err == nil {
		err = f.twice(&u, change.Setting)
	}
	if err == nil {
		err = v.changeSSO(u, change)
	}
	if err != nil {
		return f.show(err)
	}
	v.say("done.user_sso", u.Label(), f.Word("sso", string(change.Setting)))
	return v.toUser(u.ID)
}

// twice asks for the organization's name as well, where no owner could get in any
// more without the Identity Provider.
func (f *form) twice(u *directory.User, setting access.SSOSetting) error {
	locks, err := f.web.SSO.LocksOwnersOut(f.Context(), f.actor(), u.ID, setting)
	if err != nil || !locks {
		return err
	}
	field := f.text("confirm", "enforce.no_owner", "")
	field.Label, field.Hint, field.Required = f.T("enforce.confirm", f.organization.Name), f.T("enforce.no_owner")+" "+f.T("enforce.no_owner_do"), true
	if strings.EqualFold(strings.TrimSpace(field.Value), f.organization.Name) {
		return nil
	}
	return fault.Invalid(fault.Field{Name: "confirm", Message: f.T("enforce.confirm_wrong", f.organization.Name)})
}

// changeSSO changes the switch, and mails the way to a new password where one is
// wanted.
func (v *visit) changeSSO(u directory.User, change directory.SSOChange) error {
	changed, err := v.web.Directory.UpdateUser(v.Context(), v.actor(), u.ID, directory.UserChange{SSO: &change})
	if err != nil || !change.NewPassword || changed.User.Status != access.UserActive {
		return err
	}
	_, err = v.web.SignIn.SendPasswordReset(v.Context(), v.actor(), u.ID)
	return err
}

// usable are the profiles that a user may be made to sign in with.
func (f *form) usable(profiles []sso.View) []formOption {
	options := []formOption{{Text: f.T("users.sso_profile_domain")}}
	for _, p := range profiles {
		if p.State == sso.Tested || p.State == sso.Enforced {
			options = append(options, formOption{Value: p.ID, Text: p.Name})
		}
	}
	return options
}

func (w *Web) adminDeactivateUser(v *visit) error {
	f, u, err := v.userForm("users.deactivate_title", "users.deactivate", true)
	if err != nil {
		return err
	}
	f.point("users.deactivate_what")
	f.point("users.deactivate_keeps")
	return v.act(f, &u, "done.user_deactivated", func() error { return v.setStatus(u.ID, access.UserDeactivated) })
}

func (w *Web) adminReactivateUser(v *visit) error {
	f, u, err := v.userForm("users.reactivate_title", "users.reactivate", true)
	if err != nil {
		return err
	}
	f.Danger = false
	f.point("users.reactivate_what")
	return v.act(f, &u, "done.user_reactivated", func() error { return v.setStatus(u.ID, access.UserActive) })
}

func (w *Web) adminEndUserSessions(v *visit) error {
	f, u, err := v.userForm("users.end_sessions_title", "users.end_sessions", true)
	if err != nil {
		return err
	}
	f.point("users.end_sessions_what")
	if u.ID == v.identity.User.ID {
		f.point("users.end_sessions_own")
	}
	return v.act(f, &u, "done.user_sessions", func() error { return w.SignIn.EndUserSessions(v.Context(), v.actor(), u.ID) })
}

// adminResendInvitation mails an invitation once more: to a user who was never
// active, or to whoever has an invited address.
func (w *Web) adminResendInvitation(v *visit) error {
	u, err := v.member()
	if err != nil {
		return err
	}
	row := (&AdminFrame{Base: v.base}).row(u)
	f := v.newQuestion("users", "users.resend_title", "users.resend", Link{row.Email, row.URL}, row.Email)
	f.Danger = false
	f.point("users.resend_what")
	if !f.sent() {
		return f.show(nil)
	}
	if _, err := w.Directory.ResendInvitation(v.Context(), v.actor(), row.ID); err != nil {
		return f.show(err)
	}
	v.say("done.invitation_sent", row.Email)
	return v.toUser(row.ID)
}

// adminSendPasswordReset mails a link by which the user sets a new password.
func (w *Web) adminSendPasswordReset(v *visit) error {
	f, u, err := v.userForm("users.reset_title", "users.reset", true)
	if err != nil {
		return err
	}
	f.Danger = false
	f.point("users.reset_what")
	return v.act(f, &u, "done.reset_sent", func() error {
		_, err := w.SignIn.SendPasswordReset(v.Context(), v.actor(), u.ID)
		return err
	})
}

// act does what a question was about.
func (v *visit) act(f *form, u *directory.User, done string, do func() error) error {
	if !f.sent() {
		return f.show(nil)
	}
	if err := do(); err != nil {
		return f.show(err)
	}
	v.say(done, u.Label())
	return v.toUser(u.ID)
}

// adminRemoveUser removes a user, or revokes an invitation.
func (w *Web) adminRemoveUser(v *visit) error {
	u, err := v.member()
	if err != nil {
		return err
	}
	if i := u.Invitation; i != nil {
		f := v.newQuestion("users", "users.revoke_title", "users.revoke", Link{i.Email, v.base + "/users/" + i.ID}, i.Email)
		f.point("users.revoke_what")
		return v.removed(f, i.ID, i.Email, "done.invitation_revoked")
	}
	f := v.newQuestion("users", "users.remove_title", "users.remove", Link{u.User.Label(), v.base + "/users/" + u.User.ID}, u.User.Label())
	if u.User.ActivatedAt.IsZero() {
		f.point("users.remove_deletes")
	} else {
		f.point("users.remove_what")
	}
	f.point("users.remove_instead")
	return v.removed(f, u.User.ID, u.User.Label(), "done.user_removed")
}

func (v *visit) removed(f *form, userID, name, done string) error {
	if !f.sent() {
		return f.show(nil)
	}
	if err := v.web.Directory.RemoveUser(v.Context(), v.actor(), userID); err != nil {
		return f.show(err)
	}
	v.say(done, name)
	if userID == v.identity.User.ID {
		return v.redirect("/")
	}
	return v.to("/users")
}
