package outside

import (
	"strings"
	"testing"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

func TestWithoutTheEditionNothingNewIsConfigured(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		// Configured before the lapse, and not enforced.
		p, _, _ := harness.Enforced(t, s, nil)
		org := p.Organization
		idle := org.NewProfile(t, nil)
		free := org.AddDomain(t, "free-"+org.Domain)
		id := org.AddUser(t, org.Address("pilot"))
		s.OK(t, "PATCH", "/organizations/"+org.ID, harness.Object{"edition": "standard"})
		own := org.NewToken(t, "sso")
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"POST", "/organizations/" + org.ID + "/sso-profiles", harness.Object{"name": "New"}},
			{"POST", "/sso-profiles/" + idle.ID + "/tests", harness.Object{"method": "operator"}},
			{"PUT", "/domains/" + free + "/enforcement", harness.Object{"sso_profile_id": idle.ID, "acknowledge": true}},
			{"PUT", "/domains/" + org.DomainID + "/enforcement", harness.Object{"sso_profile_id": idle.ID, "acknowledge": true}},
			{"POST", "/domains/" + free + "/enforcement/preview", harness.Object{"sso_profile_id": idle.ID}},
			{"PUT", "/organizations/" + org.ID + "/enforcement", harness.Object{"sso_profile_id": idle.ID, "domain_ids": []string{free}, "acknowledge": true}},
			{"PATCH", "/users/" + id, harness.Object{"sso": harness.Object{"setting": "enabled", "profile_id": idle.ID}}},
			{"PATCH", "/users/" + id, harness.Object{"sso": harness.Object{"setting": "enabled"}}},
			{"PATCH", "/users/" + id, harness.Object{"sso": harness.Object{"setting": "inherit"}}},
			{"PATCH", "/sso-profiles/" + idle.ID, harness.Object{"name": "Other"}},
			{"PATCH", "/sso-profiles/" + idle.ID, harness.Object{"sso_url": "https://other.example/"}},
			{"PATCH", "/sso-profiles/" + idle.ID, harness.Object{"options": harness.Object{"allow_sha1": true}}},
			{"PATCH", "/sso-profiles/" + p.ID, harness.Object{"certificates": []string{pem(samltest.RSA2048Other)}}}, // takes the old one away
			{"PATCH", "/sso-profiles/" + idle.ID, harness.Object{"state": "disabled"}},
			{"DELETE", "/sso-profiles/" + idle.ID, nil},
		} {
			s.Refused(t, 403, "edition_required", c.method, c.path, c.body)
		}
		s.RefusedAs(t, own, 403, "edition_required", "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "New"})
		// Before the body is judged, and behind whether it exists.
		s.Refused(t, 403, "edition_required", "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"nonsense": 1})
		s.Refused(t, 403, "edition_required", "POST", "/sso-profiles/"+idle.ID+"/tests", "{")
		other := harness.NewOrganization(t, s).NewToken(t, "sso")
		s.RefusedAs(t, other, 404, "not_found", "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "New"})
	})
}

// pem is the certificate of one of samltest's keys as an API takes it.
func pem(name string) string { return harness.PEM(samltest.NamedKey(name)) }

func TestWithoutTheEditionWhatKeepsAliveAndSafeIsAllowed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		org := p.Organization
		gone := org.AddUser(t, org.Address("gone"))
		s.OK(t, "PATCH", "/organizations/"+org.ID, harness.Object{"edition": "standard"})

		// A certificate is added, and what is signed with it counts.
		added := s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"certificates": []string{pem(samltest.RSA2048), pem(samltest.RSA2048Other)}})
		if list, _ := harness.At(added, "idp", "certificates").([]any); len(list) != 2 {
			t.Fatalf("the profile has %v", list)
		}
		b := s.NewBrowser(t)
		a := vouchWith(t, b, p, func(r *samltest.Response) {
			r.Assertion.NameID.Value = user
			r.ResponseSigning.Key, r.AssertionSigning.Key = samltest.NamedKey(samltest.RSA2048Other), samltest.NamedKey(samltest.RSA2048Other)
		})
		b.Get(t, a.Location).Redirected(t, "/")

		setSSO(t, s, id, "disabled", "")
		s.NewBrowser(t).Password(t, user, harness.Password).Redirected(t, "/")
		s.OK(t, "PATCH", "/users/"+gone, harness.Object{"status": "deactivated"})
		s.OK(t, "POST", "/domains/"+org.DomainID+"/enforcement/preview", harness.Object{"sso_profile_id": nil})
		s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": nil})
		s.OK(t, "GET", "/sso-profiles/"+p.ID, nil)
	})
}

func TestNobodysWayOfSigningInChangesWhenTheEditionLapses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		org := p.Organization
		exempt, pilot := org.Address("exempt"), "pilot@free-"+org.Domain
		org.AddDomain(t, "free-"+org.Domain)
		setSSO(t, s, org.AddUser(t, exempt), "disabled", "")
		setSSO(t, s, org.AddUser(t, pilot), "enabled", p.ID)
		invited := org.Address("invited")
		org.Invite(t, invited)
		standing := s.NewBrowser(t)
		standing.SSO(t, p, user, "").Redirected(t, "/")
		ways := func() string {
			var b strings.Builder
			for _, u := range harness.Items(s.OK(t, "GET", "/organizations/"+org.ID+"/users", nil)) {
				b.WriteString(harness.ID(u) + " " + strings.Join(strings.Fields(sprint(u["sign_in"], u["sso"], u["status"])), " ") + "\n")
			}
			return b.String()
		}
		before := ways()
		s.OK(t, "PATCH", "/organizations/"+org.ID, harness.Object{"edition": "standard"})
		if after := ways(); after != before {
			t.Errorf("before the lapse:\n%safter it:\n%s", before, after)
		}
		standing.SignedIn(t, user, "sso")
		for _, one := range []string{user, pilot} {
			s.NewBrowser(t).Password(t, one, harness.Password).Refused(t, 403, "sso_required")
			b := s.NewBrowser(t)
			b.SSO(t, p, one, "").Redirected(t, "/")
			b.SignedIn(t, one, "sso")
		}
		s.NewBrowser(t).Password(t, exempt, harness.Password).Redirected(t, "/")
		vouch(t, s.NewBrowser(t), p, exempt).Refused(t, 403, "sso_not_enabled_for_user")
		b := s.NewBrowser(t)
		setInitial(t, b, arrive(t, b, p, invited, "").Field(t, "page"), newPassword).Redirected(t, "/")
		// Until the enforcement is released.
		s.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": nil})
		if way := harness.At(s.User(t, id), "sign_in", "method"); way != "password" {
			t.Errorf("after the release the way is %v", way)
		}
		s.NewBrowser(t).Password(t, user, harness.Password).Redirected(t, "/")
	})
}

func TestOnlyTheOperatorChangesAnEdition(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		admin := org.NewToken(t, "admin")
		s.RefusedAs(t, admin, 403, "forbidden", "PATCH", "/organizations/"+org.ID, harness.Object{"edition": "administration"})
		s.RefusedAs(t, admin, 403, "forbidden", "PATCH", "/organizations/"+org.ID, harness.Object{"name": "Renamed", "edition": "enterprise"})
		o := s.OK(t, "GET", "/organizations/"+org.ID, nil)
		if o["edition"] != "enterprise" || o["name"] == "Renamed" {
			t.Errorf("the organization is %v", o)
		}
		for _, edition := range []string{"standard", "administration", "enterprise"} {
			if o := s.OK(t, "PATCH", "/organizations/"+org.ID, harness.Object{"edition": edition}); o["edition"] != edition {
				t.Errorf("%v instead of %s", o["edition"], edition)
			}
		}
		s.Refused(t, 422, "invalid", "PATCH", "/organizations/"+org.ID, harness.Object{"edition": "platinum"})
	})
}
