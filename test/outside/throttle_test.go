package outside

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/test/harness"
)

// tooMany fails unless a password was refused for having been tried too often,
// and returns after how many seconds it may be tried again.
func tooMany(t *testing.T, a harness.Answer) int {
	t.Helper()
	a.Refused(t, 429, "rate_limited")
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		t.Fatalf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
	return seconds
}

// TestTooManyWrongPasswordsForAnAddress: counted over nodes, alike for unknown
// addresses, and no hindrance for a browser that has signed in before, for SAML
// or for links.
func TestTooManyWrongPasswordsForAnAddress(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{Args: []string{"--throttle-address", "4/10m"}}, func(t *testing.T, s *harness.Server) {
		nodes := []*harness.Server{s}
		if s.Engine == "postgres" {
			nodes = append(nodes, harness.Start(t, harness.Options{Like: s, Args: []string{"--throttle-address", "4/10m"}}))
		}
		p, sso, _ := harness.Enforced(t, s, nil)
		o := harness.NewOrganization(t, s)
		user := o.Address("user")
		o.AddUser(t, user)
		known := s.NewBrowser(t)
		known.Password(t, user, harness.Password).Redirected(t, "/")

		var texts []string
		for _, email := range []string{user, o.Address("unknown"), sso} {
			for i := range 4 {
				spelled := email
				if i%2 == 1 {
					spelled = strings.ToUpper(email) // is the same address
				}
				s.NewBrowser(t).On(nodes[i%len(nodes)]).Password(t, spelled, "a wrong password").Refused(t, 401, "credentials_invalid")
			}
			for _, node := range nodes {
				a := s.NewBrowser(t).On(node).Password(t, email, "a wrong password")
				if left := tooMany(t, a); left > 600 {
					t.Errorf("%s: %d seconds", email, left)
				}
				body := strings.ReplaceAll(normal(a.Body, email), a.Reference, "REFERENCE")
				texts = append(texts, seconds.ReplaceAllString(body, "TIME"))
			}
			tooMany(t, s.NewBrowser(t).Password(t, email, harness.Password)) // not even the right one
		}
		for _, text := range texts {
			if text != texts[0] {
				t.Errorf("the answers differ:\n%s\n%s", texts[0], text)
			}
		}
		// The browser that has signed in before has a count of its own.
		known.Password(t, user, "a wrong password").Refused(t, 401, "credentials_invalid")
		known.Password(t, user, harness.Password).Redirected(t, "/")
		for range 3 {
			known.Password(t, user, "a wrong password").Refused(t, 401, "credentials_invalid")
		}
		tooMany(t, known.Password(t, user, harness.Password))
		// Which counts for no other address, and can't be made up.
		forged := s.NewBrowser(t)
		for _, c := range known.Cookies(t) {
			if strings.HasSuffix(c.Name, "device") {
				device, proof, _ := strings.Cut(c.Value, ".")
				forged.SetCookie(t, c.Name, "x"+device[1:]+"."+proof)
			}
		}
		tooMany(t, forged.Password(t, user, harness.Password))
		tooMany(t, known.Password(t, o.Address("unknown"), "a wrong password"))
		// SAML and links are not stopped.
		b := s.NewBrowser(t)
		b.SSO(t, p, sso, "").Redirected(t, "/")
		forgot(t, s, user)
		s.NewBrowser(t).Post(t, s.MailedPath(t, user), passwords(newPassword)).Redirected(t, "/")
		// It ends.
		s.Exec(t, "update throttles set ends_at = $1", time.Now())
		s.NewBrowser(t).Password(t, user, newPassword).Redirected(t, "/")
		s.DueNow(t)
		if n := s.Count(t, "select count(*) from throttles where ends_at < $1", time.Now().Add(-time.Second)); n != 0 {
			t.Errorf("%d counts are kept beyond their time", n)
		}
	})
}

func TestTooManyWrongPasswordsFromASource(t *testing.T) {
	t.Parallel()
	args := []string{"--throttle-source", "5/10m", "--trusted-proxies", "127.0.0.0/8,::1/128"}
	alone(t, harness.Options{Args: args}, func(t *testing.T, s *harness.Server) {
		p, sso, _ := harness.Enforced(t, s, nil)
		o := harness.NewOrganization(t, s)
		user := o.Address("user")
		o.AddUser(t, user)
		from := func(source, email, password string) harness.Answer {
			t.Helper()
			return s.NewBrowser(t).Send(t, http.MethodPost, "/login/password", url.Values{"email": {email}, "password": {password}},
				http.Header{"Origin": {s.Base}, "X-Forwarded-For": {source}})
		}
		for range 10 { // what does not fail does not count
			from("192.0.2.1", user, harness.Password).Redirected(t, "/")
		}
		for i := range 5 {
			from("192.0.2.1", fmt.Sprintf("u%d@free.test", i), "a wrong password").Refused(t, 401, "credentials_invalid")
		}
		tooMany(t, from("192.0.2.1", user, harness.Password))
		from("192.0.2.2", user, harness.Password).Redirected(t, "/")
		// A network of IPv6 is one source.
		for i := range 5 {
			from(fmt.Sprintf("2001:db8::%d", i+1), fmt.Sprintf("v%d@free.test", i), "a wrong password").Refused(t, 401, "credentials_invalid")
		}
		tooMany(t, from("2001:db8::ffff", user, harness.Password))
		from("2001:db8:0:1::1", user, harness.Password).Redirected(t, "/")
		s.NewBrowser(t).SSO(t, p, sso, "").Redirected(t, "/")
	})
}

// TestManyWrongPasswordsAtOnce: no more than the limit are looked at.
func TestManyWrongPasswordsAtOnce(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{Args: []string{"--throttle-address", "3/10m"}}, func(t *testing.T, s *harness.Server) {
		user := "user@free.test"
		s.NewIndependentUser(t, user)
		codes := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 15 {
			b := s.NewBrowser(t)
			all.Go(func() {
				a := b.Password(t, user, "a wrong password")
				mu.Lock()
				defer mu.Unlock()
				codes[a.Code]++
			})
		}
		if all.Wait(); codes["credentials_invalid"] != 3 || codes["rate_limited"] != 12 {
			t.Errorf("%v", codes)
		}
	})
}

// TestMailsThatAnybodyCanHaveSentAreBounded, and the answer does not tell.
func TestMailsThatAnybodyCanHaveSentAreBounded(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{Args: []string{"--throttle-address", "2/10m", "--throttle-source", "8/10m"}}, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := o.Address("user")
		id := o.AddUser(t, user)
		texts := map[string]bool{}
		for range 4 {
			a := forgot(t, s, user)
			if a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Code)
			}
			texts[a.Body] = true
		}
		if len(texts) != 1 {
			t.Error("the answers differ")
		}
		eventually(t, 5*time.Second, "all is sent", func() bool { return s.Count(t, "select count(*) from outbox_mails") == 0 })
		if n := len(s.Mails(t, user)); n != 2 {
			t.Errorf("%d mails, not 2", n)
		}
		for i := range 4 {
			if a := signUp(t, s, fmt.Sprintf("u%d@free.test", i), newPassword); a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Code)
			}
		}
		tooMany(t, signUp(t, s, "one-more@free.test", newPassword))
		tooMany(t, forgot(t, s, o.Address("unknown")))
		// Administrators are bounded, too.
		for range 10 {
			s.OK(t, "POST", "/users/"+id+"/password-reset", nil)
		}
		s.Refused(t, 429, "rate_limited", "POST", "/users/"+id+"/password-reset", nil)
	})
}

// seconds are what is left to wait, which passes.
var seconds = regexp.MustCompile(`\d+m\d+s|\d{4}-\d\d-\d\d[T ][\d:]+`)
