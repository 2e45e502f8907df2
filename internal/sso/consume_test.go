package sso_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// A scene is an organization whose domain is enforced, with one user.
type scene struct {
	*parts.Profile
	domain directory.Domain
	user   directory.User
}

func newScene(t *testing.T, p *parts.Parts) *scene {
	t.Helper()
	acme := p.Organization(t, "Acme")
	s := &scene{domain: acme.Domain(t, "acme.test"), user: acme.User(t, "user@acme.test", access.RoleMember), Profile: acme.Profile(t)}
	s.Enforce(t, s.domain)
	return s
}

// refused fails the test unless a response was refused with the code, and
// recorded so.
func (s *scene) refused(t *testing.T, err error, code fault.Code) {
	t.Helper()
	var refusal *signin.Refusal
	if !errors.As(err, &refusal) || refusal.Fault.Code != code {
		t.Fatalf("%v, not a refusal with %s", err, code)
	}
	e := s.SignIns(t)[0]
	if e.Code != string(code) || e.Reference != refusal.Reference || e.Outcome != audit.Refused {
		t.Errorf("recorded %+v", e)
	}
	s.Pass(time.Millisecond)
}

func TestALoginFromRequestToSession(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		req, browser := s.Start(t, "/account/security")
		urls := p.SSO.URLs(s.ID)
		if req.Issuer != urls.EntityID || req.ACSURL != urls.ACS || req.Destination != s.IdP.SSOURL || req.RelayState != req.ID || req.ForceAuthn {
			t.Errorf("%+v", req)
		}
		out, err := p.Consume(t, s.Answer(req.ID, "USER@acme.test"))
		if err != nil || out.Restart || out.Ticket == "" || out.BrowserToken != "" {
			t.Fatalf("%+v, %v", out, err)
		}
		in, err := p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{"other", browser}})
		if err != nil || in.ReturnTo != "/account/security" || in.SpentToken != browser {
			t.Fatalf("%+v, %v", in, err)
		}
		i, err := p.SignIn.Authenticate(t.Context(), in.SessionToken)
		if err != nil || i == nil || i.User.ID != s.user.ID {
			t.Fatalf("%+v, %v", i, err)
		}
		if got := i.Session; got.Method != access.MethodSSO || got.ProfileID != s.ID || got.NameID != "USER@acme.test" || got.SessionIndex != "_session1" ||
			!got.AuthenticatedAt.Equal(p.Now().Add(-time.Minute)) {
			t.Errorf("%+v", got)
		}
		if e := s.SignIns(t); len(e) != 1 || e[0].Outcome != audit.Succeeded || e[0].Target.ID != s.user.ID || e[0].Actor.Address != "192.0.2.1" {
			t.Errorf("%+v", e)
		}
	})
}

func TestARequestAsksAsTheProfileSays(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	d, err := p.SSO.Start(t.Context(), sso.Start{ProfileID: s.ID, ForceAuthn: true})
	if err != nil || d.Post {
		t.Fatalf("%+v, %v", d, err)
	}
	if req, err := samltest.ReadRequest(d.URL); err != nil || !req.ForceAuthn {
		t.Errorf("%+v, %v", req, err)
	}
	// An Identity Provider that takes only forms.
	doc := strings.ReplaceAll(string(s.IdP.Metadata()), string(saml.HTTPRedirect), "urn:none")
	s.Set(t, sso.Input{MetadataXML: &doc})
	d, err = p.SSO.Start(t.Context(), sso.Start{ProfileID: s.ID})
	if err != nil || !d.Post || d.URL != s.IdP.SSOURL {
		t.Fatalf("%+v, %v", d, err)
	}
	if req, err := samltest.ReadPostedRequest(d.SAMLRequest); err != nil || req.ID != d.RelayState || !strings.ContainsAny(req.ID[:1], "_abcdefghijklmnopqrstuvwxyz") {
		t.Errorf("%+v, %v", req, err)
	}
}

func TestRefusalsAfterAValidAssertion(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		acme, globex := s.Organization, p.Organization(t, "Globex")
		globex.Domain(t, "globex.test")
		globex.User(t, "user@globex.test", access.RoleMember)
		p.Status(t, s.domain, access.DomainPending) // for a moment
		globex.User(t, "theirs@acme.test", access.RoleMember)
		p.Status(t, s.domain, access.DomainVerified)
		p.Independent(t, "independent@acme.test")
		p.Independent(t, "independent@home.test")
		acme.User(t, "elsewhere@nobody.test", access.RoleMember) // managed here, at no held domain
		gone, exempt, pilot := acme.User(t, "gone@acme.test", access.RoleMember), acme.User(t, "exempt@acme.test", access.RoleMember), acme.User(t, "pilot@acme.test", access.RoleMember)
		p.SetSSO(t, exempt.ID, access.SSODisabled, "")
		p.SetSSO(t, pilot.ID, access.SSOEnabled, acme.Profile(t).ID)
		goneExempt := acme.User(t, "gone-exempt@acme.test", access.RoleMember)
		p.SetSSO(t, goneExempt.ID, access.SSODisabled, "")
		p.SetStatus(t, gone.ID, access.UserDeactivated)
		p.SetStatus(t, goneExempt.ID, access.UserDeactivated)
		users := p.Count(t, "select count(*) from users")
		for _, c := range []struct {
			email string
			want  fault.Code
		}{
			// No tenant learns from its own Identity Provider who exists elsewhere.
			{"user@globex.test", fault.DomainNotVerified}, {"nobody@globex.test", fault.DomainNotVerified},
			{"independent@home.test", fault.DomainNotVerified}, {"nobody@home.test", fault.DomainNotVerified},
			{"elsewhere@nobody.test", fault.DomainNotVerified}, {"user@sub.acme.test", fault.DomainNotVerified},
			{"unknown@acme.test", fault.UserNotFound}, {"independent@acme.test", fault.UserNotFound}, {"theirs@acme.test", fault.UserNotFound},
			{"gone@acme.test", fault.UserDeactivated}, {"gone-exempt@acme.test", fault.UserDeactivated},
			{"exempt@acme.test", fault.SSONotEnabledForUser}, {"pilot@acme.test", fault.SSOProfileMismatch},
			{"user@acme.test", ""},
		} {
			_, err := s.Login(t, c.email)
			if c.want == "" {
				if err != nil {
					t.Errorf("%s: %v", c.email, err)
				}
				continue
			}
			if parts.Code(err) != c.want {
				t.Errorf("%s: %v, not %s", c.email, err, c.want)
				continue
			}
			s.refused(t, err, c.want)
			if status := fault.From(err).Status(); status != 403 {
				t.Errorf("%s: status %d", c.email, status)
			}
		}
		if n := p.Count(t, "select count(*) from users"); n != users {
			t.Errorf("%d users were made", n-users)
		}
	})
}

// TestAnOrganizationReadsOnlyItsOwnAddresses: what its Identity Provider says of
// other domains is kept as a hash.
func TestAnOrganizationReadsOnlyItsOwnAddresses(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		p.Organization(t, "Globex").Domain(t, "globex.test")
		for email, clear := range map[string]bool{"unknown@acme.test": true, "unknown@globex.test": false, "unknown@home.test": false} {
			p.Pass(time.Second)
			if _, err := s.Login(t, email); err == nil {
				t.Fatal("signed in")
			}
			if e := s.SignIns(t)[0]; (e.Target.Name == email) != clear || clear == strings.HasPrefix(e.Target.Name, "hash:") || e.OrganizationID != s.Organization.ID {
				t.Errorf("%s: %+v", email, e)
			}
		}
	})
}

func TestWhatAnIdentityProviderSendsBesidesChangesNothing(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	req, browser := s.Start(t, "")
	out, err := p.Consume(t, s.Answer(req.ID, s.user.Email, func(r *samltest.Response) {
		r.Assertion.Attributes = []samltest.Attribute{{Name: "role", Values: []string{"owner"}}, {Name: "name", Values: []string{"Somebody Else"}}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{browser}}); err != nil {
		t.Fatal(err)
	}
	if got := p.User(t, s.user.ID); got != s.user {
		t.Errorf("%+v\n was %+v", got, s.user)
	}
}

func TestARefusedMessageIsRecordedWithItsCode(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		for want, edit := range map[fault.Code]func(*samltest.Response){
			fault.SAMLSignatureMissing: func(r *samltest.Response) { r.AssertionSigning, r.ResponseSigning = nil, nil },
			fault.SAMLCertificateUnknown: func(r *samltest.Response) {
				r.ResponseSigning.Key, r.AssertionSigning.Key = samltest.NamedKey(samltest.EC256), samltest.NamedKey(samltest.EC256)
			},
			fault.SAMLAudienceMismatch: func(r *samltest.Response) { r.Assertion.Conditions.Audiences = [][]string{{"https://other.example"}} },
			fault.SAMLIssuerMismatch: func(r *samltest.Response) {
				r.Issuer.Value, r.Assertion.Issuer.Value = "https://evil.test", "https://evil.test"
			},
			fault.SAMLNameIDNotEmail:   func(r *samltest.Response) { r.Assertion.NameID.Value = "user" },
			fault.SAMLStatusNotSuccess: func(r *samltest.Response) { r.Status.Code = "urn:oasis:names:tc:SAML:2.0:status:Responder" },
		} {
			req, _ := s.Start(t, "")
			_, err := p.Consume(t, s.Answer(req.ID, s.user.Email, edit))
			s.refused(t, err, want)
		}
		_, err := p.Consume(t, sso.Response{ProfileID: s.ID})
		s.refused(t, err, fault.SAMLResponseMissing)
		_, err = p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"%%%"}})
		s.refused(t, err, fault.SAMLBase64Invalid)
		_, err = p.Consume(t, sso.Response{ProfileID: s.ID, TooLarge: true})
		s.refused(t, err, fault.SAMLTooLarge)
		if n := p.Count(t, "select count(*) from sso_tickets"); n != 0 {
			t.Errorf("%d tickets", n)
		}
	})
}

func TestARefusedMessageUsesNothingUp(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	req, _ := s.Start(t, "")
	bad := s.Answer(req.ID, s.user.Email, func(r *samltest.Response) { r.AssertionSigning, r.ResponseSigning = nil, nil })
	if _, err := p.Consume(t, bad); err == nil {
		t.Fatal("accepted")
	}
	if _, err := p.Consume(t, s.Answer(req.ID, s.user.Email)); err != nil {
		t.Error(err)
	}
}

func TestARequestIsPendingForHalfAnHourAndRememberedForADay(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Mode(t, saml.Refuse) // or the forgotten one would be started anew
		for _, c := range []struct {
			after time.Duration
			purge bool
			want  fault.Code
		}{
			{30*time.Minute - time.Microsecond, true, ""},
			{30 * time.Minute, true, fault.SAMLRequestExpired},
			{24*time.Hour + 30*time.Minute, true, fault.SAMLRequestExpired},
			{24*time.Hour + 30*time.Minute + time.Microsecond, false, fault.SAMLRequestExpired},
			{24*time.Hour + 30*time.Minute + time.Microsecond, true, fault.SAMLRequestUnknown},
		} {
			req, _ := s.Start(t, "")
			p.Pass(c.after)
			if c.purge {
				if err := p.SSO.Purge(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := p.Consume(t, s.Answer(req.ID, s.user.Email)); parts.Code(err) != c.want {
				t.Errorf("after %v: %v, not %q", c.after, err, c.want)
			}
		}
	})
}

func TestARequestIsAnsweredOnceAndToItsOwnProfile(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Mode(t, saml.Refuse)
		req, _ := s.Start(t, "")
		if _, err := p.Consume(t, s.Answer(req.ID, s.user.Email)); err != nil {
			t.Fatal(err)
		}
		p.Pass(time.Second)
		_, err := p.Consume(t, s.Answer(req.ID, s.user.Email)) // another assertion
		s.refused(t, err, fault.SAMLReplayed)
		other := s.Organization.Profile(t)
		foreign, _ := other.Start(t, "")
		_, err = p.Consume(t, s.Answer(foreign.ID, s.user.Email))
		s.refused(t, err, fault.SAMLRequestUnknown)
	})
}

func TestModesOfAnAnswerToNoRequest(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		for _, requestID := range []string{"", "_dummy", "_" + strings.Repeat("a", 300)} {
			s.Mode(t, saml.Restart)
			out, err := p.Consume(t, s.Answer(requestID, s.user.Email))
			if err != nil || !out.Restart || out.Ticket != "" || out.ReturnTo != "" {
				t.Errorf("restart, %.10q: %+v, %v", requestID, out, err)
			}
			s.Mode(t, saml.Refuse)
			_, err = p.Consume(t, s.Answer(requestID, s.user.Email))
			if code := parts.Code(err); code != fault.SAMLIdPInitiatedRefused && code != fault.SAMLRequestUnknown {
				t.Errorf("refuse, %.10q: %v", requestID, err)
			}
		}
		s.Mode(t, saml.Accept)
		r := s.Answer("", s.user.Email)
		r.RelayState = "/account/security"
		out, err := p.Consume(t, r)
		if err != nil || out.Restart || out.Ticket == "" || out.BrowserToken == "" {
			t.Fatalf("accept: %+v, %v", out, err)
		}
		in, err := p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{out.BrowserToken}})
		if err != nil || in.ReturnTo != "/account/security" || !p.Live(t, in.SessionToken) {
			t.Errorf("%+v, %v", in, err)
		}
		p.Pass(time.Millisecond)
		_, err = p.Consume(t, r)
		s.refused(t, err, fault.SAMLReplayed)
		evil := s.Answer("", s.user.Email)
		evil.RelayState = "https://evil.test/"
		if out, err = p.Consume(t, evil); err != nil {
			t.Fatal(err)
		}
		if in, err = p.Finish(t, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{out.BrowserToken}}); err != nil || in.ReturnTo != "" {
			t.Errorf("a foreign RelayState: %+v, %v", in, err)
		}
	})
}

func TestARestartHappensOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		for relayState, returnTo := range map[string]string{
			"": "", "/account/security": "/account/security", "//evil.test": "", "https://evil.test": "", "anything": "",
			strings.Repeat("x", 1000): "", "\x00": "", "\xff\xfe": "", "ünï": "",
		} {
			r := s.Answer("", s.user.Email)
			r.RelayState = relayState
			out, err := p.Consume(t, r)
			if err != nil || !out.Restart || out.ReturnTo != returnTo {
				t.Errorf("%.20q: %+v, %v", relayState, out, err)
			}
		}
		// Its answer comes back as if there had been no request.
		for _, restarted := range []bool{false, true} {
			d, err := p.SSO.Start(t.Context(), sso.Start{ProfileID: s.ID, ReturnTo: "/x", Restarted: restarted})
			if err != nil {
				t.Fatal(err)
			}
			r := s.Answer("", s.user.Email)
			r.RelayState = d.RelayState
			out, err := p.Consume(t, r)
			if restarted {
				s.refused(t, err, fault.SAMLIdPInitiatedRefused)
			} else if err != nil || !out.Restart || out.ReturnTo != "/x" {
				t.Errorf("%+v, %v", out, err)
			}
		}
	})
}

// TestOneAssertionMakesOneTicket has thirty nodes take the same message at once,
// as an answer to a request and as one to none.
func TestOneAssertionMakesOneTicket(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Mode(t, saml.Accept)
		req, _ := s.Start(t, "")
		for name, r := range map[string]sso.Response{"answers a request": s.Answer(req.ID, s.user.Email), "answers none": s.Answer("", s.user.Email)} {
			before := p.Count(t, "select count(*) from sso_tickets")
			errs := make(chan error)
			for range 30 {
				go func() {
					_, err := p.SSO.Consume(t.Context(), access.Actor{}, r)
					errs <- err
				}()
			}
			got := map[fault.Code]int{}
			for range 30 {
				got[parts.Code(<-errs)]++
			}
			if want := (map[fault.Code]int{"": 1, fault.SAMLReplayed: 29}); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v", name, got)
			}
			if n := p.Count(t, "select count(*) from sso_tickets") - before; n != 1 {
				t.Errorf("%s: %d tickets", name, n)
			}
		}
	})
}

func TestWhatGuardsAgainstReplayIsKeptAnHourBeyondItsLastInstant(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Mode(t, saml.Accept)
		consumed := p.Now()
		if _, err := p.Consume(t, s.Answer("", s.user.Email)); err != nil {
			t.Fatal(err)
		}
		remembered := func() int {
			t.Helper()
			if err := p.SSO.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			return p.Count(t, "select count(*) from sso_assertions")
		}
		// Valid for five minutes, three more are forgiven.
		last := consumed.Add(8 * time.Minute)
		p.Pass(last.Add(time.Hour).Sub(p.Now()))
		if remembered() != 1 {
			t.Error("forgotten on the dot")
		}
		if p.Pass(time.Microsecond); remembered() != 0 {
			t.Error("remembered for ever")
		}
	})
}

func TestPurgeGoesOnToTheEnd(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Start(t, "")
		p.Update(t, operator, func(tx *db.Tx) error {
			for _, table := range []string{"sso_requests", "sso_assertions", "sso_tickets"} {
				if _, err := tx.Exec("delete from " + table); err != nil {
					return err
				}
			}
			_, err := tx.Exec(`with recursive n (i) as (select 1 union all select i + 1 from n where i < 1201)
				insert into sso_assertions (sso_profile_id, assertion_id, forget_at) select 'sso_1', 'a' || cast(i as text), 1 from n`)
			return err
		})
		if err := p.SSO.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from sso_assertions"); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}
