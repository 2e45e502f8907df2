package outside

import (
	"testing"

	"sallyport/test/harness"
)

func TestSPInitiatedLoginEndsAtThePageFirstAskedFor(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		org.AddUser(t, org.Address("user"))
		p := org.NewProfile(t, nil)
		p.Enforce(t)
		b := s.NewBrowser(t)
		b.Get(t, "/account/security").Redirected(t, "/login?return_to=%2Faccount%2Fsecurity")
		b.SSO(t, p, org.Address("user"), "/account/security").Redirected(t, "/account/security")
		b.SignedIn(t, org.Address("user"), "sso")
	})
}

func TestThePasswordIsRefusedUnderEnforcement(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		org.AddUser(t, org.Address("user"))
		b := s.NewBrowser(t)
		b.Password(t, org.Address("user"), harness.Password).Redirected(t, "/")
		b.SignedIn(t, org.Address("user"), "password")
		org.NewProfile(t, nil).Enforce(t)
		s.NewBrowser(t).Password(t, org.Address("user"), harness.Password).Refused(t, 403, "sso_required")
		s.NewBrowser(t).Password(t, org.Address("user"), "wrong").Refused(t, 401, "credentials_invalid")
	})
}
