package sso_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// turnedAway is the reference of a response that is refused with a code.
func (s *scene) turnedAway(t *testing.T, r sso.Response, code fault.Code) string {
	t.Helper()
	_, err := s.Consume(t, r)
	var refusal *signin.Refusal
	if !errors.As(err, &refusal) || refusal.Fault.Code != code {
		t.Fatalf("%v, not a refusal with %s", err, code)
	}
	return refusal.Reference
}

// replayed is with which code a recorded message would be refused now.
func (s *scene) replayed(t *testing.T, attemptID string) fault.Code {
	t.Helper()
	r, err := s.SSO.Replay(t.Context(), parts.Operator(), attemptID)
	if err != nil {
		t.Fatal(err)
	}
	if (r.Code == "") != (r.Status == saml.Passed) || r.Code == "" && r.UserID == "" || len(r.Checks) == 0 {
		t.Errorf("%+v", r)
	}
	return r.Code
}

// TestAReplayFollowsTheRepair refuses a message for each setting that can be
// wrong, and replays it before and after the setting is repaired.
func TestAReplayFollowsTheRepair(t *testing.T) {
	option := func(set func(*sso.OptionsInput)) func(*testing.T, *scene) {
		return func(t *testing.T, s *scene) {
			o := &sso.OptionsInput{}
			set(o)
			s.Set(t, sso.Input{Options: o})
		}
	}
	yes, no, refuse, accept, restart, seconds := true, false, saml.Refuse, saml.Accept, saml.Restart, 0
	metadata := func(t *testing.T, s *scene, idp *samltest.IdP) {
		t.Helper()
		s.Set(t, *ptr(parts.Known(idp)))
	}
	for _, c := range []struct {
		code          fault.Code
		spoil, repair func(*testing.T, *scene)
		edit          func(*samltest.Response)
		unasked       bool
	}{
		{fault.SAMLSignatureMissing, option(func(o *sso.OptionsInput) { o.RequireSignedResponse = &yes }), option(func(o *sso.OptionsInput) { o.RequireSignedResponse = &no }),
			func(r *samltest.Response) { r.ResponseSigning = nil }, false},
		{fault.SAMLSignatureAlgorithm, nil, option(func(o *sso.OptionsInput) { o.AllowSHA1 = &yes }), func(r *samltest.Response) {
			for _, g := range []*samltest.Signing{r.ResponseSigning, r.AssertionSigning} {
				g.Method, g.Digest = rsaSHA1, sha1
			}
		}, false},
		{fault.SAMLNotYetValid, option(func(o *sso.OptionsInput) { o.ClockToleranceSeconds = &seconds }),
			option(func(o *sso.OptionsInput) { o.ClockToleranceSeconds = ptr(120) }),
			func(r *samltest.Response) {
				r.Assertion.Conditions.NotBefore = samltest.Now().Add(time.Minute).UTC().Format(time.RFC3339)
			}, false},
		{fault.SAMLCertificateUnknown, func(t *testing.T, s *scene) {
			other := samltest.NewIdP()
			other.Key = samltest.NamedKey(samltest.EC256)
			metadata(t, s, other)
		}, func(t *testing.T, s *scene) { metadata(t, s, s.IdP) }, nil, false},
		{fault.SAMLIssuerMismatch, func(t *testing.T, s *scene) {
			other := samltest.NewIdP()
			other.EntityID = "https://other.example/metadata"
			metadata(t, s, other)
		}, func(t *testing.T, s *scene) { metadata(t, s, s.IdP) }, nil, false},
		{fault.SAMLIdPInitiatedRefused, option(func(o *sso.OptionsInput) { o.IdPInitiated = &refuse }), option(func(o *sso.OptionsInput) { o.IdPInitiated = &accept }), nil, true},
		{fault.SAMLIdPInitiatedRefused, option(func(o *sso.OptionsInput) { o.IdPInitiated = &refuse }), option(func(o *sso.OptionsInput) { o.IdPInitiated = &restart }), nil, true},
		{fault.UserNotFound, func(t *testing.T, s *scene) {
			if err := s.Directory.RemoveUser(t.Context(), parts.Operator(), s.user.ID); err != nil {
				t.Fatal(err)
			}
		}, func(t *testing.T, s *scene) { s.User(t, s.user.Email, access.RoleMember) }, nil, false},
		{fault.UserDeactivated, func(t *testing.T, s *scene) { s.SetStatus(t, s.user.ID, access.UserDeactivated) },
			func(t *testing.T, s *scene) { s.SetStatus(t, s.user.ID, access.UserActive) }, nil, false},
		{fault.SSONotEnabledForUser, func(t *testing.T, s *scene) { s.SetSSO(t, s.user.ID, access.SSODisabled, "") },
			func(t *testing.T, s *scene) { s.SetSSO(t, s.user.ID, access.SSOInherit, "") }, nil, false},
		{fault.SSOProfileDisabled, func(t *testing.T, s *scene) { s.Release(t, s.domain); s.Set(t, sso.Input{State: ptr(sso.Disabled)}) },
			func(t *testing.T, s *scene) {
				s.Set(t, sso.Input{State: ptr(sso.Configured)})
				s.Test(t)
				s.Enforce(t, s.domain)
			}, nil, false},
		{fault.SAMLAudienceMismatch, nil, nil, func(r *samltest.Response) { r.Assertion.Conditions.Audiences = [][]string{{"https://other.example"}} }, false},
		{fault.SAMLXMLInvalid, nil, nil, func(r *samltest.Response) { r.AfterSigning = func(x string) string { return x[:len(x)-9] } }, false},
		{fault.SAMLStatusNotSuccess, nil, nil, func(r *samltest.Response) { r.Status.Code = "urn:oasis:names:tc:SAML:2.0:status:Responder" }, false},
		{fault.SAMLExpired, nil, nil, func(r *samltest.Response) { r.Assertion.Conditions.NotOnOrAfter = "2026-02-28T00:00:00Z" }, false},
		{fault.SAMLNameIDNotEmail, nil, nil, func(r *samltest.Response) { r.Assertion.NameID.Value = "user" }, false},
		{fault.DomainNotVerified, nil, nil, func(r *samltest.Response) { r.Assertion.NameID.Value = "user@other.test" }, false},
	} {
		t.Run(string(c.code), func(t *testing.T) {
			parts.Each(t, func(t *testing.T, p *parts.Parts) {
				s := newScene(t, p)
				req, _ := s.Start(t, "")
				if c.spoil != nil {
					c.spoil(t, s)
				}
				edits := []func(*samltest.Response){}
				if c.edit != nil {
					edits = append(edits, c.edit)
				}
				requestID := req.ID
				if c.unasked {
					requestID = ""
				}
				attempt := s.turnedAway(t, s.Answer(requestID, s.user.Email, edits...), c.code)
				p.Pass(3 * time.Hour) // as it was then
				before := p.Count(t, "select count(*) from sso_assertions")
				if got := s.replayed(t, attempt); got != c.code {
					t.Errorf("before the repair: %q", got)
				}
				if c.repair != nil {
					c.repair(t, s)
					if got := s.replayed(t, attempt); got != "" {
						t.Errorf("after the repair: %q", got)
					}
				}
				if n := p.Count(t, "select count(*) from sessions") + p.Count(t, "select count(*) from sso_tickets") +
					p.Count(t, "select count(*) from sso_assertions") - before; n != 0 {
					t.Errorf("a replay has left %d rows", n)
				}
			})
		})
	}
}

func TestWhatCanNotBeReplayed(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	refused := func(attemptID string, code fault.Code) {
		t.Helper()
		_, err := p.SSO.Replay(t.Context(), parts.Operator(), attemptID)
		parts.Refused(t, err, code)
	}
	refused("att_0000000000000000000000000c", fault.NotFound)
	refused("nonsense", fault.NotFound)
	_, err := p.SignIn.Password(t.Context(), access.Actor{}, signin.PasswordAttempt{Email: s.user.Email, Password: "wrong"})
	var refusal *signin.Refusal
	if !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	refused(refusal.Reference, fault.Conflict)
	large := s.turnedAway(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{strings.Repeat("!", 512<<10)}}, fault.SAMLBase64Invalid)
	refused(large, fault.Conflict)
	if code := s.replayed(t, s.turnedAway(t, sso.Response{ProfileID: s.ID, TooLarge: true}, fault.SAMLTooLarge)); code != fault.SAMLTooLarge {
		t.Error(code)
	}
	if code := s.replayed(t, s.turnedAway(t, sso.Response{ProfileID: s.ID}, fault.SAMLResponseMissing)); code != fault.SAMLResponseMissing {
		t.Error(code)
	}
	// The rules on requests and replays are left out.
	req, _ := s.Start(t, "")
	good := s.Answer(req.ID, s.user.Email)
	if _, err := s.Consume(t, good); err != nil {
		t.Fatal(err)
	}
	if code := s.replayed(t, s.turnedAway(t, good, fault.SAMLReplayed)); code != "" {
		t.Error(code)
	}
}
