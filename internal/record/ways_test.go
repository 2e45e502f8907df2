package record_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// anywhere is a browser of nobody.
var anywhere = access.Actor{Address: "192.0.2.9", Agent: "Browser"}

// TestEveryWayInLeavesARecord tries each way to sign in to a bad end, and reads
// what the record says of it.
func TestEveryWayInLeavesARecord(t *testing.T) {
	type want struct {
		code    fault.Code
		check   string // that fails
		method  access.Method
		nobodys bool // the operator's alone
		fields  int
	}
	password := func(t *testing.T, s *scene, email, plain string, current *signin.Identity) (signin.Outcome, error) {
		return s.SignIn.Password(t.Context(), anywhere, signin.PasswordAttempt{Email: email, Password: plain, Current: current})
	}
	post := func(t *testing.T, s *scene, in sso.Response) error {
		_, err := s.SSO.Consume(t.Context(), anywhere, in)
		return err
	}
	// other is somebody who keeps a password, behind the question whether to go on.
	question := func(t *testing.T, s *scene) signin.Outcome {
		t.Helper()
		s.Domain(t, "free.test")
		other := s.User(t, "other@free.test", access.RoleMember)
		out, err := password(t, s, other.Email, parts.Password, &signin.Identity{User: directory.User{ID: s.user.ID}})
		if err != nil || out.Page != signin.PageContinue {
			t.Fatal(out.Page, err)
		}
		return out
	}
	answer := func(out signin.Outcome) signin.Answer {
		return signin.Answer{PageToken: out.PageToken, BrowserTokens: []string{out.BrowserToken}}
	}
	for name, c := range map[string]struct {
		want
		try func(t *testing.T, s *scene) error
	}{
		"no field": {want{code: fault.SAMLResponseMissing, check: "response"},
			func(t *testing.T, s *scene) error { return post(t, s, sso.Response{ProfileID: s.ID}) }},
		"two fields": {want{code: fault.SAMLResponseMissing, check: "response", fields: 2},
			func(t *testing.T, s *scene) error {
				return post(t, s, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"eA==", "eA=="}})
			}},
		"too large": {want{code: fault.SAMLTooLarge, check: "size"},
			func(t *testing.T, s *scene) error { return post(t, s, sso.Response{ProfileID: s.ID, TooLarge: true}) }},
		"no profile": {want{code: fault.NotFound, check: record.CheckProfile, nobodys: true, fields: 1},
			func(t *testing.T, s *scene) error {
				return post(t, s, sso.Response{ProfileID: "sso_none", SAMLResponse: []string{"eA=="}})
			}},
		"a status of the Identity Provider": {want{code: fault.SAMLStatusNotSuccess, check: "status", fields: 1},
			func(t *testing.T, s *scene) error {
				req, _ := s.Start(t, "")
				return post(t, s, s.Answer(req.ID, s.user.Email, func(r *samltest.Response) {
					r.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Responder"}
				}))
			}},
		"a disabled profile": {want{code: fault.SSOProfileDisabled, check: record.CheckProfile, fields: 1},
			func(t *testing.T, s *scene) error {
				s.Exec(t, "update sso_profiles set disabled = true where id = $1", s.ID)
				return post(t, s, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"eA=="}})
			}},
		"the start of a disabled profile": {want{code: fault.SSOProfileDisabled, check: record.CheckProfile},
			func(t *testing.T, s *scene) error {
				s.Exec(t, "update sso_profiles set disabled = true where id = $1", s.ID)
				in := sso.Start{ProfileID: s.ID}
				_, err := s.SSO.Start(t.Context(), in)
				return s.SSO.RefuseStart(t.Context(), anywhere, in, err)
			}},
		"one restart too many": {want{code: fault.SAMLIdPInitiatedRefused, check: "request"},
			func(t *testing.T, s *scene) error {
				return s.SSO.RefuseStart(t.Context(), anywhere, sso.Start{ProfileID: s.ID, Restarted: true}, fault.New(fault.SAMLIdPInitiatedRefused, ""))
			}},
		"a user whom nobody knows": {want{code: fault.UserNotFound, check: record.CheckUser, fields: 1},
			func(t *testing.T, s *scene) error {
				req, _ := s.Start(t, "")
				return post(t, s, s.Answer(req.ID, "nobody@acme.test"))
			}},
		"a ticket of nobody": {want{code: fault.SAMLRequestUnknown, check: record.CheckBrowser, nobodys: true},
			func(t *testing.T, s *scene) error {
				_, err := s.SSO.Finish(t.Context(), anywhere, sso.Finish{Ticket: "x"})
				return err
			}},
		"a wrong password": {want{code: fault.CredentialsInvalid, check: record.CheckPassword, method: access.MethodPassword},
			func(t *testing.T, s *scene) error { _, err := password(t, s, s.user.Email, "wrong", nil); return err }},
		"a password of nobody": {want{code: fault.CredentialsInvalid, check: record.CheckPassword, method: access.MethodPassword, nobodys: true},
			func(t *testing.T, s *scene) error { _, err := password(t, s, "a@b.test", "wrong", nil); return err }},
		"a question answered elsewhere": {want{code: fault.LinkExpired, check: record.CheckLink, method: access.MethodPassword},
			func(t *testing.T, s *scene) error {
				in := answer(question(t, s))
				in.BrowserTokens = nil
				_, err := s.SignIn.Continue(t.Context(), anywhere, in)
				return err
			}},
		"a question answered late": {want{code: fault.LinkExpired, check: record.CheckLink, method: access.MethodPassword},
			func(t *testing.T, s *scene) error {
				out := question(t, s)
				s.Pass(time.Hour)
				_, err := s.SignIn.Continue(t.Context(), anywhere, answer(out))
				return err
			}},
		"a question answered twice": {want{code: fault.LinkUsed, check: record.CheckLink, method: access.MethodPassword},
			func(t *testing.T, s *scene) error {
				out := question(t, s)
				if _, err := s.SignIn.Continue(t.Context(), anywhere, answer(out)); err != nil {
					t.Fatal(err)
				}
				_, err := s.SignIn.Continue(t.Context(), anywhere, answer(out))
				return err
			}},
		"a recovery link of nobody": {want{code: fault.LinkExpired, check: record.CheckLink, method: access.MethodRecovery, nobodys: true},
			func(t *testing.T, s *scene) error {
				_, err := s.SignIn.UseRecovery(t.Context(), anywhere, "x", nil)
				return err
			}},
		"too many recovery codes": {want{code: fault.RateLimited, check: record.CheckRate, method: access.MethodRecovery},
			func(t *testing.T, s *scene) (err error) {
				for range 6 {
					err = s.SignIn.Recover(t.Context(), anywhere, "owner@acme.test", "code")
				}
				return err
			}},
	} {
		t.Run(name, func(t *testing.T) {
			parts.Each(t, func(t *testing.T, p *parts.Parts) {
				s := newScene(t, p)
				if c.method == "" {
					c.method = access.MethodSSO
				}
				r := get(t, p, reference(t, c.try(t, s), c.code))
				organization := s.Organization.ID
				if c.nobodys {
					organization = ""
				}
				if r.Outcome != record.Refused || r.Code != c.code || r.Method != c.method || r.OrganizationID != organization || r.Address != anywhere.Address || r.Agent != anywhere.Agent ||
					r.Message.Fields != c.fields {
					t.Errorf("%+v, %d fields", r.Attempt, r.Message.Fields)
				}
				check(t, r.Checks, c.check, saml.Failed)
			})
		})
	}
}

// TestWhatAQuestionStandsBeforeIsPendingUntilItIsAnswered signs in with a password
// where somebody else is signed in.
func TestWhatAQuestionStandsBeforeIsPendingUntilItIsAnswered(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Domain(t, "free.test")
		other := s.User(t, "other@free.test", access.RoleMember)
		out, err := p.SignIn.Password(t.Context(), anywhere, signin.PasswordAttempt{Email: other.Email, Password: parts.Password,
			Current: &signin.Identity{User: directory.User{ID: s.user.ID}}})
		if err != nil {
			t.Fatal(err)
		}
		found := s.list(t, record.Query{Who: other.ID})
		if len(found) != 1 || found[0].Outcome != record.Pending {
			t.Fatalf("%+v", found)
		}
		if _, err := p.SignIn.Continue(t.Context(), anywhere, signin.Answer{PageToken: out.PageToken, BrowserTokens: []string{out.BrowserToken}}); err != nil {
			t.Fatal(err)
		}
		if found = s.list(t, record.Query{Who: other.ID}); len(found) != 1 || found[0].Outcome != record.Succeeded {
			t.Fatalf("%+v", found)
		}
		check(t, get(t, p, found[0].ID).Checks, record.CheckPassword, saml.Passed)
	})
}
