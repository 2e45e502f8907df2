package browser

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// An office is an organization with people in its Admin Center.
type office struct {
	*harness.Organization
	owner string // the address
	user  string // the id of a member
	home  string // path of the Admin Center
}

func (s *stage) office(t *testing.T) *office {
	t.Helper()
	return s.officeOf(t, harness.NewOrganization(t, s.Server))
}

func (s *stage) officeOf(t *testing.T, org *harness.Organization) *office {
	t.Helper()
	o := &office{Organization: org}
	o.home = "/admin/" + o.ID
	o.owner = o.Address("owner")
	o.OK(t, "PATCH", "/users/"+o.AddUser(t, o.owner), harness.Object{"role": "owner", "name": "Test Owner"})
	o.user = o.AddUser(t, o.Address("user"))
	o.OK(t, "PATCH", "/users/"+o.user, harness.Object{"name": "Test User"})
	return o
}

// enter signs the owner in and opens a page of the Admin Center.
func (o *office) enter(t *testing.T, s *stage, path string, options ...testenv.BrowserOption) *tab {
	t.Helper()
	b := s.newTab(t)
	b.Show(options...)
	b.signIn(t, o.owner)
	b.path(o.home + path)
	b.answered(t, 200, "")
	return b
}

// setUpByHand goes through the Admin Center as an administrator does, with or
// without scripts.
func setUpByHand(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	o := s.office(t)
	b := s.newTab(t)
	b.Show(options...)
	b.path(o.home + "/users")
	b.at(t, "/login?return_to="+strings.ReplaceAll(o.home+"/users", "/", "%2F"))
	b.identify(o.owner)
	b.Fill("Password", harness.Password)
	b.Click("Sign in")
	b.at(t, o.home+"/users")

	b.Click("Domains")
	b.Click("Add a domain")
	b.Fill("Domain", "nonsense")
	b.Click("Add domain")
	b.answered(t, 422, "invalid")
	b.WaitText("Enter a domain name, such as example.com")
	b.Fill("Domain", "second."+o.Domain)
	b.Click("Add domain")
	b.WaitText("second." + o.Domain + " is added.")
	b.WaitText("_sallyport-challenge.second." + o.Domain)
	b.Click("Remove domain")
	b.WaitText("Remove the domain second." + o.Domain + "?")
	b.focused(t, "[data-cancel]")
	b.Click(".dialog button.danger")
	b.WaitText("second." + o.Domain + " is removed.")

	b.Click("Accounts")
	b.Click(".page-top a")
	b.Fill("Name", "Launch")
	b.Click("Create account")
	b.WaitText("Launch is created.")
	b.Click("Add a member")
	b.Fill("E-mail address", o.Address("user"))
	b.Click("#roles-1")
	b.Click("Add a member")
	b.WaitText("Test User has roles in Launch.")

	b.Click("Users")
	b.Click("Add a user")
	b.Fill("E-mail address", o.Address("newcomer"))
	b.Click("Add user")
	b.WaitText(o.Address("newcomer") + " belongs to your organization now.")
	b.Click("Deactivate")
	b.WaitText("Deactivate " + o.Address("newcomer") + "?")
	b.Click("Cancel")
	b.WaitText("Invited")
	b.Click("Deactivate")
	b.Click(".dialog button.danger")
	b.WaitText(o.Address("newcomer") + " is deactivated.")

	b.Click("Audit log")
	b.WaitText("User deactivated")
	b.Click("Settings")
	b.Fill("Name of the organization", "Acme "+o.Domain)
	b.Click("Save settings")
	b.WaitText("The settings are saved.")

	user := s.newTab(t)
	user.signIn(t, o.Address("user"))
	user.WaitText("Launch")
	user.path(o.home)
	user.answered(t, 403, "forbidden")
}

func adminWithScript(t *testing.T, s *stage) { setUpByHand(t, s) }

func adminWithoutScript(t *testing.T, s *stage) { setUpByHand(t, s, testenv.NoScript()) }

// dialogsByKeyboard: a question opens in a dialog with the focus on Cancel,
// Escape closes it, and the focus is back where it was.
func dialogsByKeyboard(t *testing.T, s *stage) {
	o := s.office(t)
	b := o.enter(t, s, "/users/"+o.user)
	b.Eval(`document.querySelector('a[href$="/deactivate"]').focus()`, nil)
	b.Press("Enter")
	b.WaitText("Deactivate Test User?")
	b.focused(t, "dialog [data-cancel]")
	for _, violation := range b.Axe(t) {
		t.Errorf("%s", violation)
	}
	b.picture(t, "admin-dialog")
	b.Press("Escape")
	b.focused(t, `a[href$="/deactivate"]`)
	b.at(t, o.home+"/users/"+o.user)
	b.Press("Enter")
	b.focused(t, "dialog [data-cancel]")
	b.Press("Enter")
	b.focused(t, `a[href$="/deactivate"]`)
	b.Press("Enter")
	b.focused(t, "dialog [data-cancel]")
	b.Press("Shift+Tab", "Enter")
	b.WaitText("Test User is deactivated.")
}

// filtersWhileTyping: the list follows what is typed, the URL as well, and a
// screen reader is told.
func filtersWhileTyping(t *testing.T, s *stage) {
	o := s.office(t)
	for i := range 4 {
		o.Invite(t, o.Address(fmt.Sprintf("person%d", i)))
	}
	b := o.enter(t, s, "/users")
	b.WaitText("6 users")
	b.Fill("Search name, address or domain", "person")
	b.WaitText("4 users")
	b.WaitURL(s.Base + o.home + "/users?q=person")
	b.focused(t, "#q")
	var told string
	for range 100 {
		if b.Eval(`document.getElementById("announce").textContent`, &told); strings.HasPrefix(told, "4 users") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if !strings.HasPrefix(told, "4 users") {
		t.Errorf("a screen reader is told %q", told)
	}
	b.Fill("Status", "Active")
	b.WaitText("Nobody fits.")
	b.Reload()
	b.WaitText("Nobody fits.")
	b.Click("Clear filters")
	b.WaitText("6 users")
	b.Fill("Search name, address or domain", "person")
	b.WaitText("4 users")
	b.Click("#all")
	b.Click("Deactivate")
	b.WaitText("Deactivate 4 users")
	b.Click("Deactivate 4 users")
	b.WaitText("Deactivated: 4.")
}

// copies: a value is on the clipboard by one press, and that is said.
func copies(t *testing.T, s *stage) {
	o := s.office(t)
	b := o.enter(t, s, "/domains/"+o.DomainID)
	b.Click("Copy: Value")
	b.WaitText("Copied")
	var told string
	for range 100 {
		if b.Eval(`document.getElementById("announce").textContent`, &told); told == "Copied" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("a screen reader is told %q", told)
}

func domainProof(t *testing.T, s *stage) { proveDomain(t, s) }

func domainProofWithoutScript(t *testing.T, s *stage) { proveDomain(t, s, testenv.NoScript()) }

// proveDomain goes from a claim to a verified domain.
func proveDomain(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	o := s.office(t)
	b := o.enter(t, s, "/domains/new", options...)
	name := "proof." + o.Domain
	b.Fill("Domain", name)
	b.Click("Add domain")
	b.WaitText(name + " is added.")
	b.Click("Check now")
	b.answered(t, 409, "domain_proof_missing")
	b.WaitText("Not there")
	if len(options) == 0 {
		b.picture(t, "admin-domain-missing")
		for _, violation := range b.Axe(t) {
			t.Errorf("%s", violation)
		}
	}
	var value string
	b.Eval(`document.querySelectorAll("dl.values code")[2].textContent`, &value)
	s.dns.TXT("_sallyport-challenge."+name, value)
	time.Sleep(time.Second) // it may be looked for once a second
	b.Click("Check now")
	b.WaitText("The proof of " + name + " is there")
	b.WaitText("Verified")
	if len(options) == 0 {
		b.picture(t, "admin-domain-proved")
	}
}

// choose puts a file into the form, as a person would by the button.
func (b *tab) choose(t *testing.T, content string) {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	b.Eval(`(() => {
		const list = new DataTransfer();
		list.items.add(new File([`+string(text)+`], "users.csv", {type: "text/csv"}));
		document.getElementById("file").files = list.files;
	})()`, nil)
}

// brokenFile has good rows, and every tenth is broken.
func (o *office) brokenFile(rows int) string {
	var file strings.Builder
	file.WriteString("email,name,role\n")
	for i := range rows {
		email := o.Address(fmt.Sprintf("row%05d", i))
		if i%10 == 9 {
			email = "nonsense"
		}
		fmt.Fprintf(&file, "%s,Person %d,\n", email, i)
	}
	return file.String()
}

func importFile(t *testing.T, s *stage) {
	o := s.office(t)
	b := o.enter(t, s, "/imports")
	b.choose(t, o.brokenFile(20_000))
	b.Click("Upload and look")
	b.WaitURL(s.Base + o.home + "/imports/job_")
	b.waitLong("Nothing has changed yet.")
	b.WaitText("To be created: 18,000")
	b.WaitText("Errors: 2,000")
	b.picture(t, "admin-import-dry")
	for _, violation := range b.Axe(t) {
		t.Errorf("%s", violation)
	}
	b.Click(".row .main")
	b.WaitText("18,000 users are created and 0 changed or taken in.")
	b.Click("button.main")
	running := b.WaitURL(s.Base + o.home + "/imports/job_")
	b.WaitText("of 20,000 rows")
	b.Reload() // or a closed tab
	b.waitLong("The import is finished.")
	b.WaitText("Created: 18,000")
	b.picture(t, "admin-import-done")

	// The error file, corrected, goes in again.
	var errors string
	b.Eval(`fetch(location.href + "/rows.csv?result=failed").then(answer => answer.text())`, &errors)
	if lines := strings.Count(errors, "\n"); lines != 2001 || !strings.Contains(errors, "nonsense") {
		t.Fatalf("the error file has %d lines:\n%.300s", lines, errors)
	}
	fixed, n := strings.Builder{}, 0
	for line := range strings.Lines(errors) {
		fixed.WriteString(strings.Replace(line, "nonsense", o.Address(fmt.Sprintf("fixed%04d", n)), 1))
		n++
	}
	b.path(o.home + "/imports")
	b.choose(t, fixed.String())
	b.Click("Upload and look")
	b.WaitText("To be created: 2,000")
	b.WaitText("Errors: 0")

	b.Click(".row .main")
	b.Click("button.main")
	b.waitLong("Created: 2,000")

	b.Open(running)
	b.Click("Undo import")
	b.focused(t, "dialog [data-cancel]")
	b.Click("dialog button.danger")
	b.waitLong("The import was taken back: 18,000 undone, 0 left")
}

// waitLong waits for what takes many steps in the background.
func (b *tab) waitLong(text string) {
	for range 11 {
		var there bool
		for range 50 {
			if b.Eval(`document.body.innerText.includes(`+strconv.Quote(text)+`)`, &there); there {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	b.WaitText(text)
}

func importKnown(t *testing.T, s *stage) { bringInKnown(t, s) }

func importKnownWithoutScript(t *testing.T, s *stage) { bringInKnown(t, s, testenv.NoScript()) }

// bringInKnown has the organization manage forty users who were there before
// their domain was verified.
func bringInKnown(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	o := s.office(t)
	for i := range 40 {
		s.NewIndependentUser(t, o.Address(fmt.Sprintf("known%02d", i)))
	}
	b := o.enter(t, s, "/imports", options...)
	b.Click("Find and look")
	b.WaitText("Nothing has changed yet.")
	b.WaitText("To be changed or taken in: 40")
	b.Click(".row .main")
	b.WaitText("0 users are created and 40 changed or taken in.")
	b.Click("button.main")
	b.WaitText("The import is finished.")
	b.path(o.home + "/users?q=known17")
	b.WaitText(o.Address("known17"))
}

func importWithoutScript(t *testing.T, s *stage) {
	o := s.office(t)
	b := o.enter(t, s, "/imports", testenv.NoScript())
	b.Click("Upload and look")
	b.answered(t, 422, "invalid")
	b.WaitText("Choose a file.")
	b.choose(t, o.brokenFile(30))
	b.Click("Upload and look")
	b.WaitText("To be created: 27")
	b.Click(".row .main")
	b.Click("button.main")
	b.WaitText("Created: 27")
}

// freshThroughIdP: a dangerous act of a user of single sign-on makes a round
// trip to the Identity Provider, and comes back to where it was asked for.
func freshThroughIdP(t *testing.T, s *stage) {
	o := s.office(t)
	p := s.idp.newProfile(t, o.Organization, nil)
	p.Enforce(t)
	b := s.newTab(t)
	b.path(o.home)
	b.identify(o.owner)
	b.logIn(o.owner)
	b.at(t, o.home)
	s.age(t, o.owner)
	b.path(o.home + "/users/" + o.user)
	b.Click("Change role")
	b.WaitText("Sign in again")
	b.Click("Sign in through your company")
	b.at(t, o.home+"/users/"+o.user+"/role")
	b.Click("#role-1")
	b.Click("Change role")
	b.WaitText("The role of Test User is now: Administrator.")
}

// germanAdminCenter goes through the pages of the Admin Center. The tab is beside
// one in which somebody else is signed in: it asks whether to go on.
func (s *stage) germanAdminCenter(t *testing.T, b *tab) {
	t.Helper()
	o := s.fullOffice(t)
	b.Show(testenv.Viewport(320, 640))
	b.path("/login/password")
	b.Fill("#email", o.owner)
	b.Fill("#password", harness.Password)
	b.SubmitForm("#password")
	b.Click("Als " + o.owner + " weitermachen")
	for name, path := range map[string]string{
		"overview": "", "settings": "/settings", "roles": "/roles", "audit": "/audit?action=user.", "domains": "/domains", "domain": "/domains/" + o.DomainID,
		"domain-new": "/domains/new", "users": "/users", "user": "/users/" + o.user, "user-new": "/users/new", "user-sso": "/users/" + o.user + "/sso",
		"user-remove": "/users/" + o.user + "/remove", "bulk": "/users/deactivate?all=1", "accounts": "/accounts", "account": "/accounts/" + o.account,
		"sso": "/sso", "sso-new": "/sso/new", "sso-profile": "/sso/" + o.profile, "sso-domain": "/sso/" + o.profile + "/domain", "sso-idp": "/sso/" + o.profile + "/idp",
		"sso-hand": "/sso/" + o.profile + "/idp?by=hand", "sso-options": "/sso/" + o.profile + "/options", "sso-name": "/sso/" + o.profile + "/name",
		"sso-keys": "/sso/" + o.profile + "/keys", "sso-rotate": "/sso/" + o.profile + "/keys/rotate", "sso-remove": "/sso/" + o.profile + "/remove",
	} {
		b.path(o.home + path)
		b.answered(t, 200, "")
		b.german(t, "admin-"+name)
	}
	s.germanConnection(t, o.office, b)
	s.germanActivity(t, o.office, b)
}

// adminCases are the pages of the Admin Center, for looking at.
func adminCases() []pageCase {
	at := func(path string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			o := s.fullOffice(t)
			return o.enter(t, s, strings.NewReplacer("{user}", o.user, "{domain}", o.DomainID, "{account}", o.account).Replace(path))
		}
	}
	empty := func(path string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab { return s.office(t).enter(t, s, path) }
	}
	return []pageCase{
		{"admin-overview", "body", at("")},
		{"admin-overview-new", "body", empty("")},
		{"admin-settings", "#name", at("/settings")},
		{"admin-roles", "body", at("/roles")},
		{"admin-audit", "body", at("/audit")},
		{"admin-audit-empty", "body", empty("/audit?action=token.")},
		{"admin-domains", "body", at("/domains")},
		{"admin-domain", "body", at("/domains/{domain}")},
		{"admin-domain-new", "#name", at("/domains/new")},
		{"admin-domain-remove", "[data-cancel]", at("/domains/{domain}/remove")},
		{"admin-users", "body", at("/users")},
		{"admin-users-none", "body", at("/users?q=nobody")},
		{"admin-users-bulk", "[data-cancel]", at("/users/deactivate?all=1")},
		{"admin-user-new", "#email", at("/users/new")},
		{"admin-user", "body", at("/users/{user}")},
		{"admin-user-history", "body", at("/users/{user}/history")},
		{"admin-user-role", "body", at("/users/{user}/role")},
		{"admin-user-address", "#email", at("/users/{user}/address")},
		{"admin-user-sso", "[data-cancel]", at("/users/{user}/sso")},
		{"admin-user-remove", "[data-cancel]", at("/users/{user}/remove")},
		{"admin-user-accounts", "#account", at("/users/{user}/accounts")},
		{"admin-accounts", "body", at("/accounts")},
		{"admin-accounts-empty", "body", empty("/accounts")},
		{"admin-account", "body", at("/accounts/{account}")},
		{"admin-account-member", "#email", at("/accounts/{account}/members")},
		{"admin-imports", "body", at("/imports")},
		{"admin-import", "body", func(t *testing.T, s *stage) *tab {
			o := s.office(t)
			b := o.enter(t, s, "/imports")
			b.choose(t, o.brokenFile(30))
			b.Click("Upload and look")
			b.WaitText("To be created: 27")
			return b
		}},
		{"admin-form-error", "#name", func(t *testing.T, s *stage) *tab {
			b := s.office(t).enter(t, s, "/settings")
			b.Fill("#session_idle_minutes", "soon")
			b.Fill("#name", "")
			b.Click("Save settings")
			b.answered(t, 422, "invalid")
			return b
		}},
		{"admin-fresh", "#password", func(t *testing.T, s *stage) *tab {
			o := s.office(t)
			b := o.enter(t, s, "/users/"+o.user)
			s.age(t, o.owner)
			b.Click("Change role")
			b.WaitText("Sign in again")
			return b
		}},
	}
}

// A fullOffice has some of everything.
type fullOffice struct {
	*office
	account string // the id of one
	profile string // the id of one
}

// fullOffice makes one, once: pages are looked at and change nothing.
func (s *stage) fullOffice(t *testing.T) *fullOffice {
	t.Helper()
	s.fullOnce.Do(func() { s.full = s.furnish(t) })
	if s.full == nil {
		t.Fatal("there is no office to look at")
	}
	return s.full
}

// age puts a user's sign-ins back in time: they are not fresh any more.
func (s *stage) age(t *testing.T, email string) {
	t.Helper()
	if n := s.Exec(t, `update sessions set authenticated_at = $1 where user_id in (select id from users where email = $2)`, time.Now().Add(-11*time.Minute), email); n == 0 {
		t.Fatal("there is no session")
	}
}

func (s *stage) furnish(t *testing.T) *fullOffice {
	t.Helper()
	org := harness.NewOrganization(t, s.Server)
	org.OK(t, "PATCH", "/organizations/"+org.ID, harness.Object{"name": "Acme"})
	org.Domain = "acme.test"
	org.DomainID = org.AddDomain(t, org.Domain)
	o := &fullOffice{office: s.officeOf(t, org)}
	o.OK(t, "POST", "/organizations/"+o.ID+"/domains", harness.Object{"name": "a-rather-long-name-that-hardly-fits-anywhere." + o.Domain})
	for i, name := range []string{"Production", "Staging", "Donaudampfschifffahrtsgesellschaftskapitaensanwaerter"} {
		id := harness.ID(o.OK(t, "POST", "/organizations/"+o.ID+"/accounts", harness.Object{"name": name}))
		o.OK(t, "PUT", "/accounts/"+id+"/members/"+o.user, harness.Object{"roles": []string{"administrator", "developer", "billing"}[:i+1]})
		if o.account = id; i == 1 {
			o.OK(t, "PATCH", "/accounts/"+id, harness.Object{"archived": true})
		}
	}
	for i := range 12 {
		id := o.Invite(t, o.Address(fmt.Sprintf("person.number.%02d", i)))
		o.OK(t, "PATCH", "/users/"+id, harness.Object{"name": fmt.Sprintf("Person Number %02d", i)})
		if i%4 == 3 {
			o.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
		}
	}
	o.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": "guest@elsewhere.test"})
	p := s.idp.newProfile(t, o.Organization, nil)
	o.profile = p.ID
	p.OK(t, "PATCH", "/users/"+o.user, harness.Object{"sso": harness.Object{"setting": "enabled", "profile_id": p.ID}})
	user := s.newTab(t)
	user.path(loginPath)
	user.identify(o.Address("user"))
	user.logIn(o.Address("user"))
	user.WaitURL(s.Base + "/")
	wrong := s.newTab(t)
	wrong.path("/login/password")
	wrong.Fill("E-mail address", o.Address("user"))
	wrong.Fill("Password", "not the password")
	wrong.Click("Sign in")
	return o
}
