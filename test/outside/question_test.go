package outside

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

// two are two users of one organization, at an enforced domain, and a third
// one with a password.
type two struct {
	*harness.Profile
	a, b, other       string
	aID, bID, otherID string
}

func newTwo(t *testing.T, s *harness.Server, options harness.Object) two {
	t.Helper()
	p, a, aID := harness.Enforced(t, s, options)
	u := two{Profile: p, a: a, aID: aID, b: p.Address("second"), other: p.Address("third")}
	u.bID, u.otherID = p.AddUser(t, u.b), p.AddUser(t, u.other)
	setSSO(t, s, u.otherID, "disabled", "")
	return u
}

// asked fails unless the answer is the page that asks whether to continue as
// somebody else, naming both.
func asked(t *testing.T, a harness.Answer, now, next string) harness.Answer {
	t.Helper()
	if a.Status != http.StatusOK || !strings.Contains(a.Body, now) || !strings.Contains(a.Body, next) || !strings.Contains(a.Body, `action="/login/continue"`) {
		t.Fatalf("%d %s is no question that names %s and %s:\n%s", a.Status, a.Code, now, next, a.Body)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if strings.HasSuffix(c.Name, "sallyport_session") {
			t.Errorf("the question sets %v", c)
		}
	}
	return a
}

// answer sends the form of the question as the page has it.
func answer(t *testing.T, b *harness.Browser, question harness.Answer, yes bool) harness.Answer {
	t.Helper()
	form := question.Form(t)
	if form.Set("answer", "no"); yes {
		form.Set("answer", "yes")
	}
	return b.Post(t, "/login/continue", form)
}

// cookie returns the value of the browser's session cookie.
func cookie(t *testing.T, b *harness.Browser) string {
	t.Helper()
	for _, c := range b.Cookies(t) {
		if c.Name == "sallyport_session" {
			return c.Value
		}
	}
	return ""
}

// whose returns who is signed in with a session cookie; empty for nobody.
func whose(t *testing.T, s *harness.Server, value string) any {
	t.Helper()
	b := s.NewBrowser(t)
	b.SetCookie(t, "sallyport_session", value)
	if who := b.Identity(t); who != nil {
		return who["email"]
	}
	return ""
}

// Every way in in which somebody else may be signed in already.
func TestASignInNeverSilentlyReplacesAnotherUsersSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		accepting := u.NewProfile(t, harness.Object{"idp_initiated": "accept"})
		pilot := u.Address("pilot")
		setSSO(t, s, u.AddUser(t, pilot), "enabled", accepting.ID)
		for name, way := range map[string]struct {
			next, method string
			in           func(b *harness.Browser) harness.Answer
		}{
			"started here": {u.b, "sso", func(b *harness.Browser) harness.Answer { return b.SSO(t, u.Profile, u.b, "/account/security") }},
			"by the link":  {u.b, "sso", func(b *harness.Browser) harness.Answer { return b.StartSSO(t, u.Profile, u.b, "/account/security") }},
			"by a tile that restarts": {u.b, "sso", func(b *harness.Browser) harness.Answer {
				a := b.Deliver(t, u.Profile, u.Response(u.b, ""), "/account/security")
				req := b.Get(t, a.Location).Request(t)
				a = b.Deliver(t, u.Profile, u.Response(u.b, req.ID), req.RelayState)
				return b.Get(t, a.Location)
			}},
			"by a tile that is accepted": {pilot, "sso", func(b *harness.Browser) harness.Answer {
				return b.Get(t, b.Deliver(t, accepting, accepting.Response(pilot, ""), "/account/security").Location)
			}},
			"by a password": {u.other, "password", func(b *harness.Browser) harness.Answer {
				return b.Post(t, "/login/password", url.Values{"email": {u.other}, "password": {harness.Password}, "return_to": {"/account/security"}})
			}},
		} {
			for _, yes := range []bool{true, false} {
				b := s.NewBrowser(t)
				b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
				before := cookie(t, b)
				question := asked(t, way.in(b), u.a, way.next)
				b.SignedIn(t, u.a, "sso")
				a := answer(t, b, question, yes)
				if !yes {
					a.Redirected(t, "/")
					b.SignedIn(t, u.a, "sso")
					if cookie(t, b) != before {
						t.Errorf("%s: No changed the session", name)
					}
					continue
				}
				a.Redirected(t, "/account/security")
				b.SignedIn(t, way.next, way.method)
				if who := whose(t, s, before); who != "" {
					t.Errorf("%s: after Yes the session before is still %v's", name, who)
				}
				// Once.
				answer(t, b, question, true).Refused(t, 410, "link_used")
				b.SignedIn(t, way.next, way.method)
			}
		}
	})
}

func TestTheQuestionIsBoundToItsBrowserAndToAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
		question := asked(t, b.SSO(t, u.Profile, u.b, ""), u.a, u.b)

		stranger := s.NewBrowser(t)
		stranger.Get(t, "/saml/"+u.Profile.ID+"/start")
		answer(t, stranger, question, true).Refused(t, 410, "link_expired")
		stranger.SignedIn(t, "", "")
		// With the session of the first user, but not from that browser.
		thief := s.NewBrowser(t)
		thief.SetCookie(t, "sallyport_session", cookie(t, b))
		answer(t, thief, question, true).Refused(t, 410, "link_expired")
		thief.SignedIn(t, u.a, "sso")
		b.Post(t, "/login/initial-password", url.Values{"page": {question.Field(t, "page")}, "password": {newPassword}}).Refused(t, 410, "link_expired")

		s.Exec(t, "update arrivals set expires_at = $1 where user_id = $2", time.Now().Add(14*time.Minute), u.bID)
		if n := s.Count(t, "select count(*) from arrivals where user_id = $1 and used_at is null", u.bID); n != 1 {
			t.Fatalf("%d questions are open, not 1", n)
		}
		s.Exec(t, "update arrivals set expires_at = $1 where user_id = $2", time.Now().Add(-time.Millisecond), u.bID)
		answer(t, b, question, true).Refused(t, 410, "link_expired")
		b.SignedIn(t, u.a, "sso")
	})
}

func TestThePolicyIsAskedAgainWhenTheQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		for name, c := range map[string]struct {
			meanwhile func(u two)
			code      string
		}{
			"deactivated": {func(u two) { s.OK(t, "PATCH", "/users/"+u.bID, harness.Object{"status": "deactivated"}) }, "user_deactivated"},
			"exempt":      {func(u two) { setSSO(t, s, u.bID, "disabled", "") }, "sso_not_enabled_for_user"},
			"moved": {func(u two) {
				setSSO(t, s, u.bID, "enabled", u.NewProfile(t, nil).ID)
			}, "sso_profile_mismatch"},
			"removed": {func(u two) { s.OK(t, "DELETE", "/users/"+u.bID, nil) }, "sso_not_enabled_for_user"},
		} {
			u := newTwo(t, s, nil)
			b := s.NewBrowser(t)
			b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
			question := asked(t, b.SSO(t, u.Profile, u.b, ""), u.a, u.b)
			c.meanwhile(u)
			a := answer(t, b, question, true)
			if a.Status != 403 || a.Code != c.code {
				t.Errorf("%s: %d %s, not %s", name, a.Status, a.Code, c.code)
			}
			b.SignedIn(t, u.a, "sso")
			if name != "removed" {
				u.Recorded(t, a)
			}
		}
		// And for a password.
		u := newTwo(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
		question := asked(t, b.Password(t, u.other, harness.Password), u.a, u.other)
		setSSO(t, s, u.otherID, "inherit", "")
		u.Recorded(t, answer(t, b, question, true).Refused(t, 403, "sso_required"))
		b.SignedIn(t, u.a, "sso")
	})
}

func TestTheQuestionIsAskedAgainWhereAThirdUserHasSignedInMeanwhile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
		question := asked(t, b.SSO(t, u.Profile, u.b, "/account/security"), u.a, u.b)
		// In another tab, somebody takes the first user's place.
		b.Post(t, "/logout", nil).Redirected(t, "/login")
		b.Password(t, u.other, harness.Password).Redirected(t, "/")
		question = asked(t, answer(t, b, question, true), u.other, u.b)
		b.SignedIn(t, u.other, "password")
		answer(t, b, question, true).Redirected(t, "/account/security")
		b.SignedIn(t, u.b, "sso")
	})
}

func TestTheQuestionCanBeAnsweredAfterTheFirstUserIsGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
		question := asked(t, b.SSO(t, u.Profile, u.b, ""), u.a, u.b)
		s.OK(t, "DELETE", "/users/"+u.aID+"/sessions", nil)
		answer(t, b, question, true).Redirected(t, "/")
		b.SignedIn(t, u.b, "sso")
	})
}

func TestAnInvitedUserIsAskedBothQuestions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		invited := u.Address("new")
		u.Invite(t, invited)
		b := s.NewBrowser(t)
		b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
		page := b.SSO(t, u.Profile, invited, "/account/security")
		b.SignedIn(t, u.a, "sso")
		question := asked(t, setInitial(t, b, page.Field(t, "page"), newPassword), u.a, invited)
		b.SignedIn(t, u.a, "sso")
		answer(t, b, question, true).Redirected(t, "/account/security")
		b.SignedIn(t, invited, "sso")
	})
}

func TestTheSameUserSigningInAgainGetsANewSessionAndTheOldOneEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		for name, way := range map[string]struct {
			user, id string
			in       func(b *harness.Browser) harness.Answer
		}{
			"sso":      {u.a, u.aID, func(b *harness.Browser) harness.Answer { return b.SSO(t, u.Profile, u.a, "") }},
			"password": {u.other, u.otherID, func(b *harness.Browser) harness.Answer { return b.Password(t, u.other, harness.Password) }},
		} {
			b, elsewhere := s.NewBrowser(t), s.NewBrowser(t)
			way.in(b).Redirected(t, "/")
			way.in(elsewhere).Redirected(t, "/")
			before := cookie(t, b)
			way.in(b).Redirected(t, "/")
			if after := cookie(t, b); after == before || after == "" {
				t.Errorf("%s: the cookie stays %q", name, after)
			}
			if who := whose(t, s, before); who != "" {
				t.Errorf("%s: the old session is still %v's", name, who)
			}
			elsewhere.SignedIn(t, way.user, name)
			if n := len(s.Sessions(t, way.id)); n != 2 {
				t.Errorf("%s: %d sessions, not 2", name, n)
			}
		}
	})
}
