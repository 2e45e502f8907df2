package web

import (
	"net/http"
	"strconv"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
)

// adminSettings shows and changes the settings of the organization.
func (w *Web) adminSettings(v *visit) error {
	o := v.organization
	f := v.newForm("settings", "settings.title", "settings.save", Link{})
	f.tabs(v.base+"/settings", false)
	f.text("name", "settings.name", o.Name).Required = true
	idle := minutes(o.Limits.Idle)
	most := minutes(o.Limits.Max)
	f.add(formField{Name: "session_idle_minutes", Kind: fieldNumber, Label: f.T("settings.idle"), Hint: f.T("settings.idle_hint"), Value: idle, Required: true})
	f.add(formField{Name: "session_max_minutes", Kind: fieldNumber, Label: f.T("settings.max"), Hint: f.T("settings.max_hint"), Value: most, Required: true})
	f.add(formField{Name: "initial_password_required", Kind: fieldCheckbox, Label: f.T("settings.initial"), Hint: f.T("settings.initial_hint"), Checked: o.InitialPassword})
	f.lead("settings.edition", f.Word("edition", string(o.Edition)))
	if !f.sent() {
		return f.show(nil)
	}
	if _, err := w.Directory.UpdateOrganization(v.Context(), v.actor(), o.ID, settingsInput(v)); err != nil {
		return f.show(err)
	}
	v.say("done.settings_saved")
	return v.to("/settings")
}

func minutes(d time.Duration) string { return strconv.FormatInt(int64(d/time.Minute), 10) }

// settingsInput reads the form. What is no number is one that can't be.
func settingsInput(v *visit) (in directory.OrganizationChange) {
	name, initial := v.PostFormValue("name"), v.PostFormValue("initial_password_required") != ""
	in.Name, in.InitialPassword = &name, &initial
	number := func(field string) *int64 {
		n, err := strconv.ParseInt(v.PostFormValue(field), 10, 64)
		if err != nil {
			n = -1
		}
		return &n
	}
	in.SessionIdleMinutes, in.SessionMaxMinutes = number("session_idle_minutes"), number("session_max_minutes")
	return in
}

type rolesView struct {
	AdminFrame
	Roles        []roleRow
	AccountRoles []string
}

type roleRow struct {
	Name, What string
	Count      string
	URL        string // of the list of those who have it
}

// adminRoles tells what each role may do, and who has it.
func (w *Web) adminRoles(v *visit) error {
	c, err := w.Directory.CountUsers(v.Context(), v.actor(), v.organization.ID)
	if err != nil {
		return err
	}
	view := rolesView{AdminFrame: v.adminFrame("roles", "roles.title"), AccountRoles: w.Directory.AccountRoles()}
	for _, r := range []struct {
		role access.Role
		what string
		n    int64
	}{
		{access.RoleOwner, view.T("roles.owner"), c.Owners},
		{access.RoleAdministrator, view.T("roles.administrator"), c.Administrators},
		{access.RoleMember, view.T("roles.member"), c.Members},
	} {
		view.Roles = append(view.Roles, roleRow{view.Word("role", string(r.role)), r.what, view.Users(r.n), v.base + "/users?role=" + string(r.role)})
	}
	return v.render(http.StatusOK, "admin_roles", view)
}

// Users writes how many users there are.
func (v rolesView) Users(n int64) string {
	if n == 1 {
		return v.N("users.count", n)
	}
	return v.T("users.count", v.Count(n))
}

// foundOrganization makes an organization for who is signed in, where the
// operator lets users do so.
func (w *Web) foundOrganization(r *request) error {
	identity, err := r.signedIn(access.RoomConsole)
	if identity == nil {
		return err
	}
	if !w.Directory.UsersFound() {
		return fault.New(fault.NotFound, "")
	}
	if err := directory.Refusal(access.May(r.actor(), access.ActOrganizationFound, "")); err != nil {
		return err
	}
	view := foundView{Frame: r.room("found.title", ""), Name: r.PostFormValue("name")}
	if r.Method != http.MethodPost {
		return r.render(http.StatusOK, "found", view)
	}
	o, err := w.Directory.FoundOrganization(r.Context(), r.actor(), view.Name)
	if errorIs(err, fault.CodeInvalid) || errorIs(err, fault.Conflict) {
		status := r.note(err)
		view.Errors, view.Reference = r.formErrors(err), r.ResponseWriter.Header().Get("Sallyport-Reference")
		return r.render(status, "found", view)
	}
	if err != nil {
		return err
	}
	r.say("done.organization_founded", o.Name)
	return r.redirect("/admin/" + o.ID)
}

type foundView struct {
	Frame
	Name   string
	Errors formErrors
}
