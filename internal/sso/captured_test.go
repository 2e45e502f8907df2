package sso_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// captured makes of an answer to a test what somebody sends who has captured
// another's encrypted assertion: its text was encrypted for us by another Identity
// Provider, the response around it is their own.
func captured(d *delegate, keys []sso.KeyView) func(*samltest.Response) {
	return func(r *samltest.Response) {
		r.Assertion.Issuer = samltest.Issuer{Value: "https://victim.example/metadata"}
		r.Assertion.NameID.Value = "captured@acme.test"
		r.Assertion.Attributes = []samltest.Attribute{{Name: "secret", Values: []string{"captured-attribute"}}}
		r.Confirmation().InResponseTo = "_captured-request"
		r.Confirmation().Recipient = "https://captured.example/acs"
		r.Assertion.Conditions.Audiences = [][]string{{"https://captured.example"}}
		r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{{Certificate: keys[0].Certificate}}}
		r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: d.IdP.Key}, nil
	}
}

// views are a test as whoever is no administrator sees it: at its end, later in
// the browser that started it, and at the pages of the setup link.
func (d *delegate) views(t *testing.T, edit func(*samltest.Response)) (testID string, list []sso.TestView) {
	t.Helper()
	d.Pass(time.Millisecond)
	test, err := d.SSO.TestSetup(t.Context(), from, d.key)
	if err != nil {
		t.Fatal(err)
	}
	req, browser := d.Open(t, test)
	out, err := d.Consume(t, d.Answer(req.ID, "user@acme.test", edit))
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range []func() (sso.TestView, error){
		func() (sso.TestView, error) {
			return d.SSO.FinishTest(t.Context(), from, out.Ticket, []string{browser})
		},
		func() (sso.TestView, error) { return d.SSO.TestSeenBy(t.Context(), from, test.ID, []string{browser}) },
		func() (sso.TestView, error) { return d.SSO.SetupTest(t.Context(), d.key, test.ID) },
	} {
		v, err := view()
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return test.ID, list
}

// TestACapturedAssertionIsNotReadByATest: what others have encrypted for us is
// told to nobody but administrators, whoever has signed around it.
func TestACapturedAssertionIsNotReadByATest(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		d.claim(t)
		d.enter(t, d.IdP)
		keys, err := p.SSO.Keys(t.Context(), parts.Operator(), d.Profile.ID)
		if err != nil {
			t.Fatal(err)
		}
		wrapped := captured(d, keys)
		for name, edit := range map[string]func(*samltest.Response){
			"an assertion":                        wrapped,
			"with the request's id around it":     func(r *samltest.Response) { wrapped(r); r.Confirmation().InResponseTo = "" },
			"of the draft's own entity id":        func(r *samltest.Response) { wrapped(r); r.Assertion.Issuer = samltest.Issuer{Value: d.IdP.EntityID} },
			"that names this request, of another": func(r *samltest.Response) { wrapped(r); r.Confirmation().InResponseTo = r.InResponseTo },
			"that holds for us, and answers none": func(r *samltest.Response) {
				good := *r.Assertion
				wrapped(r)
				r.Assertion.Issuer, r.Assertion.Conditions = good.Issuer, &samltest.Conditions{Audiences: [][]string{{p.SSO.URLs(d.Profile.ID).EntityID}}}
				r.Confirmation().InResponseTo, r.Confirmation().Recipient = "", p.SSO.URLs(d.Profile.ID).ACS
			},
			"a NameID in an assertion of theirs": func(r *samltest.Response) {
				r.Assertion.NameID.Value = "captured@acme.test"
				r.NameIDEncryption = &samltest.Encryption{For: []*samltest.Key{{Certificate: keys[0].Certificate}}}
			},
			"no address in a NameID": func(r *samltest.Response) {
				r.Assertion.NameID.Value = "captured-name"
				r.NameIDEncryption = &samltest.Encryption{For: []*samltest.Key{{Certificate: keys[0].Certificate}}}
			},
			"something else": func(r *samltest.Response) {
				wrapped(r)
				r.AssertionEncryption.EditText = func(string) string { return "<captured>captured</captured>" }
			},
		} {
			t.Run(name, func(t *testing.T) {
				testID, list := d.views(t, edit)
				for i, v := range list {
					if text := fmt.Sprintf("%+v", v); strings.Contains(text, "captured") {
						t.Errorf("%d: it is told: %s", i, text)
					}
					if !v.Withheld || len(v.Checks) < 20 || v.Email != "" || v.Attributes != nil || v.UserID != "" {
						t.Errorf("%d: %+v", i, v)
					}
				}
				if v := p.Found(t, testID); v.Withheld || !strings.Contains(fmt.Sprintf("%+v", v), "captured") || v.Status != list[0].Status || v.Code != list[0].Code {
					t.Errorf("an administrator sees %+v", v)
				}
			})
		}
		// The administrator sees all of it in the browser that started the test, too.
		d.Pass(time.Millisecond)
		test, req, browser := d.Try(t, true)
		out, err := p.Consume(t, d.Answer(req.ID, "user@acme.test", wrapped))
		if err != nil {
			t.Fatal(err)
		}
		if v, err := p.SSO.FinishTest(t.Context(), from, out.Ticket, []string{browser}); err != nil || !v.Withheld {
			t.Errorf("whoever uses a start URL sees %+v, %v", v, err)
		}
		if v, err := p.SSO.TestSeenBy(t.Context(), d.actor(), test.ID, []string{browser}); err != nil || v.Withheld || !strings.Contains(fmt.Sprintf("%+v", v), "captured@acme.test") {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestAnEncryptedAnswerToTheTestIsShown, to whoever started it.
func TestAnEncryptedAnswerToTheTestIsShown(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		d.claim(t)
		d.enter(t, d.IdP)
		keys, err := p.SSO.Keys(t.Context(), parts.Operator(), d.Profile.ID)
		if err != nil {
			t.Fatal(err)
		}
		_, list := d.views(t, func(r *samltest.Response) {
			r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{{Certificate: keys[0].Certificate}}}
		})
		for _, v := range list {
			if v.Status != sso.TestPassed || v.Withheld || v.Email != "user@acme.test" || len(v.Attributes) != 2 {
				t.Errorf("%+v", v)
			}
			if c := check(t, v, "nameid_email"); c.Status != saml.Passed || c.Found != "user@acme.test" {
				t.Errorf("%+v", c)
			}
		}
		stranger := access.Actor{Kind: access.KindUser, ID: d.user.ID, OrganizationID: d.Organization.ID, Role: access.RoleMember}
		_, list = d.views(t, captured(d, keys))
		if v, err := p.SSO.TestSeenBy(t.Context(), stranger, list[0].ID, nil); err == nil {
			t.Errorf("%+v", v)
		}
	})
}
