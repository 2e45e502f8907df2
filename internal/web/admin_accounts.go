package web

import (
	"errors"
	"net/http"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

type accountsView struct {
	AdminFrame
	Accounts []accountRow
	Next     string
	First    string
}

type accountRow struct {
	Name, URL string
	Archived  bool
	Created   time.Time
}

// after reads where a page of a list begins.
func (v *visit) after(kind id.Kind) (string, error) {
	after := v.URL.Query().Get("after")
	if after != "" && !kind.Valid(after) {
		return "", fault.New(fault.Malformed, "")
	}
	return after, nil
}

func (w *Web) adminAccounts(v *visit) error {
	after, err := v.after(id.Account)
	if err != nil {
		return err
	}
	list, err := w.Directory.Accounts(v.Context(), v.actor(), v.organization.ID, directory.Page{After: after, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	view := accountsView{AdminFrame: v.adminFrame("accounts", "accounts.title")}
	if len(list) > pageSize {
		list = list[:pageSize]
		view.Next = "?after=" + list[pageSize-1].ID
	}
	if after != "" {
		view.First = "?"
	}
	for _, a := range list {
		view.Accounts = append(view.Accounts, accountRow{a.Name, v.base + "/accounts/" + a.ID, !a.ArchivedAt.IsZero(), a.CreatedAt})
	}
	return v.render(http.StatusOK, "admin_accounts", view)
}

func (v *visit) upToAccounts() Link {
	return Link{v.request.text("accounts.title"), v.base + "/accounts"}
}

func (w *Web) adminCreateAccount(v *visit) error {
	f := v.newForm("accounts", "accounts.new", "accounts.create", v.upToAccounts())
	f.text("name", "accounts.name", "").Required = true
	if !f.sent() {
		return f.show(nil)
	}
	a, err := w.Directory.CreateAccount(v.Context(), v.actor(), v.organization.ID, v.PostFormValue("name"))
	if err != nil {
		return f.show(err)
	}
	v.say("done.account_created", a.Name)
	return v.to("/accounts/" + a.ID)
}

// account reads the account that the path names.
func (v *visit) account() (directory.Account, error) {
	if !id.Account.Valid(v.PathValue("account")) {
		return directory.Account{}, fault.New(fault.NotFound, "")
	}
	return v.web.Directory.Account(v.Context(), v.actor(), v.PathValue("account"))
}

type accountView struct {
	AdminFrame
	Path     string
	Name     string
	Archived bool
	Members  []memberRow
	Next     string
	First    string
}

type memberRow struct {
	Name, Email, URL, ChangeURL, RemoveURL string
	Roles                                  []string
}

func (w *Web) adminAccount(v *visit) error {
	a, err := v.account()
	if err != nil {
		return err
	}
	after, err := v.after(id.User)
	if err != nil {
		return err
	}
	members, err := w.Directory.MemberUsers(v.Context(), v.actor(), a.ID, directory.Page{After: after, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	view := accountView{AdminFrame: v.adminFrame("accounts", "accounts.title"), Path: v.base + "/accounts/" + a.ID, Name: a.Name, Archived: !a.ArchivedAt.IsZero()}
	view.Title, view.Up = a.Name, v.upToAccounts()
	view.tabs(view.Path, false)
	if len(members) > pageSize {
		members = members[:pageSize]
		view.Next = "?after=" + members[pageSize-1].User.ID
	}
	if after != "" {
		view.First = "?"
	}
	for _, m := range members {
		path := view.Path + "/members/" + m.User.ID
		row := memberRow{Name: m.User.Label(), Email: m.User.Email, URL: v.base + "/users/" + m.User.ID, ChangeURL: path, RemoveURL: path + "/remove"}
		for _, role := range m.Roles {
			row.Roles = append(row.Roles, view.Word("account_role", role))
		}
		view.Members = append(view.Members, row)
	}
	return v.render(http.StatusOK, "admin_account", view)
}

// accountForm begins a form about the account that the path names.
func (v *visit) accountForm(title, verb string, question bool) (*form, directory.Account, error) {
	a, err := v.account()
	if err != nil {
		return nil, a, err
	}
	up := Link{a.Name, v.base + "/accounts/" + a.ID}
	if question {
		return v.newQuestion("accounts", title, verb, up, a.Name), a, nil
	}
	return v.newForm("accounts", title, verb, up), a, nil
}

// change changes the account, and says so.
func (v *visit) change(f *form, a directory.Account, in directory.AccountChange, done string) error {
	changed, err := v.web.Directory.UpdateAccount(v.Context(), v.actor(), a.ID, in)
	if err != nil {
		return f.show(err)
	}
	v.say(done, changed.Name)
	return v.to("/accounts/" + a.ID)
}

func (w *Web) adminRenameAccount(v *visit) error {
	f, a, err := v.accountForm("accounts.rename", "accounts.rename", false)
	if err != nil {
		return err
	}
	f.text("name", "accounts.name", a.Name).Required = true
	if !f.sent() {
		return f.show(nil)
	}
	name := v.PostFormValue("name")
	return v.change(f, a, directory.AccountChange{Name: &name}, "done.account_renamed")
}

func (w *Web) adminArchiveAccount(v *visit) error {
	f, a, err := v.accountForm("accounts.archive_title", "accounts.archive", true)
	if err != nil {
		return err
	}
	f.point("accounts.archive_what")
	if !f.sent() {
		return f.show(nil)
	}
	archived := true
	return v.change(f, a, directory.AccountChange{Archived: &archived}, "done.account_archived")
}

func (w *Web) adminRestoreAccount(v *visit) error {
	f, a, err := v.accountForm("accounts.restore_title", "accounts.restore", true)
	if err != nil {
		return err
	}
	f.Danger = false
	f.point("accounts.restore_what")
	if !f.sent() {
		return f.show(nil)
	}
	archived := false
	return v.change(f, a, directory.AccountChange{Archived: &archived}, "done.account_restored")
}

// accountRoles adds the choice of roles in an account.
func (f *form) accountRoles(has []string) {
	var options []formOption
	for _, role := range f.web.Directory.AccountRoles() {
		o := formOption{Value: role, Text: f.Word("account_role", role)}
		for _, h := range has {
			o.Chosen = o.Chosen || h == role
		}
		options = append(options, o)
	}
	f.add(formField{Name: "roles", Kind: fieldSet, Label: f.T("accounts.roles"), Options: options})
}

// adminAddMember takes a user of the organization into an account.
func (w *Web) adminAddMember(v *visit) error {
	f, a, err := v.accountForm("accounts.add_member", "accounts.add_member", false)
	if err != nil {
		return err
	}
	f.lead("accounts.add_lead", a.Name)
	f.add(formField{Name: "email", Kind: fieldEmail, Label: f.T("field.email"), Required: true, Autocomplete: "off", Max: 254}).word = "member"
	f.accountRoles(nil)
	if !f.sent() {
		return f.show(nil)
	}
	u, err := v.managed(v.PostFormValue("email"))
	if err != nil {
		return f.show(err)
	}
	return v.setMember(f, a, u, "/accounts/"+a.ID)
}

// managed finds a user of the organization by address.
func (v *visit) managed(email string) (u directory.User, err error) {
	nobody := fault.Invalid(fault.Field{Name: "email", Message: "is no address of a user of the organization"})
	address, err := directory.ParseAddress(email)
	if err != nil {
		return u, nobody
	}
	err = v.web.DB.View(v.Context(), func(tx *db.Tx) error {
		found, ok, err := v.web.Directory.UserByAddress(tx, address)
		if err == nil && (!ok || found.OrganizationID != v.organization.ID) {
			return nobody
		}
		u = found
		return err
	})
	return u, err
}

// setMember gives the roles that were chosen.
func (v *visit) setMember(f *form, a directory.Account, u directory.User, back string) error {
	if _, err := v.web.Directory.SetMember(v.Context(), v.actor(), a.ID, u.ID, f.chosen("roles")); err != nil {
		return f.show(err)
	}
	v.say("done.member_set", u.Label(), a.Name)
	return v.to(back)
}

// memberForm begins a form about one member of an account.
func (v *visit) memberForm(title, verb string, question bool) (*form, directory.Account, directory.Member, directory.User, error) {
	var m directory.Member
	f, a, err := v.accountForm(title, verb, question)
	if err != nil {
		return nil, a, m, directory.User{}, err
	}
	u, err := v.member()
	if err == nil && u.Invitation != nil {
		err = fault.New(fault.NotFound, "")
	}
	if err != nil {
		return nil, a, m, u.User, err
	}
	m, err = v.web.Directory.Member(v.Context(), v.actor(), a.ID, u.User.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, a, m, u.User, err
	}
	f.Title = f.T(title, u.User.Label(), a.Name)
	return f, a, m, u.User, nil
}

func (w *Web) adminMemberRoles(v *visit) error {
	f, a, m, u, err := v.memberForm("accounts.member_title", "accounts.save_roles", false)
	if err != nil {
		return err
	}
	f.accountRoles(m.Roles)
	if !f.sent() {
		return f.show(nil)
	}
	return v.setMember(f, a, u, "/accounts/"+a.ID)
}

func (w *Web) adminRemoveMember(v *visit) error {
	f, a, _, u, err := v.memberForm("accounts.remove_member_title", "accounts.remove_member", true)
	if err != nil {
		return err
	}
	f.point("accounts.remove_member_what", a.Name)
	if !f.sent() {
		return f.show(nil)
	}
	if err := w.Directory.RemoveMember(v.Context(), v.actor(), a.ID, u.ID); err != nil {
		return f.show(err)
	}
	v.say("done.member_removed", u.Label(), a.Name)
	return v.to("/accounts/" + a.ID)
}

// adminAddUserToAccount takes the user that the path names into an account.
func (w *Web) adminAddUserToAccount(v *visit) error {
	f, u, err := v.userForm("accounts.join", "accounts.join", false)
	if err != nil {
		return err
	}
	accounts, err := w.Directory.Accounts(v.Context(), v.actor(), v.organization.ID, directory.Page{Limit: 200})
	if err != nil {
		return err
	}
	var options []formOption
	for _, a := range accounts {
		if a.ArchivedAt.IsZero() {
			options = append(options, formOption{Value: a.ID, Text: a.Name})
		}
	}
	if len(options) == 0 {
		f.lead("accounts.none_yet")
		f.Verb = ""
		return f.show(nil)
	}
	f.add(formField{Name: "account", Kind: fieldSelect, Label: f.T("accounts.account"), Options: options, Required: true})
	f.accountRoles(nil)
	if !f.sent() {
		return f.show(nil)
	}
	var a directory.Account
	if id.Account.Valid(v.PostFormValue("account")) {
		a, err = w.Directory.Account(v.Context(), v.actor(), v.PostFormValue("account"))
	}
	if a.ID == "" || errors.Is(err, fault.NotFound) {
		return f.show(fault.Invalid(fault.Field{Name: "account", Message: f.T("field.account.invalid")}))
	}
	if err != nil {
		return err
	}
	return v.setMember(f, a, u, "/users/"+u.ID)
}
