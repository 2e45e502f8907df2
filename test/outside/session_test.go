package outside

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// age puts a user's sessions back in time: when they began, and when they were
// used last.
func age(t *testing.T, s *harness.Server, userID string, began, used time.Duration) {
	t.Helper()
	now := time.Now()
	s.Exec(t, "update sessions set created_at = $1 where user_id = $2", now.Add(-began), userID)
	s.Exec(t, "update session_activity set last_seen_at = $1 where session_id in (select id from sessions where user_id = $2)", now.Add(-used), userID)
}

func TestASessionEndsWhenItIsIdleOrOldAsTheOrganizationSays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		independent := "independent@free-" + p.Domain
		independentID := s.NewIndependentUser(t, independent)
		set := func(idle, most int) {
			s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"session_idle_minutes": idle, "session_max_minutes": most})
		}
		for _, c := range []struct {
			idle, most  int // zero: as it is by default
			began, used time.Duration
			over        bool
		}{
			{0, 0, time.Hour, 59 * time.Minute, false},
			{0, 0, 2 * time.Hour, 61 * time.Minute, true},
			{0, 0, 11*time.Hour + 59*time.Minute, time.Minute, false},
			{0, 0, 12*time.Hour + time.Minute, time.Minute, true},
			{5, 15, 14 * time.Minute, 4 * time.Minute, false},
			{5, 15, 14 * time.Minute, 6 * time.Minute, true},
			{5, 15, 16 * time.Minute, time.Minute, true},
			{1440, 43200, 29 * 24 * time.Hour, 23 * time.Hour, false},
			{1440, 43200, 31 * 24 * time.Hour, time.Minute, true},
			{1440, 43200, 29 * 24 * time.Hour, 25 * time.Hour, true},
		} {
			b := s.NewBrowser(t)
			b.SSO(t, p, user, "").Redirected(t, "/")
			if c.idle > 0 {
				set(c.idle, c.most) // counts for sessions that there are
			}
			age(t, s, id, c.began, c.used)
			b.Get(t, "/healthz") // nothing that asks who it is
			if who := b.Identity(t); (who == nil) != c.over {
				t.Errorf("%+v: the session is %v", c, who)
			}
			if c.over {
				b.Get(t, "/account/security").Redirected(t, "/login?return_to=%2Faccount%2Fsecurity")
				if n := len(s.Sessions(t, id)); n != 0 {
					t.Errorf("%+v: %d sessions are listed", c, n)
				}
			} else {
				// Its use was noted.
				age := s.Count(t, "select count(*) from session_activity where last_seen_at > $1 and session_id in (select id from sessions where user_id = $2)",
					time.Now().Add(-50*time.Second), id)
				if c.used > time.Minute && age != 1 {
					t.Errorf("%+v: the use of the session was not noted", c)
				}
			}
			s.OK(t, "DELETE", "/users/"+id+"/sessions", nil)
			set(60, 720)
		}
		// Users without an organization have the defaults.
		b := s.NewBrowser(t)
		b.Password(t, independent, harness.Password).Redirected(t, "/")
		age(t, s, independentID, time.Hour, 59*time.Minute)
		b.SignedIn(t, independent, "password")
		age(t, s, independentID, 2*time.Hour, 61*time.Minute)
		b.SignedIn(t, "", "")
	})
}

func TestTheIdentityProvidersBoundEndsTheSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		end := time.Now().Add(2 * time.Second).Truncate(time.Millisecond)
		b := s.NewBrowser(t)
		a := vouchWith(t, b, p, func(r *samltest.Response) {
			r.Assertion.NameID.Value = user
			r.Statement().SessionNotOnOrAfter = samltest.Instant(end)
		})
		b.Get(t, a.Location).Redirected(t, "/")
		who := b.Identity(t)
		expires, _ := time.Parse(time.RFC3339, who["expires_at"].(string))
		if !expires.Equal(end) {
			t.Errorf("the session ends at %v, not at %v", expires, end)
		}
		eventually(t, 5*time.Second, "signed out", func() bool { return b.Identity(t) == nil })
		if early := time.Until(end); early > 0 {
			t.Errorf("it ended %v early", early)
		}
	})
}

func TestASessionTellsWhoItIs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		start := time.Now()
		b.SSO(t, p, user, "").Redirected(t, "/")
		who := b.Identity(t)
		same(t, "/session", who, "email", "user_id", "name", "organization_id", "organization_role", "method", "sso_profile_id", "authenticated_at", "expires_at")
		if who["user_id"] != id || who["organization_id"] != p.Organization.ID || who["sso_profile_id"] != p.ID || who["organization_role"] != "member" {
			t.Errorf("the session is %v", who)
		}
		expires, err := time.Parse(time.RFC3339, who["expires_at"].(string))
		if err != nil || expires.Before(start.Add(59*time.Minute)) || expires.After(time.Now().Add(61*time.Minute)) {
			t.Errorf("it ends at %v", who["expires_at"])
		}
		independent := "independent@free-" + p.Domain
		s.NewIndependentUser(t, independent)
		b = s.NewBrowser(t)
		b.Password(t, independent, harness.Password).Redirected(t, "/")
		if who := b.Identity(t); who["organization_id"] != nil || who["organization_role"] != nil || who["sso_profile_id"] != nil || who["method"] != "password" {
			t.Errorf("the session of an independent user is %v", who)
		}
		a := s.NewBrowser(t).Get(t, "/session")
		if a.Status != 401 || a.Code != "unauthenticated" || a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("nobody's session: %d %s %v", a.Status, a.Code, a.Header)
		}
	})
}

func TestUsersSeeAndEndTheirOwnSessionsOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		here, there, other := s.NewBrowser(t), s.NewBrowser(t), s.NewBrowser(t)
		here.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
		there.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
		other.SSO(t, u.Profile, u.b, "").Redirected(t, "/")
		page := here.Get(t, "/account/security")
		ends := strings.Count(page.Body, "/account/sessions/")
		if ends != 1 {
			t.Fatalf("the page ends %d sessions, not the other one:\n%s", ends, page.Body)
		}
		id := between(page.Body, "/account/sessions/", "/end")
		other.Post(t, "/account/sessions/"+id+"/end", nil).Refused(t, 404, "not_found")
		there.SignedIn(t, u.a, "sso")
		here.Post(t, "/account/sessions/"+id+"/end", nil).Redirected(t, "/account/security")
		there.SignedIn(t, "", "")
		here.SignedIn(t, u.a, "sso")
		here.Post(t, "/account/sessions/"+id+"/end", nil).Refused(t, 404, "not_found")
		s.NewBrowser(t).Post(t, "/account/sessions/"+id+"/end", nil).Redirected(t, "/login")
		if events := actions(t, u.Organization); events["session.ended"] != 1 {
			t.Errorf("the log holds %v", events)
		}
	})
}

// actions counts the events of an organization's log.
func actions(t *testing.T, o *harness.Organization) map[string]int {
	t.Helper()
	n := make(map[string]int)
	for _, event := range o.Audit(t) {
		n[event["action"].(string)]++
	}
	return n
}

// event returns the only event of its kind in an organization's log.
func event(t *testing.T, o *harness.Organization, action string) (found harness.Object) {
	t.Helper()
	for _, one := range o.Audit(t) {
		if one["action"] == action {
			if found != nil {
				t.Fatalf("%s stands in the log more than once", action)
			}
			found = one
		}
	}
	if found == nil {
		t.Fatalf("%s does not stand in the log", action)
	}
	return found
}

func TestAnAdministratorEndsAUsersSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		u := newTwo(t, s, nil)
		var browsers []*harness.Browser
		for range 2 {
			b := s.NewBrowser(t)
			b.SSO(t, u.Profile, u.a, "").Redirected(t, "/")
			browsers = append(browsers, b)
		}
		other := s.NewBrowser(t)
		other.SSO(t, u.Profile, u.b, "").Redirected(t, "/")
		list := s.Sessions(t, u.aID)
		if len(list) != 2 {
			t.Fatalf("%d sessions are listed, not 2", len(list))
		}
		same(t, "a session", list[0], "id", "method", "sso_profile_id", "authenticated_at", "last_seen_at", "created_at", "address", "agent")
		if list[0]["method"] != "sso" || list[0]["sso_profile_id"] != u.Profile.ID || list[0]["address"] != "127.0.0.1" {
			t.Errorf("a session is %v", list[0])
		}
		token := u.NewToken(t, "users")
		if status, _, answer := s.Call(t, token, "DELETE", "/users/"+u.aID+"/sessions", nil); status != 204 {
			t.Fatalf("%d %v", status, answer)
		}
		for _, b := range browsers {
			b.SignedIn(t, "", "")
		}
		other.SignedIn(t, u.b, "sso")
		if n := len(s.Sessions(t, u.aID)); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		// Who was signed out signs in again.
		browsers[0].SSO(t, u.Profile, u.a, "").Redirected(t, "/")
	})
}

func TestSigningOutEndsTheSessionHere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		value := cookie(t, b)
		b.Post(t, "/logout", nil).Redirected(t, "/login")
		if cookie(t, b) != "" {
			t.Error("the browser keeps the cookie")
		}
		if who := whose(t, s, value); who != "" {
			t.Errorf("the session is still %v's", who)
		}
		if n := len(s.Sessions(t, id)); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
		if events := actions(t, p.Organization); events["sign_out"] != 1 {
			t.Errorf("the log holds %v", events)
		}
		b.Post(t, "/logout", nil).Redirected(t, "/login") // nobody
		a := b.Get(t, "/logout")
		if a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed {
			t.Errorf("signing out by a link: %d", a.Status)
		}
	})
}

// checkCookies fails where a cookie that an answer sets is not as they all are.
func checkCookies(t *testing.T, a harness.Answer, prefix string, secure bool) (names []string) {
	t.Helper()
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		names = append(names, c.Name)
		if !strings.HasPrefix(c.Name, prefix+"sallyport_") || c.Path != "/" || c.Domain != "" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure {
			t.Errorf("a cookie is %q", c)
		}
	}
	return names
}

func TestCookiesAreBoundToTheHostOnlyOverHTTPS(t *testing.T) {
	t.Parallel()
	try := func(t *testing.T, s *harness.Server, prefix string, secure bool) {
		p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
		exempt := p.Address("exempt")
		setSSO(t, s, p.AddUser(t, exempt), "disabled", "")
		b := s.NewBrowser(t)
		var names []string
		see := func(a harness.Answer) harness.Answer {
			names = append(names, checkCookies(t, a, prefix, secure)...)
			return a
		}
		a := see(b.Post(t, "/login", url.Values{"email": {user}}))
		req := a.Request(t)
		a = see(b.Deliver(t, p, p.Response(user, req.ID), req.RelayState))
		see(b.Get(t, a.Location)).Redirected(t, "/")
		b.SignedIn(t, user, "sso")
		see(b.Post(t, "/logout", nil))
		a = see(b.Deliver(t, p, p.Response(user, ""), ""))
		see(b.Get(t, a.Location)).Redirected(t, "/")
		see(b.Post(t, "/logout", nil))
		see(b.Password(t, exempt, harness.Password)).Redirected(t, "/")
		b.SignedIn(t, exempt, "password")
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"options": harness.Object{"idp_initiated": "restart"}})
		a = see(b.Deliver(t, p, p.Response(user, ""), ""))
		see(b.Get(t, a.Location))
		for _, name := range []string{"sallyport_session", "sallyport_flow_", "sallyport_hint", "sallyport_way", "sallyport_restart", "sallyport_probe"} {
			found := false
			for _, n := range names {
				found = found || strings.HasPrefix(n, prefix+name)
			}
			if !found {
				t.Errorf("no answer sets %s: %v", prefix+name, names)
			}
		}
	}
	each(t, func(t *testing.T, s *harness.Server) { try(t, s, "", false) })
	alone(t, harness.Options{TLS: testenv.TLSCertificate(t, "localhost")}, func(t *testing.T, s *harness.Server) {
		try(t, s, "__Host-", true)
		if a := s.NewBrowser(t).Get(t, "/login"); !strings.Contains(a.Header.Get("Strict-Transport-Security"), "max-age=") {
			t.Errorf("headers over https: %v", a.Header)
		}
	})
}

func TestASessionCookieHoldsNothingThatCanBeGuessedOrReused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		value := cookie(t, b)
		if len(value) < 43 {
			t.Errorf("the token %q has fewer than 256 bits", value)
		}
		if n := s.Count(t, "select count(*) from sessions where token_hash = $1", []byte(value)); n != 0 {
			t.Error("the token stands in the database in clear")
		}
		for _, other := range []string{value + "x", value[1:], strings.ToUpper(value), "", "x", strings.Repeat("A", len(value)), strings.Repeat("A", 4000)} {
			if other != value {
				if who := whose(t, s, other); who != "" {
					t.Errorf("%q is %v's", other, who)
				}
			}
		}
	})
}
