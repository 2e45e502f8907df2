package outside

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

var recoveryCode = regexp.MustCompile(`<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code>`)

// owned makes an organization with an owner, and returns the address and id.
func owned(t *testing.T, s *harness.Server) (org *harness.Organization, owner, id string) {
	t.Helper()
	org = harness.NewOrganization(t, s)
	owner = org.Address("owner")
	id = org.AddUser(t, owner)
	s.OK(t, "PATCH", "/users/"+id, harness.Object{"role": "owner"})
	return org, owner, id
}

// codesOf makes recovery codes in a browser where their owner is signed in.
func codesOf(t *testing.T, b *harness.Browser) (codes []string) {
	t.Helper()
	page := b.Post(t, "/account/recovery-codes", nil)
	for _, m := range recoveryCode.FindAllStringSubmatch(page.Body, -1) {
		codes = append(codes, m[1])
	}
	if page.Status != 200 || len(codes) != 10 {
		t.Fatalf("%d, %d codes", page.Status, len(codes))
	}
	return codes
}

// recoveryLinks waits until everything that was asked for is done, and returns
// the links that an address was mailed.
func recoveryLinks(t *testing.T, s *harness.Server, to string) (paths []string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); s.Count(t, "select count(*) from outbox_mails") > 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	for _, m := range s.Mails(t, to) {
		if _, rest, ok := strings.Cut(m.Text, s.Base+"/recovery/"); ok {
			paths = append(paths, "/recovery/"+strings.Fields(rest)[0])
		}
	}
	return paths
}

// tryCode enters a code; the answer has to be the same for every input.
func tryCode(t *testing.T, s *harness.Server, email, code string) {
	t.Helper()
	if a := s.NewBrowser(t).Post(t, "/login/recovery", url.Values{"email": {email}, "code": {code}}); a.Status != 200 {
		t.Fatalf("%q: %d %s", email, a.Status, a.Code)
	}
}

// TestAnOwnerGetsInWithACodeWhenTheIdentityProviderFails through the binary, and
// nobody else does.
func TestAnOwnerGetsInWithACodeWhenTheIdentityProviderFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org, owner, id := owned(t, s)
		in := s.NewBrowser(t)
		in.Password(t, owner, harness.Password).Redirected(t, "/")
		codes := codesOf(t, in)
		p := org.NewProfile(t, nil)
		p.Enforce(t)
		s.NewBrowser(t).Password(t, owner, harness.Password).Refused(t, 403, "sso_required")

		member := org.Address("member")
		org.AddUser(t, member)
		for _, wrong := range [][2]string{{owner, "0000-0000-0000-0000"}, {member, codes[0]}, {"nobody@" + org.Domain, codes[0]}, {"no address", "x"}, {"", ""}} {
			tryCode(t, s, wrong[0], wrong[1])
		}
		if links := append(recoveryLinks(t, s, owner), recoveryLinks(t, s, member)...); len(links) != 0 {
			t.Fatalf("%v", links)
		}
		tryCode(t, s, owner, strings.ToLower(codes[0]))
		links := recoveryLinks(t, s, owner)
		if len(links) != 1 {
			t.Fatalf("%v", links)
		}
		tryCode(t, s, owner, codes[0]) // used
		if again := recoveryLinks(t, s, owner); len(again) != 0 {
			t.Errorf("a code works twice: %v", again)
		}
		b := s.NewBrowser(t)
		for range 2 {
			if a := b.Get(t, links[0]); a.Status != 200 {
				t.Errorf("%d", a.Status)
			}
		}
		b.SignedIn(t, "", "")
		b.Post(t, links[0], nil).Redirected(t, "/admin/"+org.ID)
		b.SignedIn(t, owner, "recovery")
		if who := b.Identity(t); who["user_id"] != id {
			t.Errorf("%v", who)
		}
		b.Get(t, "/").Redirected(t, "/admin/"+org.ID)
		for path, status := range map[string]int{"/admin/" + org.ID: 200, "/account/security": 200, "/organizations/new": 403, "/oauth/authorize": 404, "/forward-auth": 404} {
			if a := b.Get(t, path); a.Status != status {
				t.Errorf("%s: %d, not %d", path, a.Status, status)
			}
		}
		// It repairs what is broken.
		b.Post(t, "/admin/"+org.ID+"/sso/"+p.ID+"/enforce", url.Values{"release": {org.DomainID}}).Redirected(t, "/admin/"+org.ID+"/sso/"+p.ID+"/enforce")
		s.NewBrowser(t).Password(t, owner, harness.Password).Redirected(t, "/")
		s.NewBrowser(t).Post(t, links[0], nil).Refused(t, 410, "link_used")
		told := map[string]bool{}
		for _, e := range org.Audit(t) {
			action, _ := e["action"].(string)
			told[action] = true
		}
		for _, action := range []string{"recovery.codes_made", "recovery.code_used", "sign_in.succeeded", "sign_in.refused", "domain.released"} {
			if !told[action] {
				t.Errorf("the log does not tell %s", action)
			}
		}
	})
}

func TestFiveRecoveryCodesAnHourCanBeTriedForAnAddress(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org, owner, _ := owned(t, s)
		in := s.NewBrowser(t)
		in.Password(t, owner, harness.Password).Redirected(t, "/")
		codes := codesOf(t, in)
		for _, email := range []string{owner, "nobody@" + org.Domain} {
			for range 5 {
				tryCode(t, s, email, "wrong")
			}
			a := s.NewBrowser(t).Post(t, "/login/recovery", url.Values{"email": {email}, "code": {codes[0]}})
			a.Refused(t, 429, "rate_limited")
			if a.Header.Get("Retry-After") == "" {
				t.Error("for how long?")
			}
		}
		if links := recoveryLinks(t, s, owner); len(links) != 0 {
			t.Errorf("%v", links)
		}
		// Passwords are another matter.
		s.NewBrowser(t).Password(t, owner, harness.Password).Redirected(t, "/")
	})
}

// rescue runs the operator's command beside the running server.
func rescue(t *testing.T, s *harness.Server, args ...string) (out, stderr string, code int) {
	t.Helper()
	return harness.Run(t, "", append([]string{"rescue", "--database", s.Database, "--secret-key-file", s.KeyFile, "--base-url", s.Base}, args...)...)
}

func TestTheOperatorRescuesAnOwnerWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org, owner, id := owned(t, s)
		second := org.Address("second")
		s.OK(t, "PATCH", "/users/"+org.AddUser(t, second), harness.Object{"role": "owner"})
		s.Mails(t, owner)
		s.Mails(t, second)
		p := org.NewProfile(t, nil)
		p.Enforce(t)
		link := func() string {
			t.Helper()
			out, stderr, code := rescue(t, s, owner)
			if code != 0 || strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, s.Base+"/recovery/") || !strings.Contains(stderr, "works once") {
				t.Fatalf("%d %q %q", code, out, stderr)
			}
			return s.Path(t, strings.TrimSpace(out))
		}
		first := link()
		one, two := s.NewBrowser(t), s.NewBrowser(t)
		if a := one.Get(t, first); a.Status != 200 {
			t.Errorf("%d", a.Status)
		}
		// Whichever browser posts first.
		two.Post(t, first, nil).Redirected(t, "/admin/"+org.ID)
		two.SignedIn(t, owner, "recovery")
		one.Post(t, first, nil).Refused(t, 410, "link_used")
		for _, to := range []string{owner, second} {
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				if slices.ContainsFunc(s.Mails(t, to), func(m testenv.Mail) bool {
					return strings.HasPrefix(m.Subject, "Recovery access was used at")
				}) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s was not told", to)
				}
			}
		}
		out, _, code := rescue(t, s, owner, "--json")
		var printed struct {
			URL     string    `json:"url"`
			Expires time.Time `json:"expires_at"`
		}
		if err := json.Unmarshal([]byte(out), &printed); err != nil || code != 0 || time.Until(printed.Expires) > 15*time.Minute || time.Until(printed.Expires) < 14*time.Minute {
			t.Errorf("%d %q %v", code, out, err)
		}
		// What must fail: a session and a link after demotion, links for others.
		demoted, kept := link(), link()
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"role": "member"})
		two.SignedIn(t, "", "")
		s.NewBrowser(t).Post(t, demoted, nil).Refused(t, 410, "link_expired")
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"role": "owner"})
		s.NewBrowser(t).Post(t, kept, nil).Refused(t, 410, "link_expired")
		gone := link()
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
		s.NewBrowser(t).Post(t, gone, nil).Refused(t, 410, "link_expired")
		for email, want := range map[string]string{owner: "conflict", "nobody@" + org.Domain: "not_found", "nothing": "invalid"} {
			if out, stderr, code := rescue(t, s, email); code != 1 || out != "" || !strings.HasPrefix(stderr, "sallyport: "+want+": ") {
				t.Errorf("%s: %d %q %q", email, code, out, stderr)
			}
		}
		if out, stderr, code := harness.Run(t, "", "rescue", owner, "--server", s.Base, "--token", s.Token); code != 2 || out != "" {
			t.Errorf("over the API: %d %q %q", code, out, stderr)
		}
	})
}

// TestARightCodeTakesAsLongAsAWrongOne, and as one for nobody: what there is to
// do is found out after the answer.
func TestARightCodeTakesAsLongAsAWrongOne(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		took := map[string][]time.Duration{}
		for i := range 9 {
			org, owner, _ := owned(t, s)
			in := s.NewBrowser(t)
			in.Password(t, owner, harness.Password).Redirected(t, "/")
			right := codesOf(t, in)[i]
			for _, c := range []struct{ name, email, code string }{
				{"wrong", owner, "0000-0000-0000-0000"}, {"right", owner, right}, {"nobody", "nobody@" + org.Domain, right},
			} {
				a := s.NewBrowser(t).Post(t, "/login/recovery", url.Values{"email": {c.email}, "code": {c.code}})
				if a.Status != 200 {
					t.Fatalf("%s: %d", c.name, a.Status)
				}
				took[c.name] = append(took[c.name], a.Took)
			}
		}
		least, most := time.Hour, time.Duration(0)
		for _, list := range took {
			fastest := slices.Min(list) // what disturbs an answer only makes it slower
			least, most = min(least, fastest), max(most, fastest)
		}
		if most-least > 20*time.Millisecond {
			t.Errorf("the fastest lie between %v and %v: %v", least, most, took)
		}
	})
}
