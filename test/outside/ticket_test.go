package outside

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/test/harness"
)

func TestATicketOpenedInAnotherBrowserSignsNobodyInAndUsesNothingUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		for mode, in := range map[string]func(b *harness.Browser, p *harness.Profile, user string) harness.Answer{
			"restart": func(b *harness.Browser, p *harness.Profile, user string) harness.Answer {
				req := b.Get(t, b.Deliver(t, p, p.Response(user, ""), "").Location).Request(t)
				return b.Deliver(t, p, p.Response(user, req.ID), req.RelayState)
			},
			"accept": func(b *harness.Browser, p *harness.Profile, user string) harness.Answer {
				return b.Deliver(t, p, p.Response(user, ""), "")
			},
			"refuse": func(b *harness.Browser, p *harness.Profile, user string) harness.Answer {
				req := b.Depart(t, user, "")
				return b.Deliver(t, p, p.Response(user, req.ID), req.RelayState)
			},
		} {
			p, user, id := harness.Enforced(t, s, harness.Object{"idp_initiated": mode})
			victim, attacker := s.NewBrowser(t), s.NewBrowser(t)
			victim.Depart(t, user, "") // has flows of its own, and somebody's session
			own := p.Address("victim")
			p.AddUser(t, own)
			victim.SSO(t, p, own, "").Redirected(t, "/")
			to := in(attacker, p, user).Location
			for _, b := range []*harness.Browser{victim, s.NewBrowser(t)} {
				a := b.Get(t, to).Refused(t, 403, "saml_request_unknown")
				p.Recorded(t, a)
			}
			victim.SignedIn(t, own, "sso")
			attacker.Get(t, to).Redirected(t, "/")
			attacker.SignedIn(t, user, "sso")
			if n := len(s.Sessions(t, id)); n != 1 {
				t.Errorf("%s: %d sessions, not 1", mode, n)
			}
		}
	})
}

func TestATicketThatIsNoneSignsNobodyIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		b := s.NewBrowser(t)
		p, user, _ := harness.Enforced(t, s, nil)
		b.Depart(t, user, "")
		good := vouch(t, b, p, user).Location
		for _, ticket := range []string{"", "x", strings.Repeat("A", 43), "%00", "%ff", strings.Repeat("a", 5000), good[len("/login/finish?ticket="):] + "x"} {
			b.Get(t, "/login/finish?ticket="+ticket).Refused(t, 403, "saml_request_unknown")
		}
		b.Get(t, "/login/finish").Refused(t, 403, "saml_request_unknown")
		b.Get(t, good).Redirected(t, "/")
	})
}

func TestLookingAheadUsesNothingUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		to := vouch(t, b, p, user).Location
		requests := func() int64 {
			return s.Count(t, "select count(*) from sso_requests where sso_profile_id = $1", p.ID)
		}
		before := requests()
		for _, path := range []string{to, "/saml/" + p.ID + "/start", "/saml/" + p.ID + "/start?restart=x"} {
			for _, look := range []func() harness.Answer{
				func() harness.Answer { return b.Send(t, http.MethodHead, path, nil, nil) },
				func() harness.Answer {
					return b.Send(t, http.MethodGet, path, nil, http.Header{"Sec-Purpose": {"prefetch"}})
				},
				func() harness.Answer {
					return b.Send(t, http.MethodGet, path, nil, http.Header{"Sec-Purpose": {"prefetch;prerender"}})
				},
				func() harness.Answer {
					return b.Send(t, http.MethodGet, path, nil, http.Header{"Purpose": {"prefetch"}})
				},
			} {
				a := look()
				if a.Status >= 300 || a.Location != "" || a.Header.Get("Set-Cookie") != "" || a.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: %d %s to %q, %v", path, a.Status, a.Code, a.Location, a.Header)
				}
			}
		}
		if after := requests(); after != before {
			t.Errorf("looking ahead made %d requests", after-before)
		}
		b.Get(t, to).Redirected(t, "/")
		b.SignedIn(t, user, "sso")
	})
}

// friendly fails unless a page tells what to do and offers to try again.
func friendly(t *testing.T, a harness.Answer) {
	t.Helper()
	if !strings.Contains(a.Body, `href="/login`) || !strings.Contains(a.Body, "Try again") {
		t.Errorf("the page offers no second try:\n%s", a.Body)
	}
	if strings.Contains(strings.ToLower(a.Body), "goroutine") || strings.Contains(strings.ToLower(a.Body), "saml ") {
		t.Errorf("the page is not for people:\n%s", a.Body)
	}
}

func TestBackAndReloadGetFriendlyAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		req := b.Depart(t, user, "/account/security")
		r := p.Response(user, req.ID)
		to := b.Deliver(t, p, r, req.RelayState).Location
		b.Get(t, to).Redirected(t, "/account/security")
		session := cookie(t, b)
		// The finish again: the user is in, and goes on.
		for range 3 {
			b.Get(t, to).Redirected(t, "/account/security")
		}
		b.SignedIn(t, user, "sso")
		if cookie(t, b) != session || len(s.Sessions(t, id)) != 1 {
			t.Error("a reload began a session")
		}
		// The ACS again: used already, try again; the session stays.
		friendly(t, b.Deliver(t, p, r, req.RelayState).Refused(t, 403, "saml_replayed"))
		b.SignedIn(t, user, "sso")
		// The finish again after signing out, and in another browser.
		b.Post(t, "/logout", nil).Redirected(t, "/login")
		for _, one := range []*harness.Browser{b, s.NewBrowser(t)} {
			a := one.Get(t, to)
			friendly(t, a.Refused(t, 403, a.Code))
			one.SignedIn(t, "", "")
		}
		// As somebody else.
		other := p.Address("other")
		p.AddUser(t, other)
		b.SSO(t, p, other, "").Redirected(t, "/")
		a := b.Get(t, to)
		friendly(t, a.Refused(t, 403, a.Code))
		b.SignedIn(t, other, "sso")
		// Back to a request that was answered: another one for it is no stack of errors.
		friendly(t, b.Deliver(t, p, p.Response(other, req.ID), req.RelayState).Refused(t, 403, "saml_replayed"))
	})
}

// flows counts the cookies of sign-ins under way.
func flows(t *testing.T, b *harness.Browser) (n int) {
	t.Helper()
	for _, c := range b.Cookies(t) {
		if strings.Contains(c.Name, "sallyport_flow_") {
			n++
		}
	}
	return n
}

func TestSeveralTabsSignInAtOnceAndABrowserHoldsTenFlowsAtMost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		var tickets []string
		for range 12 {
			req := b.Depart(t, user, "")
			if n := flows(t, b); n > 10 {
				t.Fatalf("the browser holds %d flow cookies", n)
			}
			tickets = append(tickets, b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Location)
		}
		// The newest ten are good, in any order; the two oldest made room.
		for _, to := range slices.Backward(tickets[2:]) {
			one := b.Clone(t)
			one.Get(t, to).Redirected(t, "/")
			one.SignedIn(t, user, "sso")
		}
		for _, to := range tickets[:2] {
			b.Get(t, to).Refused(t, 403, "saml_request_unknown")
		}
	})
}

func TestEveryTabOfOneBrowserArrives(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		const tabs = 8
		pages := make([]string, tabs)
		for i := range tabs {
			req := b.Depart(t, user, "/account/security?tab="+string(rune('a'+i)))
			pages[i] = b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Location
		}
		for i, to := range pages {
			b.Get(t, to).Redirected(t, "/account/security?tab="+string(rune('a'+i)))
			b.SignedIn(t, user, "sso")
		}
		if n := len(s.Sessions(t, id)); n != 1 {
			t.Errorf("%d sessions of one browser", n)
		}
		if n := flows(t, b); n != 0 {
			t.Errorf("%d flow cookies are left", n)
		}
	})
}

func TestManyTilesAcceptedInOneBrowserLeaveTheNewestUsable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
		b := s.NewBrowser(t)
		var to string
		for range 25 { // the ACS sees none of the browser's cookies
			to = b.Deliver(t, p, p.Response(user, ""), "").Location
		}
		b.Get(t, to).Redirected(t, "/")
		b.SignedIn(t, user, "sso")
		b.Depart(t, user, "")
		if n := flows(t, b); n > 10 {
			t.Errorf("the browser holds %d flow cookies after a start", n)
		}
	})
}

// An obstinate Identity Provider posts unsolicited responses, whatever it is
// asked.
type obstinate struct {
	echoes bool // RelayState comes back
}

// follow follows the redirects from an unsolicited response on, and returns
// the refusal at the end and how often the Identity Provider was visited.
func (o obstinate) follow(t *testing.T, b *harness.Browser, p *harness.Profile, user, relayState string) (end harness.Answer, visits int) {
	t.Helper()
	a := b.Deliver(t, p, p.Response(user, ""), relayState)
	for visits = 0; visits < 20; {
		if a.Status != http.StatusSeeOther && a.Status != http.StatusFound {
			return a, visits
		}
		if !strings.HasPrefix(a.Location, "/") {
			visits++
			relayState = ""
			if to, err := url.Parse(a.Location); err == nil && o.echoes {
				relayState = to.Query().Get("RelayState")
			}
			a = b.Deliver(t, p, p.Response(user, ""), relayState)
			continue
		}
		a = b.Get(t, a.Location)
	}
	t.Fatal("it goes round in circles")
	return a, visits
}

func TestARestartNeverLoops(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		for name, c := range map[string]struct {
			idp       obstinate
			noCookies bool
			most      int
			code      string
			says      string
		}{
			"echoing":                  {obstinate{true}, false, 1, "saml_idp_initiated_refused", ""},
			"forgetting":               {obstinate{false}, false, 5, "saml_idp_initiated_refused", ""},
			"echoing without cookies":  {obstinate{true}, true, 0, "saml_request_unknown", "cookies"},
			"forgetting, none at all":  {obstinate{false}, true, 0, "saml_request_unknown", "cookies"},
			"echoing, from our page":   {obstinate{true}, false, 2, "saml_idp_initiated_refused", ""},
			"forgetting, from a start": {obstinate{false}, false, 5, "saml_idp_initiated_refused", ""},
		} {
			b := s.NewBrowser(t)
			b.NoCookies = c.noCookies
			relayState := ""
			if strings.Contains(name, "from") {
				relayState = b.Depart(t, user, "/account/security").RelayState
				if !c.idp.echoes {
					relayState = ""
				}
			}
			a, visits := c.idp.follow(t, b, p, user, relayState)
			if visits > c.most || a.Status != 403 || a.Code != c.code {
				t.Errorf("%s: %d visits, then %d %s; want at most %d, then %s", name, visits, a.Status, a.Code, c.most, c.code)
				continue
			}
			a.Refused(t, 403, c.code)
			if !strings.Contains(a.Body, c.says) {
				t.Errorf("%s: the page does not speak of %s:\n%s", name, c.says, a.Body)
			}
			b.SignedIn(t, "", "")
			// An Identity Provider that answers is not held against it.
			if !c.noCookies {
				b.SSO(t, p, user, "").Redirected(t, "/")
				b.SignedIn(t, user, "sso")
			}
		}
	})
}

func TestTilesInSeveralTabsRestartBesideEachOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		var starts []string
		for range 3 {
			starts = append(starts, b.Deliver(t, p, p.Response(user, ""), "").Location)
		}
		for _, start := range starts {
			req := b.Get(t, start).Request(t)
			b.Get(t, b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Location).Redirected(t, "/")
			b.SignedIn(t, user, "sso")
		}
	})
}

func TestARestartThatWorkedIsNotCountedAgainstTheNext(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		for range 12 {
			req := b.Get(t, b.Deliver(t, p, p.Response(user, ""), "").Location).Request(t)
			b.Get(t, b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Location).Redirected(t, "/")
		}
		b.SignedIn(t, user, "sso")
	})
}

func TestABrowserWithoutCookiesIsToldSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		for _, mode := range []string{"restart", "accept", "refuse"} {
			p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": mode})
			b := s.NewBrowser(t)
			b.NoCookies = true
			a := b.SSO(t, p, user, "").Refused(t, 403, "saml_request_unknown")
			if !strings.Contains(a.Body, "cookies") {
				t.Errorf("the page does not speak of cookies:\n%s", a.Body)
			}
		}
	})
}
