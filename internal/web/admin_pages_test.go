package web

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/imports"
	"sallyport/internal/session"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

// main is the page without what stands around it.
func (p page) main() string {
	_, main, _ := strings.Cut(p.text(), "<main")
	return regexp.MustCompile(`\n\s*\n`).ReplaceAllString(main, "\n")
}

// shows fails the test unless the page holds each text.
func (p page) shows(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.text(), text) {
			p.t.Errorf("%q is not on the page (%d):\n%s", text, p.Code, p.main())
		}
	}
	return p
}

func (p page) hides(texts ...string) page {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.text(), text) {
			p.t.Errorf("%q is on the page:\n%s", text, p.main())
		}
	}
	return p
}

// wrong fails the test unless the page is a form with this at this field.
func (p page) wrong(status int, field, message string) page {
	p.t.Helper()
	if p.Code != status {
		p.t.Errorf("%d, not %d", p.Code, status)
	}
	if field != "" {
		p.shows(`<a href="#`+field+`">`+message, `id="`+field+`-error">`+message)
	}
	return p.shows(message)
}

func TestTheConsoleLinksToTheAdminCenter(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	for _, u := range []directory.User{acme.owner, acme.admin} {
		s.as(t, u).get("/").shows(`href="` + acme.home() + `"`)
	}
	s.as(t, acme.user).get("/").hides("/admin/")
	s.as(t, s.Independent(t, "home@home.test")).get("/").hides("/admin/")
}

func TestTheOverviewLeadsThroughTheSetup(t *testing.T) {
	s := secureSite(t)
	acme := s.Organization(t, "Acme")
	owner := acme.User(t, "owner@acme.test", access.RoleOwner)
	b, home := s.as(t, owner), "/admin/"+acme.ID
	next := regexp.MustCompile(`(?s)<li class="next">.*?<strong>(.*?)</strong>`)
	step := func(want string) page {
		t.Helper()
		p := b.get(home)
		m := next.FindStringSubmatch(p.text())
		if m == nil && want != "" || m != nil && m[1] != want {
			t.Errorf("the next step is %q, not %q", m, want)
		}
		return p
	}
	step("Verify a domain").shows(`href="`+home+`/domains/new"><strong>`, "There is only one owner.").hides("Refused sign-ins of the last seven days</h2>\n<ul")
	d := acme.Claim(t, "acme.test")
	step("Verify a domain").shows("The domain acme.test is not verified yet.", home+"/domains/"+d.ID)
	if _, err := s.Directory.VouchForDomain(t.Context(), parts.Operator(), d.ID); err != nil {
		t.Fatal(err)
	}
	step("Add or import users").hides("is not verified yet")
	acme.User(t, "second@acme.test", access.RoleOwner)
	step("Create an SSO profile").hides("There is only one owner.")
	p := acme.Configured(t)
	step("Test it")
	p.Test(t)
	step("Enforce it")
	p.Enforce(t, d)
	step("").hides("Set up</h2>")
	acme.Edition(t, directory.Standard)
	step("").hides("Set up</h2>")
	s.Status(t, d, access.DomainLapsing)
	b.get(home).shows("The proof of the domain acme.test has gone.")

	// The page after each act of a newcomer leads on; later the acts are on their own.
	fresh := s.Organization(t, "Fresh")
	first := s.as(t, fresh.User(t, "owner@fresh.test", access.RoleOwner))
	home = "/admin/" + fresh.ID
	first.get(home + "/domains/new").shows(`value="fresh.test"`)
	path := first.post(home+"/domains/new", "name", "fresh.test").redirected(home + "/domains/dom_")
	first.get(path).shows("fresh.test is added.").hides("Next step:")
	first.get(home + "/domains/new").hides(`value="fresh.test"`)
	if _, err := s.Directory.VouchForDomain(t.Context(), parts.Operator(), strings.TrimPrefix(path, home+"/domains/")); err != nil {
		t.Fatal(err)
	}
	path = first.post(home+"/users/new", "email", "second@fresh.test", "role", "member").redirected(home + "/users/usr_")
	first.get(path).shows("Next step:", `<a href="`+home+`/sso/new">Create an SSO profile</a>`)
	first.get(path).hides("Next step:")

	free := s.Organization(t, "Free")
	s.as(t, free.User(t, "owner@gmail.com", access.RoleOwner)).get("/admin/" + free.ID + "/domains/new").shows(`name="name" type="text" value=""`)

	small := s.Organization(t, "Small")
	small.Edition(t, directory.Standard)
	boss := small.User(t, "boss@small.test", access.RoleOwner)
	s.as(t, boss).get("/admin/" + small.ID).shows("is not part of your edition").hides("Create an SSO profile")
}

func TestSettingsAreChanged(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b, path := s.as(t, acme.admin), acme.home()+"/settings"
	b.get(path).shows(`value="Acme"`, `value="60"`, `value="720"`, "Your edition is Enterprise.")
	b.post(path, "name", "Acme & Sons", "session_idle_minutes", "30", "session_max_minutes", "600").redirected(path)
	b.get(path).shows("The settings are saved.", `value="Acme &amp; Sons"`, `value="30"`, `value="600"`)
	b.get(path).hides("The settings are saved.", `value="1" checked`)
	e := acme.Recorded(t, audit.OrganizationUpdated)
	if e.Actor.ID != acme.admin.ID || len(e.Changes) != 4 {
		t.Errorf("%+v", e)
	}
	b.get(path+"/history").shows("Settings changed", "<del>Acme</del>", "<ins>Acme &amp; Sons</ins>", "Minutes without use")
	b.post(path, "name", "", "session_idle_minutes", "30", "session_max_minutes", "600").wrong(422, "name", "Enter a name")
	b.post(path, "name", "Acme", "session_idle_minutes", "4", "session_max_minutes", "10").wrong(422, "session_idle_minutes", "Enter a number of minutes between 5 and 1440.").
		wrong(422, "session_max_minutes", "Enter a number of minutes between 15 and 43200.").shows(`value="4"`)
	b.post(path, "name", "Acme", "session_idle_minutes", "soon", "session_max_minutes", "600").wrong(422, "session_idle_minutes", "Enter a number")
	b.post(path, "name", "Acme", "session_idle_minutes", "30", "session_max_minutes", "600", "edition", "enterprise").redirected(path)
}

func TestADomainIsClaimedAndRemoved(t *testing.T) {
	s := secureSite(t)
	acme := s.Organization(t, "Acme")
	owner := acme.User(t, "owner@acme.test", access.RoleOwner)
	b, home := s.as(t, owner), "/admin/"+acme.ID
	b.get(home+"/domains").shows("There is no domain yet.", home+"/domains/new")
	for typed, message := range map[string]string{"": "Enter a domain name", "nonsense": "Enter a domain name", "10.0.0.1": "Enter a domain name"} {
		b.post(home+"/domains/new", "name", typed).wrong(422, "name", message)
	}
	b.post(home+"/domains/new", "name", "co.uk").wrong(422, "", "This domain can")
	path := b.post(home+"/domains/new", "name", "Bücher.example").redirected(home + "/domains/dom_")
	d, err := s.Directory.Domains(t.Context(), parts.Operator(), acme.ID, directory.Page{Limit: 5})
	if err != nil || len(d) != 1 {
		t.Fatalf("%v %v", d, err)
	}
	proof := d[0].Proof()
	b.get(path).shows("xn--bcher-kva.example is added. Now prove that it is yours.", "<code>"+proof.TXTName+"</code>", `data-copy="`+proof.TXTValue+`"`, proof.FileURL, "Pending", path+"/remove")
	b.post(home+"/domains/new", "name", "bücher.example").wrong(409, "", "The organization has claimed this domain already.")
	b.get(home+"/domains").shows("xn--bcher-kva.example", "Pending")
	b.get(path+"/remove").shows("Remove the domain xn--bcher-kva.example?", `data-cancel href="`+path+`" autofocus`, `class="danger">Remove domain<`)
	b.get(path + "/history").shows("Domain added")
	b.post(path + "/remove").redirected(home + "/domains")
	b.get(home + "/domains").shows("xn--bcher-kva.example is removed.")
	b.get(path).refused(404, "not_found")

	x := s.scene(t)
	boss := x.User(t, "boss@acme.test", access.RoleOwner)
	s.as(t, boss).post("/admin/"+x.Organization.ID+"/domains/"+x.domain.ID+"/remove").wrong(409, "", "The domain is enforced. Release it first.")
}

func TestUsersAreFoundAndPagedThrough(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	for i := range pageSize + 5 {
		acme.Add(t, directory.NewUser{Email: fmt.Sprintf("person%02d@acme.test", i), Name: fmt.Sprintf("Person %02d", i)})
	}
	b, path := s.as(t, acme.admin), acme.home()+"/users"
	first := b.get(path).shows("50 users on this page", "person54@acme.test", `rel="next"`).hides("First page", "owner@acme.test")
	next := regexp.MustCompile(`href="(\?[^"]*)" rel="next"`).FindStringSubmatch(first.text())
	second := b.get(path+next[1]).shows("9 users on this page", "owner@acme.test", "First page", "guest@elsewhere.test").hides(`rel="next"`)
	if strings.Count(first.text(), `name="user"`)+strings.Count(second.text(), `name="user"`) != pageSize+9 {
		t.Error("somebody is lost between the pages")
	}
	b.get(path+"?q=Person+07").shows("1 user <", "person07@acme.test", `value="Person 07"`, "Clear filters")
	b.get(path + "?q=nobody").shows("Nobody fits.").hides("<table>")
	b.get(path+"?status=active").shows("3 users <").hides("person07", "guest@")
	b.get(path+"?role=owner").shows("1 user <", "owner@acme.test")
	b.get(path+"?domain=acme.test&status=invited").shows("50 users on this page", `value="acme.test" selected`)
	b.get(path).hides(`id="sso"`)
	acme.Profile(t)
	b.get(path+"?sso=inherit").shows(`id="sso"`, `value="inherit" selected`)
}

func TestAUserIsAdded(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b, path := s.as(t, acme.admin), acme.home()+"/users/new"
	b.get(path).shows(`value="member" checked`, `value="administrator"`).hides(`value="owner"`)
	s.as(t, acme.owner).get(path).shows(`value="owner"`)
	user := b.post(path, "email", "New@acme.test", "name", "New One", "role", "member").redirected(acme.home() + "/users/usr_")
	b.get(user).shows("New@acme.test belongs to your organization now.", "New One", "Invited", "In no account yet.", "Nowhere signed in.")
	invitation := b.post(path, "email", "someone@else.test", "name", "", "role", "member").redirected(acme.home() + "/users/inv_")
	b.get(invitation).shows("someone@else.test is invited.", "This is an invitation.", "Revoke invitation").hides(`/role"`, "/deactivate")
	b.post(invitation+"/role", "role", "owner").refused(404, "not_found")
	b.post(invitation + "/remove").redirected(acme.home() + "/users")
	b.get(invitation).refused(404, "not_found")
	b.post(path, "email", "nonsense", "role", "member", "name", "Kept").wrong(422, "email", "Enter an e-mail address").shows(`value="Kept"`)
	b.post(path, "email", "new@acme.test", "role", "member").wrong(409, "", "The organization manages a user with this address already.")
	b.post(path, "email", "x@acme.test", "role", "king").wrong(422, "role", "Choose one of the roles.")
	b.post(path, "email", "x@acme.test", "role", "owner").refused(403, "forbidden")
	// What needs a fresh sign-in keeps what was entered.
	s.Pass(session.FreshFor)
	fresh := b.post(path, "email", "second@acme.test", "name", "Second", "role", "administrator").redirected("/account/fresh?return_to=")
	back := b.get(fresh).hidden("return_to")
	b.post("/account/fresh", "password", parts.Password, "return_to", back).redirected(path + "?")
	b.get(back).shows(`value="second@acme.test"`, `value="Second"`, `value="administrator" checked`)
}

func TestAUsersPageShowsAll(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	boss := x.User(t, "boss@acme.test", access.RoleOwner)
	a, err := s.Directory.CreateAccount(t.Context(), parts.Operator(), x.Organization.ID, "Launch")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Directory.SetMember(t.Context(), parts.Operator(), a.ID, x.user.ID, []string{"viewer", "developer"}); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Login(t, x.user.Email); err != nil {
		t.Fatal(err)
	}
	b, path := s.as(t, boss), "/admin/"+x.Organization.ID+"/users/"+x.user.ID
	b.get(path).shows("user@acme.test", "Active", "Member", "<strong>Single sign-on</strong> (Login)", "is enforced for the domain of the address",
		"By domain", "Launch", "Developer", "Viewer", "Signed in", "End all sessions", path+"/deactivate", path+"/sso")
	b.get("/admin/"+x.Organization.ID+"/users/"+x.exempt.ID).shows("<strong>Password</strong>", "SSO is set to Disabled for this user.")
	b.post(path + "/sessions").redirected(path)
	b.get(path).shows("The sessions of user@acme.test are ended.", "Nowhere signed in.")
	b.get(path+"/history").shows("Sessions ended", "Signed in", "boss@acme.test")
	b.post(path+"/name", "name", "  Test User ").redirected(path)
	b.get(path).shows("The name is changed.", "<h1>Test User</h1>")
	b.post(path+"/name", "name", "a\u202eb").wrong(422, "name", "Enter a name")
	b.get(path + "/sso").shows(`value="inherit" checked`)
	b.post(path+"/sso", "sso", "disabled").wrong(422, "acknowledge", "Tick the box to go on.")
	b.post(path+"/sso", "sso", "disabled", "acknowledge", "1").redirected(path)
	b.get(path).shows("SSO of Test User is now: Disabled.", "SSO is set to Disabled for this user.")
	b.post(path+"/sso", "sso", "enabled", "sso.profile_id", x.Profile.ID, "acknowledge", "1").redirected(path)
	b.get(path).shows("SSO is set to Enabled for this user.")
	x.Edition(t, directory.Standard)
	b.post(path+"/sso", "sso", "inherit", "acknowledge", "1").refused(403, "edition_required")
}

func TestAnAddressIsChangedOnceItIsConfirmed(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b, path := s.as(t, acme.admin), acme.path("/users/{user}")
	b.get(path + "/address").shows(`value="user@acme.test"`)
	b.post(path+"/address", "email", "nonsense").wrong(422, "email", "Enter an e-mail address")
	b.post(path+"/address", "email", "user@elsewhere.test").wrong(409, "", "The organization does not hold the domain elsewhere.test.")
	b.post(path+"/address", "email", "owner@acme.test").wrong(409, "", "Another user has this address.")
	b.post(path+"/address", "email", "renamed@acme.test").redirected(path)
	b.get(path).shows("A mail to renamed@acme.test asks to confirm the address.", "To become renamed@acme.test, once that is confirmed.")
	if list := s.Mails(t, "renamed@acme.test"); len(list) != 1 {
		t.Errorf("%d mails", len(list))
	}
	b.post(path+"/address", "email", "user@acme.test").redirected(path)
	b.get(path).shows("The address is user@acme.test.").hides("To become")
	b.post(acme.home()+"/users/"+acme.owner.ID+"/address", "email", "mine@acme.test").refused(403, "forbidden")
}

func TestAUserIsDeactivatedReactivatedAndRemoved(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b, path, there := s.as(t, acme.admin), acme.path("/users/{user}"), s.as(t, acme.user)
	b.get(path+"/deactivate").shows("Deactivate user@acme.test?", "Sessions end within a second", `autofocus>Cancel`)
	b.post(path + "/deactivate").redirected(path)
	b.get(path).shows("user@acme.test is deactivated.", "Not at all", "The user is deactivated.", path+"/reactivate").hides(path + "/deactivate")
	if there.session() != "" {
		t.Error("still signed in")
	}
	b.post(path + "/reactivate").redirected(path)
	b.get(path).shows("user@acme.test is reactivated.")
	b.post(path + "/remove").redirected(acme.home() + "/users")
	b.get(acme.home() + "/users").shows("user@acme.test is removed from the organization.")
	b.get(path).refused(404, "not_found")
	// An owner is none of an administrator's business, and the last one stays.
	owner := acme.home() + "/users/" + acme.owner.ID
	for _, act := range []string{"/deactivate", "/remove"} {
		b.post(owner+act).refused(403, "forbidden")
		s.as(t, acme.owner).post(owner+act).wrong(409, "", "The organization would have no active owner left.")
	}
	b.get(owner+"/role").refused(403, "forbidden")
	s.as(t, acme.owner).post(owner+"/role", "role", "member").wrong(409, "", "The organization would have no active owner left.")
	// Who gives up the own role is outside.
	admin := acme.home() + "/users/" + acme.admin.ID
	b.post(admin+"/role", "role", "member").redirected("/")
	b.get(acme.home()).refused(403, "forbidden")
	s.as(t, acme.owner).post(admin+"/role", "role", "owner").redirected(admin)
	b.get(acme.home() + "/roles").shows("2 users<")
}

func TestManyUsersAtOnce(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	var ids string
	for i := range 3 {
		ids += "&user=" + acme.User(t, fmt.Sprintf("person%d@acme.test", i), access.RoleMember).ID
	}
	b, path := s.as(t, acme.admin), acme.home()+"/users/deactivate"
	b.get(path).shows("Nobody is chosen").hides(">Deactivate 0")
	b.get(path+"?"+ids).shows("<h1>Deactivate 3 users</h1>", ">Deactivate 3 users</button>")
	b.get(path + "?all=1&q=person0").shows("Deactivate 1 user<")
	b.post(path+"?all=1&q=person", "count", "2").wrong(409, "", "In the meantime other users fit.")
	b.post(path+"?"+ids, "count", "3").redirected(acme.home() + "/users")
	b.get(acme.home()+"/users?status=deactivated").shows("Deactivated: 3.", "3 users <")
	all := acme.home() + "/users/reactivate?all=1"
	b.get(all).shows("Reactivate 3 users") // whoever is active stays so
	b.post(all, "count", "3").redirected(acme.home() + "/users")
	b.get(acme.home() + "/users").shows("Reactivated: 3.")
	b.post(acme.home()+"/users/deactivate?all=1", "count", "6").redirected(acme.home() + "/users")
	s.browser(t).get(acme.home()).redirected("/login")
	b = s.as(t, acme.owner)
	b.get(acme.home()+"/users").shows("owner@acme.test", "Active")
	remove := acme.home() + "/users/remove?all=1&role=owner"
	b.post(remove, "count", "1").redirected(acme.home() + "/users")
	b.get(acme.home()+"/users").shows("Removed: 0. Left as they were: 1", "owner@acme.test")
	b.get(path+"?user=usr_nonsense").refused(404, "not_found")
}

func TestAccountsAndTheirMembers(t *testing.T) {
	s := secureSite(t)
	acme, globex := s.office(t, "Acme"), s.office(t, "Globex")
	b, home := s.as(t, acme.admin), acme.home()
	path := b.post(home+"/accounts/new", "name", "Launch").redirected(home + "/accounts/acc_")
	b.get(path).shows("Launch is created.", "Nobody is in this account.")
	b.post(home+"/accounts/new", "name", " ").wrong(422, "name", "Enter a name")
	b.post(path+"/members", "email", "user@acme.test").wrong(422, "roles", "Choose one or more roles.").shows(`value="user@acme.test"`)
	b.post(path+"/members", "email", "user@acme.test", "roles", "king").wrong(422, "roles", "Choose one or more roles.")
	for _, stranger := range []string{"nobody@acme.test", globex.user.Email, "nonsense", "guest@elsewhere.test"} {
		b.post(path+"/members", "email", stranger, "roles", "viewer").wrong(422, "email", "Nobody in your organization has this address.")
	}
	b.post(path+"/members", "email", "USER@acme.test", "roles", "viewer", "roles", "developer").redirected(path)
	member := path + "/members/" + acme.user.ID
	b.get(path).shows("user@acme.test has roles in Launch.", "Developer", "Viewer", member)
	b.get(member).shows("Roles of user@acme.test in Launch", `value="viewer" checked`, `value="developer" checked`).hides(`value="administrator" checked`)
	b.post(member, "roles", "administrator").redirected(path)
	s.as(t, acme.user).get("/").shows("Launch", "administrator")
	b.post(path+"/name", "name", "Launch pad").redirected(path)
	b.post(path + "/archive").redirected(path)
	b.get(path).shows("Launch pad is archived.", "This account is archived.", path+"/restore")
	s.as(t, acme.user).get("/").hides("Launch pad")
	b.post(path + "/restore").redirected(path)
	b.post(member + "/remove").redirected(path)
	b.get(path).shows("user@acme.test is removed from Launch pad.", "Nobody is in this account.")
	b.get(path+"/history").shows("Account renamed", "Account archived", "Member removed from")
	// The same from the user's page.
	join := acme.path("/users/{user}/accounts")
	b.get(join).shows("Launch pad")
	b.post(join, "account", "acc_none", "roles", "viewer").wrong(422, "account", "Choose one of the accounts.")
	b.post(join, "account", globex.account.ID, "roles", "viewer").wrong(422, "account", "Choose one of the accounts.")
	b.post(join, "account", strings.TrimPrefix(path, home+"/accounts/"), "roles", "viewer").redirected(acme.path("/users/{user}"))
	b.get(acme.path("/users/{user}")).shows("user@acme.test has roles in Launch pad.", path)
	b.get(home+"/accounts").shows("Launch pad", "Acme account").hides("Globex account")
}

func TestTheAuditLogIsFiltered(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.admin)
	b.post(acme.home()+"/accounts/new", "name", "Launch")
	path := acme.home() + "/audit"
	b.get(path).shows("<strong>Account created", "Launch", "<strong>User created", "Operator")
	b.get(path+"?action=account.").shows("Account created", `value="account." selected`).hides("<strong>User created")
	b.get(path + "?actor=admin%40acme.test").shows("Launch").hides("<strong>User created")
	b.get(path+"?action=token.").shows("There is nothing here.", "Try fewer filters.")
	day := s.Now().UTC().Format("2006-01-02")
	b.get(path+"?since="+day+"&until="+day).shows("Account created", `value="`+day+`"`)
	b.get(path + "?since=2999-01-01").shows("There is nothing here.")
	b.get(path + "?target=Launch").shows("<strong>Account created").hides("<strong>User created")
	if p := b.get(path + "?since=yesterday"); p.Code != 422 || !strings.Contains(p.text(), `aria-describedby="since-error"`) {
		t.Errorf("%d %s", p.Code, p.text())
	}
	file := b.get(path + "/export?format=csv&action=account.&target=Launch")
	if file.Code != 200 || file.Header().Get("Content-Disposition") != "attachment; filename=audit.csv" || strings.Count(file.text(), "\n") != 2 || !strings.Contains(file.text(), "account.created") {
		t.Errorf("%d %v %s", file.Code, file.Header(), file.text())
	}
	b.get(path+"?action=audit.").shows("<strong>Audit log exported", "Launch")
	for i := range pageSize {
		b.post(acme.home()+"/accounts/new", "name", fmt.Sprint("Account ", i))
		s.Pass(1e6)
	}
	next := regexp.MustCompile(`href="(\?[^"]*)" rel="next"`).FindStringSubmatch(b.get(path + "?action=account.").text())
	b.get(path+strings.ReplaceAll(next[1], "&amp;", "&")).shows("First page").hides("<strong>User created", "Account 49<")
}

func TestUsersMakeOrganizationsWhereTheyMay(t *testing.T) {
	s := secureSite(t)
	home := s.Independent(t, "home@home.test")
	b, open := s.as(t, home), s.web.Directory
	s.web.Directory = directory.New(s.DB, s.IDs, s.Audit, s.Sessions, s.Hasher, sso.Checker{}, s.Links, s.Outbox, s.Limits, directory.Config{})
	b.get("/").hides("/organizations/new")
	b.get("/organizations/new").refused(404, "not_found")
	b.post("/organizations/new", "name", "Mine").refused(404, "not_found")
	s.web.Directory = open
	b.get("/").shows("/organizations/new")
	b.get("/organizations/new").shows("You become its owner")
	b.post("/organizations/new", "name", " ").wrong(422, "name", "Enter a name")
	admin := b.post("/organizations/new", "name", "Mine & ours").redirected("/admin/org_")
	b.get(admin).shows("Mine &amp; ours is created, and you are its owner.", "Verify a domain", "is not part of your edition")
	b.post("/organizations/new", "name", "Again").refused(403, "forbidden")
	b.get("/organizations/new").refused(403, "forbidden")
	s.browser(t).get("/organizations/new").redirected("/login")
}

func TestTheAdminCenterSpeaksGerman(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	for path, want := range map[string]string{"": "Übersicht", "/users": "Benutzer", "/audit": "Konto angelegt", "/roles": "Eigentümer", "/domains/" + acme.domain.ID: "Bestätigt"} {
		r := b.form(acme.home()+path, "a", "b")
		r.Method = http.MethodGet
		r.Header.Set("Accept-Language", "de")
		b.send(r).shows(`<html lang="de">`, want)
	}
}

func TestWhatIsSaidOnceCantBeMadeUp(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	for _, raw := range []string{"user_added", "user_added.!!!", "settings_saved.aGVsbG8", "none", "..", "user_role.aGVsbG8"} {
		b.cookies[s.web.cookieName(cookieDone)] = raw
		b.get(acme.home()).hides(`class="notice good"`, "%!")
	}
	b.cookies[s.web.cookieName(cookieDone)] = "user_added.PHNjcmlwdD4"
	b.get(acme.home()).shows("&lt;script&gt; belongs")
}

func TestMailsThatAnAdministratorSends(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	got := func(to string, n int) {
		t.Helper()
		if list := s.Mails(t, to); len(list) != n {
			t.Errorf("%d mails to %s, not %d", len(list), to, n)
		}
	}
	got("guest@elsewhere.test", 1)
	path := acme.home() + "/users/new"
	user := b.post(path, "email", "new@acme.test", "role", "member", "invite", "1").redirected(acme.home() + "/users/usr_")
	got("new@acme.test", 1)
	quiet := b.post(path, "email", "quiet@acme.test", "role", "member").redirected(acme.home() + "/users/usr_")
	got("quiet@acme.test", 0)
	b.get(quiet).shows(quiet + "/invitation").hides(quiet + "/password")
	b.get(quiet + "/invitation").shows("Send quiet@acme.test the invitation again?")
	b.post(quiet + "/invitation").redirected(quiet)
	got("quiet@acme.test", 1)
	b.post(acme.home() + "/users/" + acme.invitation.ID + "/invitation").redirected(acme.home() + "/users/" + acme.invitation.ID)
	got("guest@elsewhere.test", 1)
	b.post(user+"/password").wrong(409, "", "This user has never been active.")
	active := acme.path("/users/{user}")
	b.get(active).shows(active + "/password").hides(active + "/invitation")
	b.post(active + "/password").redirected(active)
	b.get(active).shows("A link for a new password is on its way to user@acme.test.")
	got("user@acme.test", 1)
	b.post(active+"/invitation").wrong(409, "", "This user has been active already")

	p := acme.Profile(t)
	p.Enforce(t, acme.domain)
	b.post(active+"/password").refused(403, "sso_required")
	b.get(active).hides(active + "/password")
	b.post(active+"/sso", "sso", "disabled", "acknowledge", "1", "new_password", "1").redirected(active)
	if u := s.User(t, acme.user.ID); u.HasPassword() {
		t.Error("the password from before counts")
	}
	got("user@acme.test", 1)
	b.get(active+"/history").shows("Password taken away", "Password reset asked for")
}

// upload sends a file as browsers do.
func (b *browser) upload(path, field, name, content string) page {
	b.t.Helper()
	var body strings.Builder
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile(field, name)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := io.WriteString(part, content); err != nil {
		b.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := b.form(path)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body.String())), int64(body.Len())
	r.Header.Set("Content-Type", w.FormDataContentType())
	return b.send(r)
}

// settled lets the background work be done, until an import is at its end.
func (b *browser) settled(path string) page {
	b.t.Helper()
	b.get(path).shows("every 1s", `http-equiv="refresh"`)
	defer b.Work(b.t)()
	for range 1000 {
		if p := b.get(path); !strings.Contains(p.text(), "every 1s") {
			return p.hides(`http-equiv="refresh"`)
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.t.Fatal("it does not end")
	return page{}
}

func TestUsersAreImportedFromAFile(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b, path := s.as(t, acme.owner), acme.home()+"/imports"
	b.get(acme.home() + "/users").shows(path)
	b.get(path).shows("acme.test", path+"/template.csv", `type="file"`, "Imports so far", acme.imported.ID)
	if p := b.get(path + "/template.csv"); p.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(p.text(), "email,name,role\n") {
		t.Errorf("%v %s", p.Header(), p.text())
	}
	for _, wrong := range []page{b.upload(path, "file", "", ""), b.upload(path, "other", "x.csv", "email\n"), b.upload(path, "file", "x.csv", "")} {
		if wrong.Code != 422 || !strings.Contains(wrong.text(), `id="file-error"`) {
			t.Errorf("%d %s", wrong.Code, wrong.main())
		}
	}
	b.upload(path, "file", "x.csv", "email\n"+strings.Repeat("x", imports.MaxBytes+maxForm)).wrong(413, "", "32 MiB")
	b.post(path, "file", "no file at all").refused(400, "malformed")

	file := "email,name,role\nnew@acme.test,New One,\nuser@acme.test,Renamed,\nnonsense,,\nguest@home.test,<b>Guest</b>,\n"
	dry := b.upload(path, "file", "x.csv", file).redirected(path + "/job_")
	b.settled(dry).hides(`role="status"><p>`).shows("<h1>Dry run</h1>", "Nothing has changed yet.", "Errors: 1", "To be created: 2", "To be changed or taken in: 1", "nonsense", "Line 4", "new@acme.test",
		"&lt;b&gt;Guest", dry+"/confirm", dry+"/rows.csv?result=failed")
	if n := s.Count(t, "select count(*) from users where email_key = 'new@acme.test'"); n != 0 {
		t.Error("a dry run has changed something")
	}
	errors := b.get(dry + "/rows.csv?result=failed")
	if !strings.Contains(errors.Header().Get("Content-Disposition"), "errors.csv") || !strings.Contains(errors.text(), "nonsense") || strings.Contains(errors.text(), "new@acme") {
		t.Errorf("%v %s", errors.Header(), errors.text())
	}
	b.get(dry+"/confirm").shows("2 users are created and 1 changed or taken in.", "1 rows are left out.")
	done := b.post(dry+"/confirm", "invite", "1").redirected(path + "/job_")
	b.settled(done).shows("<h1>Import</h1>", "The import is finished.", "Created: 2", done+"/undo").hides(done + "/confirm")
	if n := s.Count(t, "select count(*) from users where email_key = 'new@acme.test'"); n != 1 {
		t.Error("nobody was created")
	}
	b.get(path).shows("Imports so far", done, dry, "Dry run", "Done")
	b.get(done+"/undo").shows("Undo this import?", "autofocus>Cancel")
	b.post(done + "/undo").redirected(done)
	b.settled(done).shows("The import was taken back: 3 undone, 0 left")
	b.get(path+"/job_nothing").refused(404, "not_found")
	globex := s.office(t, "Globex")
	for _, below := range []string{"", "/rows.csv", "/confirm", "/undo"} {
		s.as(t, globex.owner).get(globex.home()+"/imports/"+strings.TrimPrefix(done, path+"/")+below).refused(404, "not_found")
	}
}

func TestIndependentUsersAreTakenIn(t *testing.T) {
	s := secureSite(t)
	s.Independent(t, "known@acme.test")
	s.Unproved(t, "unproved@acme.test")
	acme := s.office(t, "Acme")
	b, path := s.as(t, acme.owner), acme.home()+"/imports"
	b.post(path+"/domains").wrong(422, "domain_ids", "Choose one or more domains.")
	dry := b.post(path+"/domains", "domain_ids", acme.domain.ID).redirected(path + "/job_")
	b.settled(dry).shows("To be changed or taken in: 2", "known@acme.test", "1 never confirmed their address")
	b.get(dry+"/confirm").shows("0 users are created and 2 changed or taken in.", "1 of them lose a password")
	b.settled(b.post(dry + "/confirm").redirected(path + "/job_")).shows("Changed or taken in: 2")
	if n := s.Count(t, "select count(*) from users where organization_id = $1", acme.ID); n != 5 {
		t.Errorf("%d users", n)
	}
	pending := acme.Claim(t, "later.test")
	b.get(path).hides("later.test")
	b.post(path+"/domains", "domain_ids", pending.ID).wrong(409, "", "")
}

func TestTheProofOfADomainIsLookedFor(t *testing.T) {
	s := secureSite(t)
	acme, globex := s.Organization(t, "Acme"), s.Organization(t, "Globex")
	owner := acme.User(t, "owner@acme.test", access.RoleOwner)
	d := acme.Claim(t, "acme.test")
	b, path := s.as(t, owner), "/admin/"+acme.ID+"/domains/"+d.ID
	s.Publish(t, d.Name)
	b.get(path).shows("Check now", "Next check").hides("Name server</th>")
	b.post(path+"/check").wrong(409, "", "Neither the TXT record nor the file is there.").shows("Name server</th>", "Not there", "Pending")
	b.post(path+"/check").wrong(429, "", "The proof was looked for a moment ago.")
	s.Pass(2 * time.Second)
	s.Publish(t, d.Name, "sallyport-verification=of-an-earlier-claim")
	b.post(path+"/check").wrong(409, "", "").shows("Another proof is there")
	s.Pass(2 * time.Second)
	s.Publish(t, d.Name, d.Proof().TXTValue)
	b.post(path + "/check").redirected(path)
	b.get(path).shows("The proof of acme.test is there", "Verified", "DNS record", "Found")

	other := globex.Claim(t, "acme.test")
	boss := globex.User(t, "boss@globex.test", access.RoleOwner)
	s.Publish(t, d.Name, d.Proof().TXTValue, other.Proof().TXTValue)
	s.as(t, boss).post("/admin/"+globex.ID+"/domains/"+other.ID+"/check").wrong(409, "", "Another organization has verified this domain.")
	s.Publish(t, d.Name)
	s.Pass(2 * time.Second)
	b.post(path+"/check").wrong(409, "", "")
	b.get(path + "/history").shows("Domain verified")
}
