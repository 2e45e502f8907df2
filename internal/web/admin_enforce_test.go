package web

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

var points = regexp.MustCompile(`(?s)<ul class="points">\n(.*?)\n</ul>`)

// sentences are those of the preview, each without its link.
func (p page) sentences() (list []string) {
	for _, block := range points.FindAllStringSubmatch(p.text(), -1) {
		for _, li := range regexp.MustCompile(`(?m)^<li>(.*?)(?: <a.*?|<ul.*?)?</li>$`).FindAllStringSubmatch(block[1], -1) {
			list = append(list, html.UnescapeString(li[1]))
		}
	}
	return list
}

func chosen(domains []directory.Domain, more ...string) (pairs []string) {
	pairs = []string{"chosen", "1"}
	for _, d := range domains {
		pairs = append(pairs, "domain", d.ID)
	}
	return append(pairs, more...)
}

func query(pairs []string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}

// TestAnEnforcementIsSeenBeforeItHappens goes the way of the page, and holds its
// sentences against what happens then.
func TestAnEnforcementIsSeenBeforeItHappens(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		acme := s.office(t, "Acme")
		profile := acme.connect(t)
		exempt, pilot, gone := acme.User(t, "exempt@acme.test", access.RoleMember), acme.User(t, "pilot@acme.test", access.RoleMember), acme.User(t, "gone@acme.test", access.RoleMember)
		acme.Invited(t, "invited@acme.test")
		p.Independent(t, "independent@acme.test")
		p.SetSSO(t, exempt.ID, access.SSODisabled, "")
		p.SetSSO(t, pilot.ID, access.SSOEnabled, profile.ID)
		p.SetStatus(t, gone.ID, access.UserDeactivated)
		b, path := s.as(t, acme.admin), acme.path("/sso/{profile}/enforce")
		b.get(path).shows(`value="`+acme.domain.ID+`" checked`, `id="keep" name="keep" value="1" checked`, `id="acknowledge"`, "Enforce SSO for acme.test", `id="confirm"`, `/users/`+exempt.ID+`">exempt@acme.test</a>`)
		want := []string{
			"3 of 7 users at acme.test will sign in with SSO, through Login.",
			"1 has never signed in.",
			"1 keeps a password: SSO is switched off for this user.",
			"1 signs in with SSO by their own setting, as before.",
			"1 is deactivated and does not sign in at all.",
			"1 person has an address there and is not managed by you. They keep their password until you import them.",
			"You keep your password (admin@acme.test).",
			"Who is signed in stays signed in.",
		}
		owners := "1 owner can get in without the Identity Provider."
		second := acme.User(t, "second@elsewhere.test", access.RoleOwner)
		b.get(path).hides(`id="confirm"`)
		if got := b.get(path).sentences(); strings.Join(got, "\n") != strings.Join(append(want[:7:7], owners, want[7]), "\n") {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
		// Unticked the administrator is among those who change.
		got := b.get(path + query(chosen([]directory.Domain{acme.domain}, "end_sessions", "1"))).sentences()
		if len(got) != 9 || got[0] != "4 of 7 users at acme.test will sign in with SSO, through Login." ||
			got[6] != "You yourself (admin@acme.test) will sign in with SSO from your next sign-in." || got[8] != "Sessions that were begun otherwise end within minutes." {
			t.Errorf("%q", got)
		}
		// Without the tick nothing happens.
		b.post(path, chosen([]directory.Domain{acme.domain}, "keep", "1")...).wrong(422, "acknowledge", "")
		if p.Way(t, acme.user.ID).Method != access.MethodPassword {
			t.Error("enforced without the acknowledgement")
		}
		b.post(path, chosen([]directory.Domain{acme.domain}, "keep", "1", "acknowledge", "1")...).redirected(path)
		b.get(path).shows("SSO is enforced: 3 users will sign in with Login.", "Release acme.test", "Enforced now", acme.admin.Email)
		for u, reason := range map[string]access.Reason{acme.user.ID: access.ReasonDomainEnforced, acme.owner.ID: access.ReasonDomainEnforced,
			acme.admin.ID: access.ReasonSSODisabledForUser, exempt.ID: access.ReasonSSODisabledForUser, second.ID: access.ReasonNotEnforced} {
			if got := p.Way(t, u).Reason; got != reason {
				t.Errorf("%s: %s, not %s", u, got, reason)
			}
		}
		// Undone by one step on the same page.
		b.post(path, "release", acme.domain.ID).redirected(path)
		b.get(path).shows("acme.test is released.").hides("Enforced now")
		if got := p.Way(t, acme.user.ID).Reason; got != access.ReasonNotEnforced {
			t.Error(got)
		}
		e := acme.Recorded(t, audit.DomainReleased)
		if e.Actor.ID != acme.admin.ID || e.Changes[0].Old != profile.ID {
			t.Errorf("%+v", e)
		}
	})
}

// TestNobodyIsLockedOutWithoutSayingSoTwice where no owner could get in any more.
func TestNobodyIsLockedOutWithoutSayingSoTwice(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	acme.connect(t)
	b, path := s.as(t, acme.owner), acme.path("/sso/{profile}/enforce")
	only := []directory.Domain{acme.domain}
	b.get(path).hides(`id="confirm"`) // the owner keeps the password
	b.get(path+query(chosen(only))).shows(`id="confirm"`, "No owner could get in any more", `href="/account/recovery-codes"`)
	way := func() access.Method { return s.Way(t, acme.user.ID).Method }
	b.post(path, chosen(only, "acknowledge", "1")...).wrong(422, "confirm", "Type Acme to go on.")
	b.post(path, chosen(only, "acknowledge", "1", "confirm", "acme.test")...).wrong(422, "confirm", "Type Acme to go on.")
	b.post(path, chosen(only, "confirm", "Acme")...).wrong(422, "acknowledge", "")
	if way() != access.MethodPassword {
		t.Fatal("enforced")
	}
	// A recovery code is a way in.
	if _, err := s.SignIn.MakeRecoveryCodes(t.Context(), parts.As(acme.owner)); err != nil {
		t.Fatal(err)
	}
	b.get(path + query(chosen(only))).hides(`id="confirm"`)
	s.Exec(t, "update recovery_codes set used_at = 1")
	b.post(path, chosen(only, "acknowledge", "1", "confirm", " acme ")...).redirected(path)
	if way() != access.MethodSSO {
		t.Error("not enforced")
	}
}

// TestWhatCannotBeEnforcedSaysWhy with the code of the use case, and where that
// is mended.
func TestWhatCannotBeEnforcedSaysWhy(t *testing.T) {
	s := secureSite(t)
	acme, globex := s.office(t, "Acme"), s.office(t, "Globex")
	profile := acme.connect(t)
	path := acme.path("/sso/{profile}/enforce")
	b := s.as(t, acme.owner)
	blocked := func(code, text, link string, domains ...directory.Domain) {
		t.Helper()
		page := b.get(path+query(chosen(domains))).shows(`/help/errors/`+code, text).hides(`id="acknowledge"`)
		if link != "" {
			page.shows(`href="` + link + `"`)
		}
		refused := b.post(path, chosen(domains, "acknowledge", "1", "confirm", "Acme")...)
		if refused.Code < 400 || refused.Header().Get("Sallyport-Error") != code {
			t.Errorf("%d %s, not %s", refused.Code, refused.Header().Get("Sallyport-Error"), code)
		}
		if n := s.Count(t, "select count(*) from domains where sso_profile_id is not null"); n != 0 {
			t.Errorf("%s: %d domains are enforced", code, n)
		}
	}
	change := func(in sso.Input) { profile.Set(t, in) }
	pending, lapsing := acme.Claim(t, "pending.test"), acme.Domain(t, "lapsing.test")
	s.Status(t, lapsing, access.DomainLapsing)
	domains := acme.home() + "/domains"
	blocked("domain_not_verified", "pending.test is not verified", domains, pending)
	blocked("domain_not_verified", "lapsing.test is not verified", domains, acme.domain, lapsing)
	blocked("invalid", "Choose at least one domain.", "", globex.domain)
	yes := true
	change(sso.Input{Options: &sso.OptionsInput{AllowSHA1: &yes}})
	blocked("sso_profile_not_tested", "has not passed a test as it is now", acme.path("/sso/{profile}/test"), acme.domain)
	profile.Test(t)
	disabled := sso.Disabled
	change(sso.Input{State: &disabled})
	blocked("sso_profile_disabled", "is switched off", acme.path("/sso/{profile}"), acme.domain)
	configured := sso.Configured
	change(sso.Input{State: &configured})
	acme.Edition(t, directory.Standard)
	b.get(path).shows("/help/errors/edition_required")
	b.post(path, chosen([]directory.Domain{acme.domain}, "acknowledge", "1")...).refused(403, "edition_required")
	// Nothing chosen at all.
	acme.Edition(t, directory.Enterprise)
	b.post(path, "chosen", "1", "acknowledge", "1").wrong(422, "", "Choose at least one domain.")
	b.post(path, "release", globex.domain.ID).refused(422, "invalid")
	b.post(path, "release", "nothing").refused(404, "not_found")
	for _, nothing := range []string{"nothing", "sso_00000000000000000000000000"} {
		b.get(acme.home()+"/sso/"+nothing+"/enforce").refused(404, "not_found")
	}
}

// TestSeveralDomainsAndAMoveOnThePage shows where each is now.
func TestSeveralDomainsAndAMoveOnThePage(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	old := acme.connect(t)
	two := acme.Domain(t, "two.test")
	old.Enforce(t, acme.domain)
	name := "Next"
	acme.connect(t).Set(t, sso.Input{Name: &name})
	b, path := s.as(t, acme.owner), acme.path("/sso/{profile}/enforce")
	b.get(path).shows("Enforced with Login: it would move here", `value="`+two.ID+`" checked`).hides(`value="` + acme.domain.ID + `" checked`)
	both := []directory.Domain{acme.domain, two}
	b.get(path+query(chosen(both))).shows("3 of 3 users at acme.test, two.test will sign in with SSO, through Next.", "Enforce SSO for 2 domains")
	b.post(path, chosen(both, "acknowledge", "1", "confirm", "Acme")...).redirected(path)
	b.get(path).shows("Release acme.test", "Release two.test")
	if d := s.Way(t, acme.user.ID); d.ProfileID != acme.profile {
		t.Errorf("%+v", d)
	}
}

// TestTheListOfWhoIsNotOnSSO is reached from the page, and filtered.
func TestTheListOfWhoIsNotOnSSO(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	profile := acme.connect(t)
	for i := range 60 {
		acme.User(t, fmt.Sprintf("u%02d@free.test", i), access.RoleMember)
	}
	s.SetSSO(t, acme.admin.ID, access.SSODisabled, "")
	profile.Enforce(t, acme.domain)
	b, path := s.as(t, acme.admin), acme.path("/users/without-sso")
	page := b.get(path).shows("u59@free.test", "u10@free.test", "not enforced").hides("u09@free.test", acme.owner.Email)
	next := regexp.MustCompile(`href="(\?after=[^"]+)" rel="next"`).FindStringSubmatch(page.text())
	if next == nil {
		t.Fatal("no next page")
	}
	b.get(path+html.UnescapeString(next[1])).shows("u09@free.test", acme.admin.Email).hides("u10@free.test", acme.user.Email, `rel="next"`)
	b.get(path+"?reason=sso_disabled_for_user&domain=acme.test").shows(acme.admin.Email).hides("free.test</a>", acme.owner.Email)
	b.get(path + "?reason=user_deactivated").shows("Nobody: everybody here signs in with SSO.")
	b.get(path+"?domain=%20").refused(422, "invalid")
	b.get(path+"?after="+strings.Repeat("x", 101)).refused(400, "malformed")
}

// TestARecoverySessionReleasesADomain is what break-glass is for.
func TestARecoverySessionReleasesADomain(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	profile := acme.connect(t)
	profile.Enforce(t, acme.domain)
	b := s.browser(t)
	b.cookies[s.web.cookieName(cookieSession)] = s.Session(t, acme.owner, session.Start{Method: access.MethodRecovery})
	s.Pass(59 * 60 * 1e9)
	path := acme.path("/sso/{profile}/enforce")
	b.get(path).shows("Release acme.test")
	b.post(path, "release", acme.domain.ID).redirected(path)
	if got := s.Way(t, acme.owner.ID).Method; got != access.MethodPassword {
		t.Error(got)
	}
}

// TestTheLastOwnersSwitchHasToBeSaidTwice where it would leave nobody.
func TestTheLastOwnersSwitchHasToBeSaidTwice(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	profile := acme.connect(t)
	b, path := s.as(t, acme.admin), acme.home()+"/users/"+acme.owner.ID+"/sso"
	enabled := []string{"sso", "enabled", "sso.profile_id", profile.ID, "acknowledge", "1"}
	b.get(path).hides(`id="confirm"`)
	b.post(path, enabled...).wrong(422, "confirm", "Type Acme to go on.").shows("No owner could get in any more")
	if s.User(t, acme.owner.ID).SSO != access.SSOInherit {
		t.Fatal("set")
	}
	b.post(acme.path("/users/{user}/sso"), enabled...).redirected(acme.path("/users/{user}")) // who is no owner
	b.post(path, append(enabled, "confirm", "acme")...).redirected(acme.home() + "/users/" + acme.owner.ID)
	if s.User(t, acme.owner.ID).SSO != access.SSOEnabled {
		t.Error("not set")
	}
	b.post(path, "sso", "disabled", "acknowledge", "1").redirected(acme.home() + "/users/")
	// With a code it is no lockout.
	if _, err := s.SignIn.MakeRecoveryCodes(t.Context(), parts.As(acme.owner)); err != nil {
		t.Fatal(err)
	}
	b.post(path, enabled...).redirected(acme.home() + "/users/")
}

// TestTheOverviewRemindsOfRecoveryCodes once there is something to be locked out
// by.
func TestTheOverviewRemindsOfRecoveryCodes(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	const link = `href="/account/recovery-codes"`
	s.as(t, acme.owner).get(acme.home()).hides(link)
	acme.connect(t).Enforce(t, acme.domain)
	s.as(t, acme.owner).get(acme.home()).shows(link)
	s.as(t, acme.admin).get(acme.home()).hides(link)
	if _, err := s.SignIn.MakeRecoveryCodes(t.Context(), parts.As(acme.owner)); err != nil {
		t.Fatal(err)
	}
	s.as(t, acme.owner).get(acme.home()).hides(link)
}
