package idps

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// try goes through a connection test with the Identity Provider, as its user.
func (c *customer) try(t *testing.T, s *harness.Server) (test harness.Object, page harness.Answer) {
	t.Helper()
	made := s.OK(t, "POST", "/sso-profiles/"+c.ProfileID+"/tests", harness.Object{})
	start, _ := made["start_url"].(string)
	b := s.NewBrowser(t)
	away := b.Get(t, s.Path(t, start))
	if away.Status != 303 {
		t.Fatalf("%d %s", away.Status, away.Code)
	}
	finish := c.deliver(t, b, c.answer(t, nil, away.Location, c.Login))
	if finish.Status != 303 || !strings.HasPrefix(finish.Location, "/login/finish?ticket=") {
		t.Fatalf("%d %s to %q", finish.Status, finish.Code, finish.Location)
	}
	page = b.Get(t, b.Get(t, finish.Location).Location)
	b.SignedIn(t, "", "")
	return s.OK(t, "GET", "/tests/"+harness.ID(made), nil), page
}

func TestAConnectionIsTestedWithTheIdentityProvider(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		sha1 := func(on bool) {
			s.OK(t, "PATCH", "/sso-profiles/"+c.ProfileID, harness.Object{"options": harness.Object{"allow_sha1": on}})
		}
		sha1(true) // not tested any more
		test, page := c.try(t, s)
		if test["status"] != "passed" || test["email"] != c.Email || !strings.Contains(page.Body, "The test has passed.") {
			t.Errorf("%v %v: %s", test["status"], test["code"], page.Body)
		}
		if p := s.OK(t, "GET", "/sso-profiles/"+c.ProfileID, nil); strings.Contains(fmt.Sprint(p["warnings"]), "enforced_not_tested") {
			t.Errorf("%v", p)
		}
		c.register(t, testenv.SimpleSAMLphpSP{SignAssertion: true, NameIDAttribute: "uid"})
		test, page = c.try(t, s)
		if test["status"] != "failed" || test["code"] != "saml_nameid_not_email" || !strings.Contains(page.Body, "What to change") {
			t.Errorf("%v %v: %s", test["status"], test["code"], page.Body)
		}
	})
}
