package outside

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// untested makes an organization with a user and a profile for Okta that has
// passed no test.
func untested(t *testing.T, s *harness.Server) (p *harness.Profile, user string) {
	t.Helper()
	o := harness.NewOrganization(t, s)
	user = o.Address("user")
	o.AddUser(t, user)
	p = o.NewUntestedProfile(t, samltest.NewIdP(), nil)
	s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"idp": "okta"})
	return p, user
}

// answered goes the way of a test with an answer that was edited, and returns
// the page of the result.
func answered(t *testing.T, p *harness.Profile, email string, edit func(*samltest.Response)) (testID string, page harness.Answer) {
	t.Helper()
	testID, start := p.NewTest(t)
	b := p.NewBrowser(t)
	req := b.Get(t, start).Request(t)
	r := p.Response(email, req.ID)
	if edit != nil {
		edit(r)
	}
	finish := b.Deliver(t, p, r, req.RelayState)
	if finish.Status != 303 || !strings.HasPrefix(finish.Location, "/login/finish?ticket=") {
		t.Fatalf("%d %s to %q", finish.Status, finish.Code, finish.Location)
	}
	result := b.Get(t, finish.Location)
	if result.Status != 303 {
		t.Fatalf("%d %s", result.Status, result.Code)
	}
	page = b.Get(t, result.Location)
	b.SignedIn(t, "", "")
	if s := p.NewBrowser(t).Get(t, result.Location); s.Status != 404 {
		t.Errorf("another browser sees the result: %d", s.Status)
	}
	return testID, page
}

func TestAPassedTestSignsNobodyInAndCountsForItsConfiguration(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user := untested(t, s)
		s.Refused(t, 409, "sso_profile_not_tested", "PUT", "/domains/"+p.DomainID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "acknowledge": true})
		testID, page := answered(t, p, user, nil)
		if page.Status != 200 || !strings.Contains(page.Body, "The test has passed.") || !strings.Contains(page.Body, user) {
			t.Fatalf("%d %s", page.Status, page.Body)
		}
		test := s.OK(t, "GET", "/tests/"+testID, nil)
		if test["status"] != "passed" || test["email"] != user || test["code"] != nil || test["start_url"] != nil {
			t.Errorf("%v", test)
		}
		checks, _ := test["checks"].([]any)
		if len(checks) < 30 {
			t.Errorf("%d checks", len(checks))
		}
		for _, c := range checks {
			c := c.(map[string]any)
			if c["code"] == "" || c["status"] == "failed" {
				t.Errorf("%v", c)
			}
		}
		if state := s.OK(t, "GET", "/sso-profiles/"+p.ID, nil)["state"]; state != "tested" {
			t.Errorf("the profile is %v", state)
		}
		p.Enforce(t)
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "/").Redirected(t, "/")
		b.SignedIn(t, user, "sso")
		actions := ""
		for _, e := range p.Audit(t) {
			actions += e["action"].(string) + " "
		}
		if !strings.Contains(actions, "sso_profile.tested sso_profile.test_started") {
			t.Error(actions)
		}
		// What was only a test's answer signs nobody in later.
		if n := s.Count(t, "select count(*) from sessions where name_id = $1", user); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestAFailedTestSaysWhatToChangeInWhichField(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user := untested(t, s)
		for name, c := range map[string]struct {
			email string
			edit  func(*samltest.Response)
			code  string
			words []string
		}{
			"a wrong audience": {user, func(r *samltest.Response) { r.Assertion.Conditions.Audiences = [][]string{{"https://wrong.example"}} },
				"saml_audience_mismatch", []string{"Audience URI (SP Entity ID)", "https://wrong.example", p.SP.EntityID}},
			"a wrong certificate": {user, func(r *samltest.Response) {
				key := samltest.NamedKey(samltest.RSA2048Other)
				r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: key}, &samltest.Signing{Key: key}
			}, "saml_certificate_unknown", []string{"What to change"}},
			"a user name": {"jdoe", nil, "saml_nameid_not_email", []string{"jdoe", "Application username"}},
			"no signature": {user, func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = nil, nil },
				"saml_signature_missing", []string{"What to change in Okta"}},
			"a clock an hour off": {user, func(r *samltest.Response) {
				late := p.IdP.Response(p.SP, r.InResponseTo, time.Now().Add(-time.Hour))
				r.IssueInstant, r.Assertion.IssueInstant = late.IssueInstant, late.Assertion.IssueInstant
				r.Assertion.Conditions, r.Assertion.Confirmations = late.Assertion.Conditions, late.Assertion.Confirmations
			}, "saml_expired", []string{"What to change in Okta", "NTP"}},
		} {
			testID, page := answered(t, p, c.email, c.edit)
			for _, want := range append(c.words, "The test has failed", c.code) {
				if !strings.Contains(page.Body, want) {
					t.Errorf("%s: %q is not on the page:\n%s", name, want, page.Body)
				}
			}
			test := s.OK(t, "GET", "/tests/"+testID, nil)
			if test["status"] != "failed" || test["code"] != c.code {
				t.Errorf("%s: %v %v", name, test["status"], test["code"])
			}
		}
		if state := s.OK(t, "GET", "/sso-profiles/"+p.ID, nil)["state"]; state != "configured" {
			t.Errorf("the profile is %v", state)
		}
	})
}

func TestATestStartsOnceInTimeAndItsAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user := untested(t, s)
		testID, start := p.NewTest(t)
		b := s.NewBrowser(t)
		req := b.Get(t, start).Request(t)
		b.Get(t, start).Refused(t, 410, "link_used")
		good := p.Response(user, req.ID)
		finish := b.Deliver(t, p, good, req.RelayState)
		s.NewBrowser(t).Get(t, finish.Location).Refused(t, 403, "saml_request_unknown")
		for range 2 { // replayed, and another answer to the same request
			again := b.Deliver(t, p, p.Response("jdoe", req.ID), req.RelayState)
			if again.Status != 303 || !strings.HasPrefix(again.Location, "/login/finish") {
				t.Errorf("%d %s", again.Status, again.Code)
			}
			finish = b.Deliver(t, p, good, req.RelayState)
		}
		if page := b.Get(t, b.Get(t, finish.Location).Location); !strings.Contains(page.Body, "The test has passed.") {
			t.Errorf("%d %s", page.Status, page.Body)
		}
		if test := s.OK(t, "GET", "/tests/"+testID, nil); test["status"] != "passed" {
			t.Errorf("%v", test)
		}
		// The assertion is used up for a sign-in too.
		p.Enforce(t)
		login := b.Depart(t, user, "/")
		if a := b.Deliver(t, p, good, login.RelayState); strings.HasPrefix(a.Location, "/login/finish") && !strings.Contains(a.Location, "ticket=test.") {
			t.Errorf("the answer to a test signs in: %s", a.Location)
		}
		b.SignedIn(t, "", "")

		late, start := p.NewTest(t)
		s.Exec(t, "update sso_tests set created_at = created_at - 900000000 where id = $1", late)
		b.Get(t, start).Refused(t, 410, "link_expired")
		if test := s.OK(t, "GET", "/tests/"+late, nil); test["status"] != "failed" || test["code"] != "link_expired" {
			t.Errorf("%v", test)
		}
	})
}

func TestNothingIsTestedThatIsDisabledADraftOrBeyondTheEdition(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _ := untested(t, s)
		path := "/sso-profiles/" + p.ID
		_, start := p.NewTest(t)
		s.OK(t, "PATCH", path, harness.Object{"state": "disabled"})
		s.NewBrowser(t).Get(t, start).Refused(t, 403, "sso_profile_disabled")
		s.Refused(t, 403, "sso_profile_disabled", "POST", path+"/tests", harness.Object{})
		s.OK(t, "PATCH", path, harness.Object{"state": "configured"})
		s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"edition": "standard"})
		s.NewBrowser(t).Get(t, start).Refused(t, 403, "edition_required")
		s.Refused(t, 403, "edition_required", "POST", path+"/tests", harness.Object{})
		s.Refused(t, 403, "edition_required", "POST", path+"/setup-links", harness.Object{})
		s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"edition": "enterprise"})
		s.NewBrowser(t).Get(t, start).Request(t)
		draft := harness.ID(s.OK(t, "POST", "/organizations/"+p.Organization.ID+"/sso-profiles", harness.Object{"name": "Draft"}))
		s.Refused(t, 409, "conflict", "POST", "/sso-profiles/"+draft+"/tests", harness.Object{})
	})
}

func TestASetupLinkIsItsFirstBrowsersAndEntersADraft(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user := untested(t, s)
		maker := p.Address("maker")
		makerID := p.AddUser(t, maker)
		s.OK(t, "PATCH", "/users/"+makerID, harness.Object{"role": "administrator"})
		p.MarkTested(t)
		s.OK(t, "PUT", "/domains/"+p.DomainID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "acknowledge": true, "exempt_user_ids": []any{makerID}})
		admin := s.NewBrowser(t)
		admin.Password(t, maker, harness.Password)
		home := "/admin/" + p.Organization.ID + "/sso/" + p.ID
		made := admin.Post(t, home+"/setup", url.Values{})
		_, rest, ok := strings.Cut(made.Body, `data-copy="`+s.Base+"/setup/")
		token, _, _ := strings.Cut(rest, `"`)
		if !ok {
			t.Fatalf("%d %s", made.Status, made.Body)
		}
		path := "/setup/" + token
		holder, other := s.NewBrowser(t), s.NewBrowser(t)
		if page := other.Get(t, path); page.Status != 200 { // looking claims nothing
			t.Fatalf("%d", page.Status)
		}
		holder.Post(t, path, url.Values{}).Redirected(t, path)
		other.Get(t, path).Refused(t, 410, "link_used")
		other.Post(t, path, url.Values{}).Refused(t, 410, "link_used")
		holder.Get(t, home+"/test").Redirected(t, "/login?return_to="+url.QueryEscape(home+"/test"))

		idp := samltest.NewIdP()
		idp.EntityID, idp.SSOURL, idp.Key = "https://next.example/metadata", "https://next.example/sso", samltest.NamedKey(samltest.RSA2048Other)
		reading := holder.Post(t, path+"/idp?by=paste", url.Values{"metadata_xml": {string(idp.Metadata())}}).Location
		if shown := holder.Get(t, reading); shown.Status != 200 || !strings.Contains(shown.Body, idp.SSOURL) {
			t.Errorf("%s: %d %s", reading, shown.Status, shown.Body)
		}
		s.Refused(t, 404, "not_found", "GET", "/sso-profiles/"+p.ID+"/draft", nil) // to read keeps nothing
		other.Post(t, reading, url.Values{}).Refused(t, 410, "link_used")
		holder.Post(t, reading, url.Values{}).Redirected(t, path+"#read")
		if live := s.OK(t, "GET", "/sso-profiles/"+p.ID, nil); harness.At(live, "idp", "entity_id") != p.IdP.EntityID {
			t.Errorf("the draft counts already: %v", live["idp"])
		}
		start := holder.Post(t, path+"/test", url.Values{})
		req := holder.Get(t, start.Location).Request(t)
		if req.Destination != idp.SSOURL {
			t.Errorf("%+v", req)
		}
		p.IdP = idp
		finish := holder.Deliver(t, p, p.Response(p.Address("nobody"), req.ID), req.RelayState)
		page := holder.Get(t, holder.Get(t, finish.Location).Location)
		if !strings.Contains(page.Body, "The test has passed.") || strings.Contains(page.Body, "user_not_found") {
			t.Errorf("%d %s", page.Status, page.Body)
		}
		draft := s.OK(t, "GET", "/sso-profiles/"+p.ID+"/draft", nil)
		if harness.At(draft, "idp", "entity_id") != idp.EntityID || draft["tested_at"] == nil {
			t.Errorf("%v", draft)
		}
		s.Refused(t, 409, "conflict", "POST", "/sso-profiles/"+p.ID+"/draft/apply", harness.Object{"version": 1})
		applied := s.OK(t, "POST", "/sso-profiles/"+p.ID+"/draft/apply", harness.Object{"version": draft["version"]})
		if harness.At(applied, "idp", "entity_id") != idp.EntityID || applied["state"] != "enforced" {
			t.Errorf("%v", applied)
		}
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "/").Redirected(t, "/")
		b.SignedIn(t, user, "sso")
		mails := 0
		for deadline := time.Now().Add(5 * time.Second); mails < 3 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			for _, m := range s.Mails(t, maker) {
				if strings.Contains(m.Subject, "setup link") {
					mails++
				}
			}
		}
		if mails != 3 {
			t.Errorf("%d mails to the maker", mails)
		}
		var link string
		for _, l := range harness.Items(s.OK(t, "GET", "/sso-profiles/"+p.ID+"/setup-links", nil)) {
			link = harness.ID(l)
		}
		s.OK(t, "DELETE", "/setup-links/"+link, nil)
		holder.Get(t, path).Refused(t, 410, "link_expired")
	})
}
