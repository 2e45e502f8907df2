package sso_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/secret"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// check returns the check of a name.
func check(t *testing.T, v sso.TestView, name string) sso.TestCheck {
	t.Helper()
	for _, c := range v.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %s in %+v", name, v.Checks)
	return sso.TestCheck{}
}

// untested is an organization with a verified domain, a user, and a profile that
// was never tested.
func untested(t *testing.T, p *parts.Parts) *scene {
	t.Helper()
	acme := p.Organization(t, "Acme")
	return &scene{domain: acme.Domain(t, "acme.test"), user: acme.User(t, "user@acme.test", access.RoleMember), Profile: acme.Configured(t)}
}

// leftBehind counts the rows that a sign-in makes.
func (s *scene) leftBehind(t *testing.T) (rows int) {
	t.Helper()
	for _, table := range []string{"sessions", "users", "sso_tickets", "arrivals", "sso_requests"} {
		rows += s.Count(t, "select count(*) from "+table)
	}
	return rows
}

func TestATestThatPassesCountsForExactlyItsConfiguration(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		before := s.leftBehind(t)
		test, req, browser := s.Try(t, false)
		urls := p.SSO.URLs(s.ID)
		if req.Issuer != urls.EntityID || req.ACSURL != urls.ACS || req.RelayState != req.ID || !strings.HasPrefix(req.ID, "test_") {
			t.Errorf("%+v", req)
		}
		if v := p.Found(t, test.ID); v.Status != sso.TestPending {
			t.Errorf("%+v", v)
		}
		answer := s.Answer(req.ID, "USER@acme.test")
		answer.RelayState = req.RelayState
		out, err := p.Consume(t, answer)
		if err != nil || !strings.HasPrefix(out.Ticket, sso.TestTicket) || out.Restart || out.BrowserToken != "" {
			t.Fatalf("%+v, %v", out, err)
		}
		v, err := p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser})
		if err != nil || v.Status != sso.TestPassed || v.Code != "" || v.Email != "USER@acme.test" || v.UserID != s.user.ID || !v.Counted {
			t.Fatalf("%+v, %v", v, err)
		}
		if c := check(t, v, sso.CheckUser); c.Status != saml.Warning || c.Code != fault.SSONotEnabledForUser {
			t.Errorf("a user with a password: %+v", c)
		}
		for _, c := range v.Checks {
			if c.Status != saml.Passed && c.Name != sso.CheckUser && c.Name != "decryption" {
				t.Errorf("%+v", c)
			}
		}
		if !strings.Contains(v.Message, "<samlp:Response") || len(v.Attributes) != 2 || v.Attributes[1].Values[0] != "Test User" {
			t.Errorf("%q %+v", v.Message, v.Attributes)
		}
		if got := s.leftBehind(t); got != before {
			t.Errorf("a test left %d rows, not %d", got, before)
		}
		events := s.Events(t)
		if events[0].Action != audit.ProfileTested || events[1].Action != audit.ProfileTestStarted {
			t.Errorf("%+v", events[:2])
		}
		view, err := p.SSO.Profile(t.Context(), parts.Operator(), s.ID)
		if err != nil || view.State != sso.Tested {
			t.Errorf("%s, %v", view.State, err)
		}
		s.Enforce(t, s.domain)
		// What matters, and what does not.
		mode, name, yes := saml.Accept, "Other name", true
		if v := s.Set(t, sso.Input{Name: &name, Options: &sso.OptionsInput{IdPInitiated: &mode}}); len(v.Warnings) != 0 {
			t.Errorf("%+v", v.Warnings)
		}
		if v := s.Set(t, sso.Input{Options: &sso.OptionsInput{AllowSHA1: &yes}}); v.Warnings[len(v.Warnings)-1].Code != "enforced_not_tested" {
			t.Errorf("%+v", v.Warnings)
		}
	})
}

func TestWhatFailsATest(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		hour := func(d time.Duration) func(*samltest.Response) {
			return func(r *samltest.Response) {
				good := s.IdP.Response(saml.Config{EntityID: p.SSO.URLs(s.ID).EntityID, ACSURL: p.SSO.URLs(s.ID).ACS, IdP: s.IdP.Provider()}, r.InResponseTo, p.Now().Add(d))
				r.IssueInstant, r.Assertion.IssueInstant = good.IssueInstant, good.Assertion.IssueInstant
				r.Assertion.Conditions.NotBefore, r.Assertion.Conditions.NotOnOrAfter = good.Assertion.Conditions.NotBefore, good.Assertion.Conditions.NotOnOrAfter
				r.Confirmation().NotOnOrAfter = good.Confirmation().NotOnOrAfter
			}
		}
		for name, c := range map[string]struct {
			email string
			edit  func(*samltest.Response)
			code  fault.Code
			check string
			found string
		}{
			"wrong audience": {"user@acme.test", func(r *samltest.Response) {
				r.Assertion.Conditions.Audiences = [][]string{{"https://other.example"}}
			}, fault.SAMLAudienceMismatch, "audience", "https://other.example"},
			"wrong certificate": {"user@acme.test", func(r *samltest.Response) {
				r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: samltest.NamedKey(samltest.RSA2048Other)}, nil
			}, fault.SAMLCertificateUnknown, "certificate", ""},
			"user name":            {"jdoe", func(*samltest.Response) {}, fault.SAMLNameIDNotEmail, "nameid_email", "jdoe"},
			"unsigned":             {"user@acme.test", func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = nil, nil }, fault.SAMLSignatureMissing, "signature", ""},
			"clock an hour slow":   {"user@acme.test", hour(-time.Hour), fault.SAMLExpired, "not_on_or_after", ""},
			"clock an hour fast":   {"user@acme.test", hour(time.Hour), fault.SAMLNotYetValid, "not_before", ""},
			"a foreign domain":     {"user@globex.test", func(*samltest.Response) {}, fault.DomainNotVerified, sso.CheckDomain, "globex.test"},
			"no InResponseTo":      {"user@acme.test", func(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = "", "" }, fault.SAMLIdPInitiatedRefused, "request", ""},
			"a failure over there": {"user@acme.test", func(r *samltest.Response) { r.Status.Code = "urn:oasis:names:tc:SAML:2.0:status:Responder" }, fault.SAMLStatusNotSuccess, "status", ""},
		} {
			t.Run(name, func(t *testing.T) {
				test, req, browser := s.Try(t, false)
				answer := s.Answer(req.ID, c.email, c.edit)
				answer.RelayState = req.RelayState
				out, err := p.Consume(t, answer)
				if err != nil {
					t.Fatal(err)
				}
				v, err := p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser})
				if err != nil || v.Status != sso.TestFailed || v.Code != c.code || v.Counted || v.Message == "" {
					t.Fatalf("%+v, %v", v, err)
				}
				if k := check(t, v, c.check); k.Status != saml.Failed || k.Code != c.code || !strings.Contains(k.Found, c.found) {
					t.Errorf("%+v", k)
				}
				if e := s.Events(t)[0]; e.Action != audit.ProfileTestFailed || e.Code != string(c.code) || e.Reference != test.ID {
					t.Errorf("%+v", e)
				}
				if view, err := p.SSO.Profile(t.Context(), parts.Operator(), s.ID); err != nil || view.State != sso.Configured {
					t.Errorf("%s, %v", view.State, err)
				}
			})
		}
	})
}

func TestWhomATestWarnsOf(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := untested(t, p)
	gone := s.User(t, "gone@acme.test", access.RoleMember)
	p.SetStatus(t, gone.ID, access.UserDeactivated)
	pilot := s.User(t, "pilot@acme.test", access.RoleMember)
	p.SetSSO(t, pilot.ID, access.SSOEnabled, s.Organization.Profile(t).ID)
	for email, code := range map[string]fault.Code{"nobody@acme.test": fault.UserNotFound, "gone@acme.test": fault.UserDeactivated, "pilot@acme.test": fault.SSOProfileMismatch} {
		_, req, browser := s.Try(t, false)
		out, err := p.Consume(t, s.Answer(req.ID, email)) // an Identity Provider that loses the RelayState
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser})
		if err != nil || v.Status != sso.TestPassed {
			t.Fatalf("%s: %+v, %v", email, v, err)
		}
		if c := check(t, v, sso.CheckUser); c.Status != saml.Warning || c.Code != code || c.Note == "" {
			t.Errorf("%s: %+v", email, c)
		}
	}
}

func TestATestIsItsBrowsersAndItsAnswerCountsOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		test, req, browser := s.Try(t, false)
		good := s.Answer(req.ID, "user@acme.test")
		out, err := p.Consume(t, good)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{"another"})
		parts.Refused(t, err, fault.SAMLRequestUnknown)
		_, err = p.SSO.TestSeenBy(t.Context(), access.Actor{}, test.ID, []string{"another"})
		parts.Refused(t, err, fault.NotFound)
		if _, err = p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser}); err != nil {
			t.Fatal(err)
		}
		_, err = p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser})
		parts.Refused(t, err, fault.SAMLRequestUnknown)
		if v, err := p.SSO.TestSeenBy(t.Context(), access.Actor{}, test.ID, []string{browser}); err != nil || v.Status != sso.TestPassed {
			t.Errorf("%+v, %v", v, err)
		}
		// Another answer changes nothing.
		for _, again := range []sso.Response{good, s.Answer(req.ID, "jdoe")} {
			if out, err = p.Consume(t, again); err != nil || !strings.HasPrefix(out.Ticket, sso.TestTicket) {
				t.Fatalf("%+v, %v", out, err)
			}
		}
		if v := p.Found(t, test.ID); v.Status != sso.TestPassed || v.Email != "user@acme.test" {
			t.Errorf("%+v", v)
		}
		// The assertion is used up: neither another test nor a sign-in takes it.
		s.Enforce(t, s.domain)
		login, _ := s.Start(t, "")
		replayed := good
		replayed.RelayState = login.RelayState
		if out, err = p.Consume(t, replayed); err != nil || !strings.HasPrefix(out.Ticket, sso.TestTicket) {
			t.Errorf("the answer to a test signs in: %+v, %v", out, err)
		}
		// A ticket in time only.
		s.Pass(2 * time.Minute)
		_, err = p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser})
		parts.Refused(t, err, fault.SAMLRequestExpired)
		if n := p.Count(t, "select count(*) from sessions"); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestAnAssertionReplayedFailsATest(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		same := func(r *samltest.Response) { r.Assertion.ID = "_the-same" }
		for i, want := range []fault.Code{"", fault.SAMLReplayed} {
			test, req, _ := s.Try(t, false)
			if _, err := p.Consume(t, s.Answer(req.ID, "user@acme.test", same)); err != nil {
				t.Fatal(err)
			}
			if v := p.Found(t, test.ID); v.Code != want {
				t.Errorf("%d: %+v", i, v)
			}
		}
	})
}

func TestWhenATestCanBeStarted(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		fresh := func() (testID, token string) {
			n, err := p.SSO.NewTest(t.Context(), parts.Operator(), s.ID, false)
			if err != nil {
				t.Fatal(err)
			}
			return n.ID, strings.TrimPrefix(n.StartURL, parts.BaseURL+"/test/")
		}
		open := func(token string) error {
			_, err := p.SSO.StartTest(t.Context(), token)
			return err
		}
		_, once := fresh()
		if err := open(once); err != nil {
			t.Fatal(err)
		}
		parts.Refused(t, open(once), fault.LinkUsed)
		parts.Refused(t, open("nothing"), fault.LinkExpired)
		late, token := fresh()
		s.Pass(15 * time.Minute)
		parts.Refused(t, open(token), fault.LinkExpired)
		if v := p.Found(t, late); v.Status != sso.TestFailed || v.Code != fault.LinkExpired {
			t.Errorf("%+v", v)
		}
		// At the Identity Provider for too long.
		test, req, _ := s.Try(t, false)
		s.Pass(30 * time.Minute)
		if v := p.Found(t, test.ID); v.Status != sso.TestFailed || v.Code != fault.SAMLRequestExpired {
			t.Errorf("%+v", v)
		}
		if _, err := p.Consume(t, s.Answer(req.ID, "user@acme.test")); err != nil {
			t.Fatal(err)
		}
		if v := p.Found(t, test.ID); v.Code != fault.SAMLRequestExpired || v.Message == "" {
			t.Errorf("%+v", v)
		}
		// Disabled before, and while it is under way.
		off, on := sso.Disabled, sso.Configured
		_, token = fresh()
		test, req, _ = s.Try(t, false)
		s.Set(t, sso.Input{State: &off})
		parts.Refused(t, open(token), fault.SSOProfileDisabled)
		_, err := p.SSO.NewTest(t.Context(), parts.Operator(), s.ID, false)
		parts.Refused(t, err, fault.SSOProfileDisabled)
		for _, relay := range []string{req.RelayState, ""} {
			answer := s.Answer(req.ID, "user@acme.test")
			answer.RelayState = relay
			if _, err := p.Consume(t, answer); err != nil {
				t.Fatal(err)
			}
		}
		if v := p.Found(t, test.ID); v.Code != fault.SSOProfileDisabled {
			t.Errorf("%+v", v)
		}
		s.Set(t, sso.Input{State: &on})
		// Without the edition.
		_, token = fresh()
		test, req, _ = s.Try(t, false)
		standard := directory.Standard
		if _, err := p.Directory.UpdateOrganization(t.Context(), parts.Operator(), s.Organization.ID, directory.OrganizationChange{Edition: &standard}); err != nil {
			t.Fatal(err)
		}
		parts.Refused(t, open(token), fault.EditionRequired)
		_, err = p.SSO.NewTest(t.Context(), parts.Operator(), s.ID, false)
		parts.Refused(t, err, fault.EditionRequired)
		if _, err := p.Consume(t, s.Answer(req.ID, "user@acme.test")); err != nil {
			t.Fatal(err)
		}
		if v := p.Found(t, test.ID); v.Code != fault.EditionRequired {
			t.Errorf("%+v", v)
		}
	})
}

func TestAChangeWhileATestIsUnderWayDoesNotCount(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		test, req, _ := s.Try(t, false)
		yes := true
		s.Set(t, sso.Input{Options: &sso.OptionsInput{AllowSHA1: &yes}})
		if _, err := p.Consume(t, s.Answer(req.ID, "user@acme.test")); err != nil {
			t.Fatal(err)
		}
		v := p.Found(t, test.ID)
		if c := check(t, v, sso.CheckConfiguration); v.Status != sso.TestFailed || v.Code != fault.SSOProfileNotTested || c.Status != saml.Failed {
			t.Errorf("%+v", v)
		}
		if view, err := p.SSO.Profile(t.Context(), parts.Operator(), s.ID); err != nil || view.State != sso.Configured {
			t.Errorf("%s, %v", view.State, err)
		}
	})
}

func TestTestsAreKeptSealedBoundedAndNotForever(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		test, req, _ := s.Try(t, false)
		large := func(r *samltest.Response) {
			r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: "photo", Values: []string{strings.Repeat("x", 400<<10)}})
		}
		if _, err := p.Consume(t, s.Answer(req.ID, "user@acme.test", large)); err != nil {
			t.Fatal(err)
		}
		v := p.Found(t, test.ID)
		if v.Status != sso.TestPassed || !v.Cut || len(v.Message) > 300<<10 || len(v.Attributes[2].Values[0]) > 1100 {
			t.Errorf("%s %s, %v, %d", v.Status, v.Code, v.Cut, len(v.Message))
		}
		var kept []byte
		p.View(t, func(tx *db.Tx) error {
			return tx.QueryRow("select result from sso_tests where id = $1", test.ID).Scan(&kept)
		})
		if len(kept) < 200<<10 || bytes.Contains(kept, []byte("acme")) || bytes.Contains(kept, []byte("samlp")) {
			t.Errorf("%d octets, in clear", len(kept))
		}
		for range 105 {
			s.Pass(time.Millisecond)
			if _, err := p.SSO.NewTest(t.Context(), parts.Operator(), s.ID, false); err != nil {
				t.Fatal(err)
			}
		}
		if n := p.Count(t, "select count(*) from sso_tests"); n != 100 {
			t.Errorf("%d tests are kept", n)
		}
		s.Pass(31 * 24 * time.Hour)
		if err := p.SSO.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from sso_tests"); n != 0 {
			t.Errorf("%d tests are kept for too long", n)
		}
	})
}

// TestAnUnreadableCiphertextIsNoOracle: only the administrator's record says what
// is wrong with it.
func TestAnUnreadableCiphertextIsNoOracle(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		keys, err := p.SSO.Keys(t.Context(), parts.Operator(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		shown := func(edit func(*samltest.Encryption)) string {
			_, req, browser := s.Try(t, false)
			out, err := p.Consume(t, s.Answer(req.ID, "user@acme.test", func(r *samltest.Response) {
				r.ResponseSigning = nil // nobody has signed the ciphertext
				r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{{Certificate: keys[0].Certificate}}}
				edit(r.AssertionEncryption)
			}))
			if err != nil {
				t.Fatal(err)
			}
			v, err := p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser})
			if err != nil || v.Code != fault.SAMLDecryptionFailed || v.Email != "" || v.Attributes != nil {
				t.Fatalf("%+v, %v", v, err)
			}
			return fmt.Sprint(v.Checks)
		}
		a := shown(func(e *samltest.Encryption) { e.EditText = func(string) string { return "<no xml" } })
		b := shown(func(e *samltest.Encryption) { e.For = []*samltest.Key{samltest.NamedKey(samltest.SPOld)} })
		if a != b {
			t.Errorf("told apart:\n%s\n%s", a, b)
		}
	})
}

func TestResultsAreResealed(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := untested(t, p)
		test, req, _ := s.Try(t, false)
		if _, err := p.Consume(t, s.Answer(req.ID, "user@acme.test")); err != nil {
			t.Fatal(err)
		}
		key := secret.NewKey()
		if n, err := with(p, p.WithKey(key)).Reseal(t.Context(), parts.Operator()); err != nil || n != 3 { // our key, this, and the key of the audit log
			t.Errorf("%d, %v", n, err)
		}
		v, err := with(p, secret.NewRing(key)).Test(t.Context(), parts.Operator(), test.ID)
		if err != nil || v.Email != "user@acme.test" {
			t.Errorf("%+v, %v", v, err)
		}
	})
}
