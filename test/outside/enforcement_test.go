package outside

import (
	"fmt"
	"testing"
	"time"

	"sallyport/test/harness"
)

// TestWhatAnEnforcementIsRefusedFor holds each refusal to its code, of the
// enforcement, of its preview, and of both for several domains.
func TestWhatAnEnforcementIsRefusedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		pending := harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/domains", harness.Object{"name": "pending." + org.Domain}))
		refused := func(status int, code, domainID, profileID string) {
			t.Helper()
			body := harness.Object{"sso_profile_id": profileID, "acknowledge": true}
			s.Refused(t, status, code, "PUT", "/domains/"+domainID+"/enforcement", body)
			s.Refused(t, status, code, "POST", "/domains/"+domainID+"/enforcement/preview", body)
			body["domain_ids"] = []string{domainID}
			s.Refused(t, status, code, "PUT", "/organizations/"+org.ID+"/enforcement", body)
			s.Refused(t, status, code, "POST", "/organizations/"+org.ID+"/enforcement/preview", body)
			if d := s.OK(t, "GET", "/domains/"+domainID, nil); d["sso_profile_id"] != nil {
				t.Errorf("%s: the domain is enforced", code)
			}
		}
		refused(409, "sso_profile_missing", org.DomainID, "sso_none")
		p := org.NewProfile(t, nil)
		draft := harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "Draft"}))
		refused(409, "sso_profile_not_tested", org.DomainID, draft)
		refused(409, "sso_profile_not_tested", pending, draft) // told before the domain's fault
		refused(409, "domain_not_verified", pending, p.ID)
		for _, status := range []string{"lapsing", "frozen"} {
			s.Exec(t, "update domains set status = $2 where id = $1", org.DomainID, status)
			refused(409, "domain_not_verified", org.DomainID, p.ID)
		}
		s.Exec(t, "update domains set status = 'verified' where id = $1", org.DomainID)
		for _, change := range []harness.Object{
			{"options": harness.Object{"allow_sha1": true}}, {"sso_url": "https://other.example/sso"}, {"entity_id": "https://other.example/"},
		} {
			s.OK(t, "PATCH", "/sso-profiles/"+p.ID, change)
			refused(409, "sso_profile_not_tested", org.DomainID, p.ID)
			p.MarkTested(t)
		}
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled"})
		refused(403, "sso_profile_disabled", org.DomainID, p.ID)
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "configured"})
		s.OK(t, "PATCH", "/organizations/"+org.ID, harness.Object{"edition": "standard"})
		refused(403, "edition_required", org.DomainID, p.ID)
		s.OK(t, "PATCH", "/organizations/"+org.ID, harness.Object{"edition": "administration"})
		s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": p.ID})
	})
}

// TestThePreviewsNumbersAreThoseOfTheUsersAfterwards through the API, for two
// domains of which one moves.
func TestThePreviewsNumbersAreThoseOfTheUsersAfterwards(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		second := "second-" + org.Domain
		secondID := org.AddDomain(t, second)
		old, p := org.NewProfile(t, nil), org.NewProfile(t, nil)
		old.Enforce(t)
		var exempt string
		for i, host := range []string{org.Domain, org.Domain, org.Domain, second, second, second, second} {
			id := org.AddUser(t, fmt.Sprintf("u%d@%s", i, host))
			switch i {
			case 0, 3:
				s.OK(t, "PATCH", "/users/"+id, harness.Object{"sso": harness.Object{"setting": "disabled"}})
			case 1:
				exempt = id
			case 4:
				s.OK(t, "PATCH", "/users/"+id, harness.Object{"sso": harness.Object{"setting": "enabled", "profile_id": old.ID}})
			case 5:
				s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
			}
		}
		org.Invite(t, "invited@"+second)
		s.NewIndependentUser(t, "independent@"+second)
		body := harness.Object{"sso_profile_id": p.ID, "domain_ids": []string{org.DomainID, secondID}, "exempt_user_ids": []string{exempt}, "acknowledge": true}
		told := s.OK(t, "POST", "/organizations/"+org.ID+"/enforcement/preview", body)
		s.OK(t, "PUT", "/organizations/"+org.ID+"/enforcement", body)
		got := map[string]float64{"independent": 1, "changed": 4} // u2 moves, exempt goes back to a password, u6 and the invited one begin
		for _, u := range harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/users", nil)) {
			got["total"]++
			if u["status"] == "invited" {
				got["never_active"]++
			}
			switch harness.At(u, "sign_in", "reason") {
			case "domain_enforced":
				if got["to_sso"]++; harness.At(u, "sign_in", "profile_id") != p.ID {
					t.Errorf("%v", u)
				}
			case "sso_enabled_for_user":
				got["enabled"]++
			case "user_deactivated":
				got["deactivated"]++
			default:
				got["keep_password"]++
			}
		}
		for name, n := range got {
			if harness.At(told, "users", name) != n {
				t.Errorf("%s: told %v, happened %v", name, harness.At(told, "users", name), n)
			}
		}
		// Who is not on SSO, and why.
		reasons := map[any]int{}
		for _, u := range harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/users?without_sso=true", nil)) {
			reasons[harness.At(u, "sign_in", "reason")]++
		}
		if len(reasons) != 2 || reasons["sso_disabled_for_user"] != 3 || reasons["user_deactivated"] != 1 {
			t.Errorf("%v", reasons)
		}
		if list := harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/users?reason=sso_enabled_for_user&domain="+second, nil)); len(list) != 1 {
			t.Errorf("%d", len(list))
		}
	})
}

// TestSessionsOfAnEnforcementEndInTheBackground of the running server.
func TestSessionsOfAnEnforcementEndInTheBackground(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user, kept := org.Address("user"), org.Address("kept")
		org.AddUser(t, user)
		keptID := org.AddUser(t, kept)
		p := org.NewProfile(t, nil)
		stays, one, other := s.NewBrowser(t), s.NewBrowser(t), s.NewBrowser(t)
		stays.Password(t, user, harness.Password).Redirected(t, "/")
		body := harness.Object{"sso_profile_id": p.ID, "exempt_user_ids": []string{keptID}, "acknowledge": true}
		s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", body)
		stays.SignedIn(t, user, "password") // by default
		s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": nil})
		one.Password(t, user, harness.Password).Redirected(t, "/")
		other.Password(t, kept, harness.Password).Redirected(t, "/")
		body["end_sessions"] = true
		s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", body)
		for deadline := time.Now().Add(10 * time.Second); len(one.Identity(t)) > 0 && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		one.SignedIn(t, "", "")
		stays.SignedIn(t, "", "")
		other.SignedIn(t, kept, "password")
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		b.SignedIn(t, user, "sso")
	})
}
