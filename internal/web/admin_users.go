package web

import (
	"net/http"
	"net/url"
	"strconv"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// pageSize is how many rows a list shows.
const pageSize = 50

type usersView struct {
	AdminFrame
	Filters  userFilters
	Users    []userRow
	Next     string // URL of the next page; empty at the end
	First    string // URL of the first page; empty there
	Filtered bool
	Empty    bool // nobody is here yet
	Domains  []formOption
	Statuses []formOption
	Roles    []formOption
	Settings []formOption // of SSO; none without an SSO profile
	Found    string       // what was found, in words
}

// userFilters are what the URL says of a list of users.
type userFilters struct {
	Text, Status, Role, SSO, Domain string
}

func (v *visit) userFilters() userFilters {
	q := v.URL.Query()
	return userFilters{q.Get("q"), q.Get("status"), q.Get("role"), q.Get("sso"), q.Get("domain")}
}

// query is the filters as a use case takes them. What is no value of a filter
// finds nothing.
func (u userFilters) query(organizationID string, p directory.Page) directory.UserQuery {
	return directory.UserQuery{OrganizationID: organizationID, Text: u.Text, Status: access.UserStatus(u.Status),
		Role: access.Role(u.Role), SSO: access.SSOSetting(u.SSO), Domain: u.Domain, Page: p}
}

func (u userFilters) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"q": u.Text, "status": u.Status, "role": u.Role, "sso": u.SSO, "domain": u.Domain} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

type userRow struct {
	ID, URL, Name, Email string
	Role                 string
	Status               access.UserStatus
	Way                  string // how the user signs in
	SSO                  access.SSOSetting
}

// adminUsers lists users and invitations, newest first.
func (w *Web) adminUsers(v *visit) error {
	view := usersView{AdminFrame: v.adminFrame("users", "users.title"), Filters: v.userFilters()}
	after := v.URL.Query().Get("after")
	if len(view.Filters.Text) > 200 || len(after) > 100 {
		return fault.New(fault.Malformed, "")
	}
	values := view.Filters.values()
	found, err := w.Directory.Users(v.Context(), v.actor(), view.Filters.query(v.organization.ID, directory.Page{After: after, Limit: pageSize}))
	if err != nil {
		return err
	}
	if found.Next != "" {
		next := view.Filters.values()
		next.Set("after", found.Next)
		view.Next = "?" + next.Encode()
	}
	if after != "" {
		view.First = "?" + values.Encode()
	}
	for _, u := range found.Items {
		view.Users = append(view.Users, view.row(u))
	}
	view.Filtered = len(values) > 0
	view.Empty = len(found.Items) == 0 && !view.Filtered && after == ""
	switch n := int64(len(found.Items)); {
	case n == 0 && view.Next != "":
		view.Found = view.T("users.go_on")
	case n == 0:
		view.Found = view.T("users.none_found")
	case view.Next != "" || after != "":
		view.Found = view.N("users.shown", n)
	default:
		view.Found = view.N("users.count", n)
	}
	if err := view.options(v); err != nil {
		return err
	}
	return v.render(http.StatusOK, "admin_users", view)
}

func (f *AdminFrame) row(u directory.UserView) userRow {
	if i := u.Invitation; i != nil {
		return userRow{ID: i.ID, URL: f.Base + "/users/" + i.ID, Name: i.Name, Email: i.Email, Role: string(i.Role), Status: access.UserInvited}
	}
	return userRow{ID: u.User.ID, URL: f.Base + "/users/" + u.User.ID, Name: u.User.Name, Email: u.User.Email, Role: string(u.User.Role),
		Status: u.User.Status, Way: string(u.SignIn.Method), SSO: u.User.SSO}
}

// options fills in the choices of the filters.
func (v *usersView) options(visit *visit) error {
	choose := func(kind, chosen string, values ...string) []formOption {
		list := []formOption{{Text: v.T("users.any")}}
		for _, value := range values {
			list = append(list, formOption{Value: value, Text: v.Word(kind, value), Chosen: value == chosen})
		}
		return list
	}
	v.Statuses = choose("status", v.Filters.Status, string(access.UserActive), string(access.UserInvited), string(access.UserDeactivated))
	v.Roles = choose("role", v.Filters.Role, string(access.RoleOwner), string(access.RoleAdministrator), string(access.RoleMember))
	profiles, err := visit.web.SSO.Profiles(visit.Context(), visit.actor(), visit.organization.ID, directory.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(profiles) > 0 {
		v.Settings = choose("sso", v.Filters.SSO, string(access.SSOInherit), string(access.SSOEnabled), string(access.SSODisabled))
	}
	domains, err := visit.web.Directory.Domains(visit.Context(), visit.actor(), visit.organization.ID, all)
	if err != nil {
		return err
	}
	v.Domains = []formOption{{Text: v.T("users.any")}}
	for _, d := range domains {
		v.Domains = append(v.Domains, formOption{Value: d.Name, Text: d.Name, Chosen: d.Name == v.Filters.Domain})
	}
	return nil
}

func (v *visit) upToUsers() Link { return Link{v.request.text("users.title"), v.base + "/users"} }

// adminAddUser adds a user, or invites one whose address is in no verified
// domain.
func (w *Web) adminAddUser(v *visit) error {
	f := v.newForm("users", "users.new", "users.add", v.upToUsers())
	f.lead("users.new_lead")
	f.add(formField{Name: "email", Kind: fieldEmail, Label: f.T("field.email"), Required: true, Autocomplete: "off", Max: 254})
	f.text("name", "users.name", "").Hint = f.T("users.name_hint")
	f.add(formField{Name: "role", Kind: fieldRadio, Label: f.T("users.role"), Value: string(access.RoleMember), Options: f.roleOptions()})
	f.add(formField{Name: "invite", Kind: fieldCheckbox, Label: f.T("users.invite"), Hint: f.T("users.invite_hint"), Checked: true})
	if !f.sent() {
		return f.show(nil)
	}
	in := directory.NewUser{Email: v.PostFormValue("email"), Name: v.PostFormValue("name"), Role: access.Role(v.PostFormValue("role")),
		Language: v.lang, Silent: v.PostFormValue("invite") == ""}
	if in.Role != access.RoleMember && !v.actor().Fresh && in.Role != "" {
		// What was entered goes along, and comes back.
		return v.askFresh(v.base + "/users/new?" + url.Values{"email": {in.Email}, "name": {in.Name}, "role": {string(in.Role)}}.Encode())
	}
	added, err := w.Directory.AddUser(v.Context(), v.actor(), v.organization.ID, in)
	if err != nil {
		return f.show(err)
	}
	row := f.row(added)
	if added.Invitation != nil {
		v.say("done.user_invited", row.Email)
	} else {
		v.say("done.user_added", row.Email)
	}
	return v.to("/users/" + row.ID)
}

// roleOptions are the organization roles that the visitor may give.
func (f *form) roleOptions() []formOption {
	roles := []access.Role{access.RoleMember, access.RoleAdministrator}
	if f.identity.User.Role == access.RoleOwner {
		roles = append(roles, access.RoleOwner)
	}
	hints := map[access.Role]string{access.RoleMember: f.T("roles.member"), access.RoleAdministrator: f.T("roles.administrator"), access.RoleOwner: f.T("roles.owner")}
	var options []formOption
	for _, r := range roles {
		options = append(options, formOption{Value: string(r), Text: f.Word("role", string(r)), Hint: hints[r]})
	}
	return options
}

// maxBulk is how many users one form changes.
const maxBulk = 1000

// selection returns to whom of those that the link means an act fits: of those
// it names, or of all whom its filters find. More than maxBulk are too many.
func (v *visit) selection(fits func(directory.UserView) bool) (ids []string, err error) {
	q := v.URL.Query()
	if q.Get("all") == "" {
		return v.named(q["user"], fits)
	}
	after := ""
	for len(ids) <= maxBulk {
		found, err := v.web.Directory.Users(v.Context(), v.actor(), v.userFilters().query(v.organization.ID, directory.Page{After: after, Limit: 200}))
		if err != nil {
			return nil, err
		}
		for _, u := range found.Items {
			if fits(u) {
				ids = append(ids, idOf(u))
			}
		}
		if after = found.Next; after == "" {
			break
		}
	}
	return ids, nil
}

// named are those of a link's ids to whom an act fits.
func (v *visit) named(given []string, fits func(directory.UserView) bool) (ids []string, err error) {
	for _, one := range given[:min(len(given), maxBulk)] {
		if !id.User.Valid(one) && !id.Invitation.Valid(one) {
			return nil, fault.New(fault.NotFound, "")
		}
		u, err := v.web.Directory.User(v.Context(), v.actor(), one)
		if err != nil {
			return nil, err
		}
		if fits(u) {
			ids = append(ids, one)
		}
	}
	return ids, nil
}

func idOf(u directory.UserView) string {
	if u.Invitation != nil {
		return u.Invitation.ID
	}
	return u.User.ID
}

// A bulk is an act on several users at once.
type bulk struct {
	title, verb, what string // keys
	done, some        string // what is said then: of all; of some, and how many not
	fits              func(directory.UserView) bool
	do                func(userID string) error
}

func (w *Web) adminDeactivateUsers(v *visit) error {
	return v.many(bulk{"users.deactivate_many", "users.deactivate", "users.deactivate_what", "done.users_deactivated", "done.users_deactivated_some",
		func(u directory.UserView) bool { return u.Invitation == nil && u.User.Status != access.UserDeactivated },
		func(userID string) error { return v.setStatus(userID, access.UserDeactivated) }})
}

func (w *Web) adminReactivateUsers(v *visit) error {
	return v.many(bulk{"users.reactivate_many", "users.reactivate", "users.reactivate_what", "done.users_reactivated", "done.users_reactivated_some",
		func(u directory.UserView) bool { return u.Invitation == nil && u.User.Status == access.UserDeactivated },
		func(userID string) error { return v.setStatus(userID, access.UserActive) }})
}

func (w *Web) adminRemoveUsers(v *visit) error {
	return v.many(bulk{"users.remove_many", "users.remove", "users.remove_what", "done.users_removed", "done.users_removed_some",
		func(directory.UserView) bool { return true },
		func(userID string) error { return w.Directory.RemoveUser(v.Context(), v.actor(), userID) }})
}

func (v *visit) setStatus(userID string, status access.UserStatus) error {
	_, err := v.web.Directory.UpdateUser(v.Context(), v.actor(), userID, directory.UserChange{Status: &status})
	return err
}

// many asks how many users it is about, and then does it to each of them. Those
// to whom it can't be done stay as they are, and are counted.
func (v *visit) many(b bulk) error {
	ids, err := v.selection(b.fits)
	if err != nil {
		return err
	}
	up := v.upToUsers()
	if values := v.userFilters().values(); len(values) > 0 {
		up.URL += "?" + values.Encode()
	}
	f := v.newForm("users", "users.title", b.verb, up)
	n := int64(len(ids))
	f.Title, f.Confirm, f.Danger = f.N(b.title, n), true, true
	f.Verb = f.Title
	f.Hidden = []hiddenInput{{"count", strconv.FormatInt(n, 10)}}
	switch {
	case n == 0:
		f.Verb, f.Title = "", f.T("users.none_chosen")
		f.lead("users.choose")
	case n > maxBulk:
		f.Verb, f.Title = "", f.T("users.too_many")
		f.lead("users.at_most", f.Number(maxBulk))
	default:
		f.point(b.what)
	}
	switch {
	case !f.sent() || f.Verb == "":
		return f.show(nil)
	case v.PostFormValue("count") != f.Hidden[0].Value:
		return f.show(fault.New(fault.Conflict, f.T("users.changed")))
	}
	return v.each(ids, b)
}

// each does it, and says how often.
func (v *visit) each(ids []string, b bulk) error {
	done := 0
	for _, userID := range ids {
		err := b.do(userID)
		if err == nil {
			done++
			continue
		}
		if status := fault.From(err).Status(); status != http.StatusConflict && status != http.StatusForbidden && status != http.StatusNotFound {
			return err
		}
	}
	if left := len(ids) - done; left > 0 {
		v.say(b.some, strconv.Itoa(done), strconv.Itoa(left))
	} else {
		v.say(b.done, strconv.Itoa(done))
	}
	return v.to("/users")
}
