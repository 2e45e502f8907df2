package outside

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// eventually waits until something holds, for so long at most.
func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: not %s", limit, what)
		}
	}
}

func TestADeactivatedUsersSessionsEndWithinASecondOnEveryNode(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		node := harness.Start(t, harness.Options{Like: s})
		p, user, id := harness.Enforced(t, s, nil)
		first, second := s.NewBrowser(t), s.NewBrowser(t)
		for _, b := range []*harness.Browser{first, second} {
			b.SSO(t, p, user, "").Redirected(t, "/")
			b.SignedIn(t, user, "sso")
			b.On(node).SignedIn(t, user, "sso")
		}
		ticket := s.NewBrowser(t)
		under := vouch(t, ticket, p, user) // on its way while the user is deactivated

		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
		for _, b := range []*harness.Browser{first, first.On(node), second.On(node), second} {
			eventually(t, time.Second, "signed out", func() bool { return b.Identity(t) == nil })
			b.Get(t, "/account/security").Redirected(t, "/login?return_to=%2Faccount%2Fsecurity")
		}
		p.Recorded(t, ticket.On(node).Get(t, under.Location).Refused(t, 403, "user_deactivated"))
		p.Recorded(t, vouch(t, s.NewBrowser(t), p, user).Refused(t, 403, "user_deactivated"))
		if n := len(s.Sessions(t, id)); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		// Reactivated, the old sessions stay ended.
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "active"})
		first.SignedIn(t, "", "")
		first.SSO(t, p, user, "").Redirected(t, "/")
		// Removal ends them, too.
		s.OK(t, "DELETE", "/users/"+id, nil)
		eventually(t, time.Second, "signed out", func() bool { return first.On(node).Identity(t) == nil })
	})
}

// A bad response, and the code that it is refused with.
type bad struct {
	name string
	edit func(r *samltest.Response)
	code string
}

func badResponses() []bad {
	long := 20 * time.Minute
	unsigned := func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = nil, nil }
	other := samltest.NamedKey(samltest.RSA2048Other)
	return []bad{
		{"expired", func(r *samltest.Response) {
			r.Assertion.Conditions.NotOnOrAfter = samltest.Instant(time.Now().Add(-long))
		}, "saml_expired"},
		{"expired confirmation", func(r *samltest.Response) {
			r.Confirmation().NotOnOrAfter = samltest.Instant(time.Now().Add(-long))
		}, "saml_expired"},
		{"issued a week ago", func(r *samltest.Response) {
			r.Assertion.IssueInstant = samltest.Instant(time.Now().AddDate(0, 0, -7))
		}, "saml_expired"},
		{"not yet valid", func(r *samltest.Response) {
			r.Assertion.Conditions.NotBefore = samltest.Instant(time.Now().Add(long))
		}, "saml_not_yet_valid"},
		{"issued tomorrow", func(r *samltest.Response) {
			r.Assertion.IssueInstant = samltest.Instant(time.Now().AddDate(0, 0, 1))
		}, "saml_not_yet_valid"},
		{"foreign audience", func(r *samltest.Response) {
			r.Assertion.Conditions.Audiences = [][]string{{"https://other.example/metadata"}}
		}, "saml_audience_mismatch"},
		{"two audience restrictions", func(r *samltest.Response) {
			r.Assertion.Conditions.Audiences = append(r.Assertion.Conditions.Audiences, []string{"https://other.example/metadata"})
		}, "saml_audience_mismatch"},
		{"no audience", func(r *samltest.Response) { r.Assertion.Conditions.Audiences = nil }, "saml_audience_mismatch"},
		{"foreign recipient", func(r *samltest.Response) {
			r.Confirmation().Recipient = "https://other.example/acs"
		}, "saml_recipient_mismatch"},
		{"foreign destination", func(r *samltest.Response) { r.Destination = "https://other.example/acs" }, "saml_destination_mismatch"},
		{"foreign issuer", func(r *samltest.Response) { r.Assertion.Issuer.Value = "https://other.example/metadata" }, "saml_issuer_mismatch"},
		{"foreign issuer of the response", func(r *samltest.Response) { r.Issuer.Value = "https://other.example/metadata" }, "saml_issuer_mismatch"},
		{"unsigned", unsigned, "saml_signature_missing"},
		{"signed with another key", func(r *samltest.Response) {
			r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: other}, &samltest.Signing{Key: other}
		}, "saml_certificate_unknown"},
		{"signed with another key that is not named", func(r *samltest.Response) {
			r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: other, NoKeyInfo: true}, &samltest.Signing{Key: other, NoKeyInfo: true}
		}, "saml_signature_invalid"},
		{"one of two signatures wrong", func(r *samltest.Response) {
			r.AssertionSigning = &samltest.Signing{Key: other, NoKeyInfo: true}
		}, "saml_signature_invalid"},
		{"changed after signing", func(r *samltest.Response) {
			email := r.Assertion.NameID.Value
			r.AfterSigning = func(x string) string { return strings.Replace(x, email, "x"+email, 1) }
		}, "saml_signature_invalid"},
		{"signed with SHA-1", func(r *samltest.Response) {
			sha1 := samltest.Signing{Key: r.ResponseSigning.Key, Method: "http://www.w3.org/2000/09/xmldsig#rsa-sha1", Digest: "http://www.w3.org/2000/09/xmldsig#sha1"}
			r.ResponseSigning, r.AssertionSigning = &sha1, nil
		}, "saml_signature_algorithm"},
		{"no success", func(r *samltest.Response) {
			r.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Requester", SubCode: "urn:oasis:names:tc:SAML:2.0:status:RequestDenied", Message: "<b>no</b>"}
		}, "saml_status_not_success"},
		{"no bearer", func(r *samltest.Response) {
			r.Confirmation().Method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
		}, "saml_subject_unconfirmed"},
		{"an unknown condition", func(r *samltest.Response) { r.Assertion.Conditions.More = `<saml:Condition/>` }, "saml_condition_unknown"},
		{"no authentication", func(r *samltest.Response) { r.Assertion.Statements = nil }, "saml_authn_missing"},
		{"a session that is over", func(r *samltest.Response) {
			r.Statement().SessionNotOnOrAfter = samltest.Instant(time.Now().Add(-long))
		}, "saml_session_expired"},
		{"another version", func(r *samltest.Response) { r.Version = "1.1" }, "saml_unsupported_message"},
		{"no assertion", func(r *samltest.Response) { r.Assertion, r.AssertionSigning = nil, nil }, "saml_unsupported_message"},
	}
}

func TestABadResponseIsRefusedWithItsCodeAndAReferenceInTheLog(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		for _, c := range badResponses() {
			b := s.NewBrowser(t)
			a := vouchWith(t, b, p, func(r *samltest.Response) {
				r.Assertion.NameID.Value = user
				c.edit(r)
			})
			if a.Status != 403 || a.Code != c.code {
				t.Errorf("%s: %d %s, not %s", c.name, a.Status, a.Code, c.code)
				continue
			}
			a.Refused(t, 403, c.code)
			p.Recorded(t, a)
			b.SignedIn(t, "", "")
			// What the Identity Provider wrote is not for the user.
			if strings.Contains(a.Body, "<b>no</b>") || strings.Contains(a.Body, "other.example") {
				t.Errorf("%s: the page holds what was sent:\n%s", c.name, a.Body)
			}
		}
	})
}

// TestAfterARefusalAnotherTryLeadsToThePageFirstAskedFor looks at refusals from
// before and after the assertion is believed.
func TestAfterARefusalAnotherTryLeadsToThePageFirstAskedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		const page, again = "/account/security", `href="/login?return_to=%2faccount%2fsecurity"`
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		deliver := func(edit func(r *samltest.Response)) harness.Answer {
			req := b.Depart(t, user, page)
			r := p.Response(user, req.ID)
			edit(r)
			return b.Deliver(t, p, r, req.RelayState)
		}
		unsigned := deliver(func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = nil, nil })
		unknown := deliver(func(r *samltest.Response) { r.Assertion.NameID.Value = p.Address("stranger") })
		finish := deliver(func(*samltest.Response) {}).Location
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
		meanwhile := b.Get(t, finish).Refused(t, 403, "user_deactivated")
		for name, a := range map[string]harness.Answer{"unsigned": unsigned, "unknown": unknown} {
			if a.Status != 403 || !strings.Contains(a.Body, again) {
				t.Errorf("%s: %d %s\n%s", name, a.Status, a.Code, a.Body)
			}
		}
		if strings.Contains(meanwhile.Body, "Try again") {
			t.Errorf("another try changes nothing:\n%s", meanwhile.Body)
		}
		// A RelayState that is none of ours leads nowhere.
		a := b.DeliverEncoded(t, p, "", page).Refused(t, 403, "saml_response_missing")
		if strings.Contains(a.Body, "return_to") {
			t.Error(a.Body)
		}
	})
}

func TestEveryPublishedAttackIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "refuse"})
		now := time.Now()
		for _, attack := range samltest.Attacks() {
			b := s.NewBrowser(t)
			req := b.Get(t, "/saml/"+p.ID+"/start").Request(t)
			message := attack.Message(samltest.Scene{IdP: p.IdP, SP: p.SP, RequestID: req.ID, Now: now})
			a := b.DeliverEncoded(t, p, samltest.Encode(message), req.RelayState)
			if a.Status != 403 || a.Code != string(attack.Code) {
				t.Errorf("%s: %d %s, not %s", attack.Name, a.Status, a.Code, attack.Code)
			}
			b.SignedIn(t, "", "")
		}
	})
}

func TestAReplayedAssertionIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		req := b.Depart(t, user, "")
		r := p.Response(user, req.ID)
		b.Get(t, b.Deliver(t, p, r, req.RelayState).Location).Redirected(t, "/")
		for _, again := range []*harness.Browser{b, s.NewBrowser(t)} {
			p.Recorded(t, again.Deliver(t, p, r, req.RelayState).Refused(t, 403, "saml_replayed"))
		}
		// Another assertion for the request that was answered.
		p.Recorded(t, b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Refused(t, 403, "saml_replayed"))
		// The same assertion in another response, for another request.
		next := b.Get(t, "/saml/"+p.ID+"/start").Request(t)
		same := p.Response(user, next.ID)
		same.Assertion.ID = r.Assertion.ID
		p.Recorded(t, b.Deliver(t, p, same, "").Refused(t, 403, "saml_replayed"))
		if n := len(s.Sessions(t, id)); n != 1 {
			t.Errorf("%d sessions, not 1", n)
		}
	})
}

func TestAReplayedTileIsRefusedInTheModeAcceptAndHarmlessInTheModeRestart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
		b := s.NewBrowser(t)
		r := p.Response(user, "")
		b.Get(t, b.Deliver(t, p, r, "").Location).Redirected(t, "/")
		p.Recorded(t, s.NewBrowser(t).Deliver(t, p, r, "").Refused(t, 403, "saml_replayed"))
		// What was used once counts no more after the mode was changed there and back.
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"options": harness.Object{"idp_initiated": "restart"}})
		thief := s.NewBrowser(t)
		thief.Get(t, thief.Deliver(t, p, r, "").Location).Request(t)
		thief.SignedIn(t, "", "")
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"options": harness.Object{"idp_initiated": "accept"}})
		p.Recorded(t, thief.Deliver(t, p, r, "").Refused(t, 403, "saml_replayed"))
		if n := len(s.Sessions(t, id)); n != 1 {
			t.Errorf("%d sessions, not 1", n)
		}
	})
}

func TestAnAssertionThatWasRefusedOnceIsNotAcceptedLater(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
		b := s.NewBrowser(t)
		r := p.Response(user, "")
		b.Deliver(t, p, r, "").Refused(t, 403, "user_deactivated")
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "active"})
		b.Deliver(t, p, r, "").Refused(t, 403, "saml_replayed")
		b.SignedIn(t, "", "")
	})
}

func TestAResponseToAnotherBrowsersRequestSignsNobodyIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		mine, theirs := s.NewBrowser(t), s.NewBrowser(t)
		req := mine.Depart(t, user, "")
		theirs.Depart(t, user, "") // has a flow of its own
		a := theirs.Deliver(t, p, p.Response(user, req.ID), req.RelayState)
		refused := theirs.Get(t, a.Location).Refused(t, 403, "saml_request_unknown")
		p.Recorded(t, refused)
		theirs.SignedIn(t, "", "")
		// The browser in which it started can finish.
		mine.Get(t, a.Location).Redirected(t, "/")
		mine.SignedIn(t, user, "sso")
	})
}

func TestARequestIsPendingForHalfAnHour(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		for _, mode := range []string{"restart", "accept", "refuse"} {
			p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": mode})
			b := s.NewBrowser(t)
			late, early := b.Depart(t, user, ""), b.Depart(t, user, "")
			age := func(id string, age time.Duration) {
				if s.Exec(t, "update sso_requests set created_at = $1 where id = $2", time.Now().Add(-age), id) != 1 {
					t.Fatal("the request is not kept")
				}
			}
			age(late.ID, 31*time.Minute)
			age(early.ID, 29*time.Minute)
			p.Recorded(t, b.Deliver(t, p, p.Response(user, late.ID), late.RelayState).Refused(t, 403, "saml_request_expired"))
			b.SignedIn(t, "", "")
			b.Get(t, b.Deliver(t, p, p.Response(user, early.ID), early.RelayState).Location).Redirected(t, "/")
			b.SignedIn(t, user, "sso")
		}
	})
}

func TestATicketLivesForAMinute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		a := vouch(t, b, p, user)
		if s.Count(t, "select count(*) from sso_tickets where user_id = $1 and expires_at > $2 and expires_at < $3", id,
			time.Now().Add(50*time.Second), time.Now().Add(61*time.Second)) != 1 {
			t.Error("the ticket does not live for 60 seconds")
		}
		s.Exec(t, "update sso_tickets set expires_at = $1 where user_id = $2", time.Now().Add(-time.Millisecond), id)
		p.Recorded(t, b.Get(t, a.Location).Refused(t, 403, "saml_request_expired"))
		b.SignedIn(t, "", "")
	})
}

func TestAnAnswerToAnotherProfilesRequestIsUnknown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "refuse"})
		other := p.NewProfile(t, nil)
		b := s.NewBrowser(t)
		req := b.Get(t, "/saml/"+other.ID+"/start").Request(t)
		p.Recorded(t, b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Refused(t, 403, "saml_request_unknown"))
		b.SignedIn(t, "", "")
	})
}

func TestTheACSTakesItsMessageFromTheBodyAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
		b := s.NewBrowser(t)
		message := url.Values{"SAMLResponse": {p.Response(user, "").Encode()}}.Encode()
		b.PostForeign(t, p.ACSPath()+"?"+message, url.Values{}).Refused(t, 403, "saml_response_missing")
		b.PostForeign(t, p.ACSPath()+"?"+message, url.Values{"RelayState": {"x"}}).Refused(t, 403, "saml_response_missing")
		b.Get(t, p.ACSPath()+"?"+message).Refused(t, 404, "not_found")
		b.SignedIn(t, "", "")
		// One in the query changes nothing about the one in the body.
		a := b.PostForeign(t, p.ACSPath()+"?SAMLResponse=x&RelayState=%2Felsewhere", url.Values{"SAMLResponse": {p.Response(user, "").Encode()}})
		b.Get(t, a.Location).Redirected(t, "/")
		b.SignedIn(t, user, "sso")
	})
}
