package web

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// A desk is where an administrator looks into sign-ins of an enforced domain.
type desk struct {
	*scene
	b    *browser
	home string // the list
}

func (s *site) desk(t testing.TB) *desk {
	t.Helper()
	x := s.scene(t)
	admin := x.User(t, "admin@acme.test", access.RoleAdministrator)
	return &desk{x, s.as(t, admin), "/admin/" + x.Organization.ID + "/activity"}
}

// refused sends a response that is refused with the code, and returns its
// reference.
func (d *desk) refused(t testing.TB, code fault.Code, edits ...func(*samltest.Response)) string {
	t.Helper()
	d.Pass(time.Millisecond)
	req, _ := d.Start(t, "")
	return d.turnedAway(t, d.Answer(req.ID, d.user.Email, edits...), code)
}

func (d *desk) turnedAway(t testing.TB, r sso.Response, code fault.Code) string {
	t.Helper()
	d.Pass(time.Millisecond)
	_, err := d.Consume(t, r)
	var refusal *signin.Refusal
	if !errors.As(err, &refusal) || refusal.Fault.Code != code {
		t.Fatalf("%v, not a refusal with %s", err, code)
	}
	return refusal.Reference
}

// wrongAudience is a message for another service, which says where its user's
// office is.
func wrongAudience(r *samltest.Response) {
	r.Assertion.Conditions.Audiences = [][]string{{"https://other.example/sp"}}
	r.Assertion.Attributes = []samltest.Attribute{{Name: "office", Values: []string{"Room 101"}}}
}

// TestFromAReferenceToTheRepair goes the way of an administrator whom a user has
// told the reference.
func TestFromAReferenceToTheRepair(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		d := s.desk(t)
		b := s.browser(t)
		req := b.post("/login", "email", d.user.Email).request()
		s.SetStatus(t, d.user.ID, access.UserDeactivated)
		finish := b.deliver(d.Answer(req.ID, d.user.Email))
		reference := finish.Header().Get("Sallyport-Reference")
		finish.refused(403, "user_deactivated")

		record := d.b.get(d.home + "?reference=" + url.QueryEscape(" "+strings.ToUpper(reference)+"\n")).redirected(d.home + "/" + reference)
		d.b.get(d.home + "?reference=" + url.QueryEscape("Reference: "+reference+".")).redirected(record)
		d.b.get(record).shows("The sign-in was refused: User", "user_deactivated", "user@acme.test", d.user.ID, "/sso/"+d.ID, "by our clock", "Identity Provider&#39;s clock",
			"Started at our login page", `<li class="failed">`, `<li class="passed">`, reference, "What to change", `action="`+record+`/replay"`, `action="`+record+`/reveal"`)
		sessions := s.Count(t, "select count(*) from sessions")
		d.b.post(record+"/replay").shows("It would be refused now: User", "user_deactivated", "Nobody was signed in.", "is left out").hides("Then it was")
		s.SetStatus(t, d.user.ID, access.UserActive)
		d.b.post(record+"/replay").shows("It would pass now: user@acme.test would be signed in.", "Then it was refused with user_deactivated.", "Nobody was signed in.", "left out").hides("✗", "not reached")
		if n := s.Count(t, "select count(*) from sessions"); n != sessions {
			t.Errorf("%d sessions, not %d", n, sessions)
		}
		d.b.get(d.home).shows("Refused", "user_deactivated", `href="`+record+`"`)
		d.b.get("/admin/"+d.Organization.ID+"/users/"+d.user.ID).shows("Recent sign-ins", `href="`+record+`"`, d.home+"?user="+d.user.ID)
		d.b.get("/admin/" + d.Organization.ID + "/audit?kind=sign_in").shows(`<a href="` + record + `"><code>` + reference)
		d.b.get("/admin/"+d.Organization.ID+"/sso/"+d.ID).shows("Recent sign-ins", `href="`+record+`"`, d.home+"?profile="+d.ID)
	})
}

func TestValuesAreShownOnRequestAndThatIsAudited(t *testing.T) {
	s := secureSite(t)
	d := s.desk(t)
	path := d.home + "/" + d.refused(t, fault.SAMLAudienceMismatch, wrongAudience)
	d.b.get(path).shows("Audience", "https://other.example/sp", "Nobody who is known", "The message names user@acme.test.", "office", "•••", "written down in the audit log with your name").hides("Room 101")
	before := s.Count(t, "select count(*) from audit_events where action = 'sign_in.revealed'")
	revealed := d.b.post(path+"/reveal").shows("Room 101", "That you asked for them is written down").hides("•••", `action="`+path+`/reveal"`)
	if revealed.Code != 200 || revealed.Header().Get("Cache-Control") != "no-store" || revealed.Header().Get("Location") != "" {
		t.Errorf("%d %v", revealed.Code, revealed.Header())
	}
	if e := d.Organization.Recorded(t, audit.SignInRevealed); e.Actor.Name != "admin@acme.test" || path != d.home+"/"+e.Target.ID {
		t.Errorf("%+v", e)
	}
	if n := s.Count(t, "select count(*) from audit_events where action = 'sign_in.revealed'"); n != before+1 {
		t.Errorf("audited %d times", n-before)
	}
	d.b.get(path).hides("Room 101") // asked for once is shown once
	d.b.get("/admin/" + d.Organization.ID + "/audit").shows(path).hides("Room 101")
}

// TestWhoMayRevealAndReplay holds that both need their right, and that what is
// refused leaves nothing.
func TestWhoMayRevealAndReplay(t *testing.T) {
	s := secureSite(t)
	d := s.desk(t)
	globex := s.Organization(t, "Globex")
	boss := globex.User(t, "owner@globex.test", access.RoleOwner)
	id := d.refused(t, fault.SAMLAudienceMismatch, wrongAudience)
	for name, c := range map[string]struct {
		b      *browser
		home   string
		status int
	}{
		"an owner":                             {s.as(t, d.Organization.User(t, "owner@acme.test", access.RoleOwner)), d.home, 200},
		"an administrator":                     {d.b, d.home, 200},
		"a member":                             {s.as(t, d.user), d.home, 403},
		"another's owner":                      {s.as(t, boss), d.home, 404},
		"another's owner at home":              {s.as(t, boss), "/admin/" + globex.ID + "/activity", 404},
		"another's owner with a stranger's id": {s.as(t, boss), "/admin/" + globex.ID + "/activity/..", 404},
	} {
		before := s.Count(t, "select count(*) from audit_events where action = 'sign_in.revealed'")
		for _, p := range []page{c.b.get(c.home + "/" + id), c.b.post(c.home + "/" + id + "/replay"), c.b.post(c.home + "/" + id + "/reveal")} {
			if p.Code != c.status && !(c.status == 404 && p.Code == http.StatusTemporaryRedirect) {
				t.Errorf("%s: %d", name, p.Code)
			}
			if c.status != 200 && (strings.Contains(p.text(), "office") || strings.Contains(p.text(), "Room 101")) {
				t.Errorf("%s sees what was sent", name)
			}
		}
		if n := s.Count(t, "select count(*) from audit_events where action = 'sign_in.revealed'") - before; n > 0 != (c.status == 200) {
			t.Errorf("%s: %d reveals were audited", name, n)
		}
	}
	for _, rest := range []string{"/reveal", "/replay"} { // never by a link
		if p := d.b.get(d.home + "/" + id + rest); p.Code != 405 && p.Code != 404 {
			t.Errorf("GET %s: %d", rest, p.Code)
		}
	}
	s.as(t, boss).get("/admin/" + globex.ID + "/activity?reference=" + id).shows("There is no record with this reference.")
}

func TestAttemptsAreFiltered(t *testing.T) {
	s := secureSite(t)
	d := s.desk(t)
	d.b.get(d.home).shows("Nobody has tried to sign in yet.", "/sso")
	audience := d.refused(t, fault.SAMLAudienceMismatch, wrongAudience)
	unread := d.turnedAway(t, sso.Response{ProfileID: d.ID, SAMLResponse: []string{"x"}}, fault.SAMLBase64Invalid)
	d.Pass(time.Millisecond)
	if _, err := d.Login(t, d.user.Email); err != nil {
		t.Fatal(err)
	}
	list := func(query string) page { return d.b.get(d.home + "?" + query) }
	list("").shows("Signed in", "Refused", audience, unread, "saml_base64_invalid", "Nobody who is known")
	list("outcome=refused").shows(audience, unread, `value="refused" selected`).hides("<strong>Signed in</strong>")
	list("code=saml_base64_invalid").shows(unread).hides(audience)
	list("user=" + d.user.ID).hides(unread).shows("<strong>Signed in</strong>")
	list("user=USER%40acme.test").hides(unread).shows("<strong>Signed in</strong>")
	list("profile="+d.ID).shows(audience, unread)
	today := s.Now().UTC().Format(time.DateOnly)
	list("since="+today+"&until="+today).shows(audience, `value="`+today+`"`)
	for _, none := range []string{"user=nobody%40acme.test", "user=jdoe", "profile=sso_x", "profile=%00%ff", "outcome=perhaps", "code=none", "code=%27%20or%201=1", "since=2999-01-01",
		"user=usr_00000000000000000000000000", "user=%00%ff", "code=saml_expired&outcome=succeeded"} {
		if p := list(none).shows("No attempt fits these filters.", "Clear filters"); p.Code != 200 {
			t.Errorf("%s: %d", none, p.Code)
		}
	}
	list("reference=att_00000000000000000000000000").shows("There is no record with this reference.", `value="att_00000000000000000000000000"`)
	list("reference=%3Cscript%3E").shows("There is no record with this reference.", "&lt;script&gt;")
	list("since=yesterday").wrong(422, "since", "Enter a date, such as 2026-03-01")
	list("until=2026-13-01").wrong(422, "until", "Enter a date, such as 2026-03-01")
	list("after=att_1").refused(400, "malformed")
	list("user="+strings.Repeat("a", 400)).refused(400, "malformed")
}

// TestAttemptsArePagedThrough sees each attempt once.
func TestAttemptsArePagedThrough(t *testing.T) {
	s := secureSite(t)
	d := s.desk(t)
	want := map[string]bool{}
	for range activityPage*2 + 3 {
		want[d.turnedAway(t, sso.Response{ProfileID: d.ID, SAMLResponse: []string{"x"}}, fault.SAMLBase64Invalid)] = true
	}
	links := regexp.MustCompile(`class="when small"><a href="[^"]*/(att_[0-9a-v]+)"`)
	next := regexp.MustCompile(`href="(\?[^"]*)" rel="next"`)
	at, pages := "?outcome=refused", 0
	for at != "" {
		p := d.b.get(d.home + at)
		for _, m := range links.FindAllStringSubmatch(p.text(), -1) {
			if !want[m[1]] {
				t.Errorf("%s comes twice, or is none", m[1])
			}
			delete(want, m[1])
		}
		at = ""
		if m := next.FindStringSubmatch(p.text()); m != nil {
			at = strings.ReplaceAll(m[1], "&amp;", "&")
			if !strings.Contains(at, "outcome=refused") {
				t.Errorf("the next page loses the filter: %s", at)
			}
		}
		pages++
	}
	if len(want) != 0 || pages != 3 {
		t.Errorf("%d were not shown, on %d pages", len(want), pages)
	}
}

// TestHostileAttemptsFitOnThePages has attackers choose all that they can: the
// message, addresses, the browser's name; and an administrator the name of the
// profile.
func TestHostileAttemptsFitOnThePages(t *testing.T) {
	s := secureSite(t)
	d := s.desk(t)
	name, agent := strings.Repeat("'<", 50), strings.Repeat(hostile, 20)
	for range shownProfiles {
		p := d.Organization.Configured(t)
		p.Set(t, sso.Input{Name: &name})
	}
	d.Set(t, sso.Input{Name: &name})
	quoted := d.Organization.User(t, strings.Repeat("'", 60)+"@acme.test", access.RoleMember)
	s.SetStatus(t, quoted.ID, access.UserDeactivated)
	attack := func(edit func(*samltest.Response), code fault.Code) string {
		s.Pass(time.Millisecond)
		req, _ := d.Start(t, "")
		_, err := s.SSO.Consume(t.Context(), access.Actor{Address: "2001:db8:1111:2222:3333:4444:5555:6666", Agent: agent}, d.Answer(req.ID, quoted.Email, edit))
		var refusal *signin.Refusal
		if !errors.As(err, &refusal) || refusal.Fault.Code != code {
			t.Fatal(err)
		}
		return refusal.Reference
	}
	loaded := func(r *samltest.Response) {
		for i := range 40 {
			r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: strings.Repeat("'", 200) + hostile + string(rune('a'+i%26)), Values: []string{strings.Repeat("'<", 250)}})
		}
	}
	for range activityPage + 1 {
		attack(func(*samltest.Response) {}, fault.UserDeactivated)
	}
	records := []string{attack(loaded, fault.UserDeactivated), attack(func(r *samltest.Response) {
		loaded(r)
		r.Assertion.Conditions.Audiences = [][]string{{strings.Repeat("'"+hostile, 30)}}
	}, fault.SAMLAudienceMismatch)}
	small := func(what string, p page) {
		t.Helper()
		t.Logf("%s: %d octets", what, len(p.text()))
		if p.Code != 200 || len(p.text()) > 60<<10 || strings.Contains(p.text(), "<script>alert") || strings.Contains(p.text(), "<img src=x") {
			t.Errorf("%s: %d, %d octets", what, p.Code, len(p.text()))
		}
	}
	small("the list", d.b.get(d.home))
	small("the user", d.b.get("/admin/"+d.Organization.ID+"/users/"+quoted.ID))
	small("the profile", d.b.get("/admin/"+d.Organization.ID+"/sso/"+d.ID))
	for _, one := range records {
		small("a record", d.b.get(d.home+"/"+one))
		small("revealed", d.b.post(d.home+"/"+one+"/reveal"))
		small("replayed", d.b.post(d.home+"/"+one+"/replay"))
	}
}

// noise can't be made small.
func noise(octets int) []byte {
	raw, r := make([]byte, octets), rand.New(rand.NewPCG(1, 2))
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	return raw
}

func TestWhatIsNotKeptIsSaid(t *testing.T) {
	s := secureSite(t)
	d := s.desk(t)
	for name, c := range map[string]struct {
		r    sso.Response
		code fault.Code
		want string
	}{
		"no message": {sso.Response{}, fault.SAMLResponseMissing, "It would"},
		"no base64":  {sso.Response{SAMLResponse: []string{"~~~"}}, fault.SAMLBase64Invalid, "not encoded as it should be"},
		"two":        {sso.Response{SAMLResponse: []string{"eA==", "eA=="}}, fault.SAMLResponseMissing, "2 messages were posted"},
	} {
		c.r.ProfileID = d.ID
		path := d.home + "/" + d.turnedAway(t, c.r, c.code)
		if name == "no message" {
			d.b.post(path+"/replay").shows("It would be refused now: Received", "saml_response_missing")
			continue
		}
		d.b.get(path).shows(c.want)
	}
	long := d.home + "/" + d.turnedAway(t, sso.Response{ProfileID: d.ID, SAMLResponse: []string{base64.StdEncoding.EncodeToString(noise(300 << 10))}}, fault.SAMLXMLInvalid)
	d.b.get(long).shows("longer than what is kept of one", "Not all of the message is kept").hides("/replay")
	if p := d.b.post(long + "/replay"); p.Code != 409 || !strings.Contains(p.text(), "longer than what is kept") {
		t.Errorf("%d %s", p.Code, p.text())
	}
	b := s.browser(t)
	b.post("/login/password", "email", d.exempt.Email, "password", "wrong")
	id := regexp.MustCompile(`/activity/(att_[0-9a-v]+)"`).FindStringSubmatch(d.b.get(d.home + "?code=credentials_invalid").text())
	if id == nil {
		t.Fatal("a wrong password is not listed")
	}
	d.b.get(d.home+"/"+id[1]).shows("The sign-in was refused: Password", "another password", "Only what an Identity Provider has sent can be judged again.").hides("/replay")
	if p := d.b.post(d.home + "/" + id[1] + "/replay"); p.Code != 409 || !strings.Contains(p.text(), "Only what an Identity Provider has sent") {
		t.Errorf("%d %s", p.Code, p.text())
	}
}

func TestOnesOwnSignIns(t *testing.T) {
	s := secureSite(t)
	d := s.desk(t)
	other := d.Organization.User(t, "other@acme.test", access.RoleMember)
	d.refused(t, fault.SAMLAudienceMismatch, wrongAudience)
	if _, err := d.Login(t, d.user.Email); err != nil {
		t.Fatal(err)
	}
	s.as(t, d.user).get("/account/security").shows("Your recent sign-ins", "Signed in").hides("Room 101", "other.example", "saml_", "att_", "/activity")
	s.as(t, other).get("/account/security").hides("Your recent sign-ins")
	home := s.Independent(t, "home@home.test")
	s.as(t, home).get("/account/security").hides("Your recent sign-ins")
}
