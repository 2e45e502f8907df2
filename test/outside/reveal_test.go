package outside

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

// kind is what a curious person can tell of an answer to an address.
func kind(t *testing.T, a harness.Answer) string {
	t.Helper()
	to, err := url.Parse(a.Location)
	if err != nil {
		t.Fatal(err)
	}
	query := slices.Sorted(maps.Keys(to.Query()))
	var headers []string
	for name := range a.Header {
		headers = append(headers, name)
	}
	slices.Sort(headers)
	var cookies []string
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		name := c.Name
		if strings.HasPrefix(name, "sallyport_flow_") {
			name = "sallyport_flow_"
		}
		cookies = append(cookies, name)
	}
	return strings.Join([]string{http.StatusText(a.Status), to.Scheme, to.Host, to.Path, strings.Join(query, ","), strings.Join(headers, ","), strings.Join(cookies, ",")}, " ")
}

// people are addresses of every kind at one domain.
type people map[string]string

func newPeople(t *testing.T, s *harness.Server, org *harness.Organization, domain string) people {
	t.Helper()
	who := people{"unknown": "unknown@" + domain, "known": "known@" + domain, "exempt": "exempt@" + domain, "deactivated": "deactivated@" + domain,
		"invited": "invited@" + domain, "independent": "independent@" + domain, "no password": "nopassword@" + domain}
	org.AddUser(t, who["known"])
	exempt := org.AddUser(t, who["exempt"])
	s.OK(t, "PATCH", "/users/"+org.AddUser(t, who["deactivated"]), harness.Object{"status": "deactivated"})
	org.Invite(t, who["invited"])
	s.NewIndependentUser(t, who["independent"])
	s.OK(t, "POST", "/users", harness.Object{"email": who["no password"]})
	if n := len(harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/sso-profiles", nil))); n > 0 {
		setSSO(t, s, exempt, "disabled", "")
	}
	return who
}

func TestTheLoginPageTellsNobodyWhoExists(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		org := p.Organization
		enforced := newPeople(t, s, org, org.Domain)
		free := "free-" + org.Domain
		org.AddDomain(t, free)
		elsewhere := newPeople(t, s, org, free)
		for _, c := range []struct {
			people
			place string
		}{{enforced, "idp.example"}, {elsewhere, ""}} {
			kinds := make(map[string][]string)
			for name, address := range c.people {
				for i, browser := range []func(b *harness.Browser){
					func(*harness.Browser) {},
					func(b *harness.Browser) { b.SetCookie(t, "sallyport_way", "password") }, // made up
					func(b *harness.Browser) { // of another address that used its password here
						b.Password(t, enforced["exempt"], harness.Password).Redirected(t, "/")
						b.Post(t, "/logout", nil)
					},
				} {
					if i == 2 && address == enforced["exempt"] {
						continue // this browser has proved to know
					}
					b := s.NewBrowser(t)
					browser(b)
					a := b.Post(t, "/login", url.Values{"email": {address}})
					if to, _ := url.Parse(a.Location); to.Host != c.place {
						t.Errorf("%s is sent to %q, not to %q", address, to.Host, c.place)
					}
					kinds[kind(t, a)] = append(kinds[kind(t, a)], name)
				}
			}
			if len(kinds) != 1 {
				t.Errorf("the answers differ: %v", kinds)
			}
		}
	})
}

func TestAWrongPasswordAnUnknownUserAndADeactivatedOneReadTheSame(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		org := p.Organization
		free := "free-" + org.Domain
		org.AddDomain(t, free)
		for _, who := range []people{newPeople(t, s, org, org.Domain), newPeople(t, s, org, free)} {
			want, headers := "", ""
			for name, address := range who {
				for _, password := range []string{"wrong wrong wrong", "", strings.Repeat("x", 5000)} {
					a := s.NewBrowser(t).Password(t, address, password).Refused(t, 401, "credentials_invalid")
					body, h := neutral(a, address), strings.Join(slices.Sorted(maps.Keys(a.Header)), ",")
					if want == "" {
						want, headers = body, h
					}
					if body != want || h != headers {
						t.Errorf("%s reads\n%s\n%s\nand not\n%s\n%s", name, h, body, headers, want)
					}
				}
			}
		}
		// What is no address at all reads the same, too.
		for _, typed := range []string{"nobody", "", "a@b", "@", "\x00", "user@localhost"} {
			s.NewBrowser(t).Password(t, typed, harness.Password).Refused(t, 401, "credentials_invalid")
		}
	})
}

func TestWhatStandsInTheWayIsToldOnlyAfterTheRightPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		gone, waiting := p.Address("gone"), p.Address("waiting")
		s.OK(t, "PATCH", "/users/"+p.AddUser(t, gone), harness.Object{"status": "deactivated"})
		// Somebody who has signed up and whose address is not proved yet.
		waitingID := s.NewIndependentUser(t, waiting)
		s.Exec(t, "update users set status = 'invited', activated_at = null, proved_at = null where id = $1", waitingID)
		for address, code := range map[string]string{user: "sso_required", gone: "user_deactivated", waiting: "user_not_activated"} {
			b := s.NewBrowser(t)
			a := b.Password(t, address, harness.Password).Refused(t, 403, code)
			if code != "user_not_activated" {
				p.Recorded(t, a)
			}
			b.Password(t, address, harness.Password+"x").Refused(t, 401, "credentials_invalid")
			b.SignedIn(t, "", "")
		}
		if s.User(t, id)["status"] != "active" {
			t.Error("the attempts changed the user")
		}
	})
}

// Not parallel: it measures.
func TestAnUnknownUserTakesAsLongAsAWrongPassword(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		who := newPeople(t, s, p.Organization, p.Domain)
		b := s.NewBrowser(t)
		b.Get(t, "/login")
		// Of each, the fastest answer counts: on a busy machine an answer may take
		// any time longer than its work, and never less. More tries bring what is
		// equal nearer together, and nothing else.
		fastest := make(map[string]time.Duration)
		least, most := time.Duration(0), time.Hour
		for try := 0; try < 60 && (try < 15 || 2*most > 3*least); try++ {
			for name, address := range who {
				took := b.Password(t, address, "wrong wrong wrong").Took
				if before, ok := fastest[name]; !ok || took < before {
					fastest[name] = took
				}
			}
			all := slices.Collect(maps.Values(fastest))
			least, most = slices.Min(all), slices.Max(all)
		}
		if most > 2*least { // without a hash an answer takes a tenth
			t.Errorf("the fastest answers lie between %v and %v: %v", least, most, fastest)
		}
		if least < 5*time.Millisecond {
			t.Errorf("a wrong password is told after %v: was it hashed?", least)
		}
	})
}

func TestTheBrowserRemembersWhoseWayIsThePassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		exempt := p.Address("exempt")
		id := p.AddUser(t, exempt)
		setSSO(t, s, id, "disabled", "")
		b := s.NewBrowser(t)
		b.Post(t, "/login", url.Values{"email": {exempt}}).Request(t)
		b.Password(t, exempt, harness.Password).Redirected(t, "/")
		b.Post(t, "/logout", nil)
		b.Post(t, "/login", url.Values{"email": {strings.ToUpper(exempt)}}).Redirected(t, "/login/password")
		// Nobody else's: an SSO user of the same browser is not led astray.
		b.Post(t, "/login", url.Values{"email": {user}}).Request(t)
		// And only as long as it is the way.
		setSSO(t, s, id, "inherit", "")
		b.Post(t, "/login", url.Values{"email": {exempt}}).Request(t)
	})
}
