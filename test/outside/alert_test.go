package outside

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// TestAdministratorsGetOneMailWhenSignInsBeginToFail through the binary, from one
// node of two where there are several.
func TestAdministratorsGetOneMailWhenSignInsBeginToFail(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		if s.Engine == "postgres" {
			harness.Start(t, harness.Options{Like: s})
		}
		org, owner, _ := owned(t, s)
		s.Mail(t, owner) // of the role
		p := org.NewProfile(t, nil)
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"idp": "okta"})
		p.Enforce(t)
		for i := range 8 {
			user := org.Address(fmt.Sprint("user", i))
			org.AddUser(t, user)
			s.NewBrowser(t).SSO(t, p, user, "").Redirected(t, "/")
		}
		eventually(t, 10*time.Second, "recorded", func() bool {
			return s.Count(t, "select count(*) from record_details where organization_id = $1", org.ID) == 8
		})
		s.Exec(t, "update record_attempts set time = $1 where organization_id = $2", time.Now().Add(-3*time.Hour), org.ID) // since then all was well
		other := &samltest.Signing{Key: samltest.NamedKey(samltest.RSA2048Other)}
		for range 6 {
			vouchWith(t, s.NewBrowser(t), p, func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = other, other }).Refused(t, 403, "saml_certificate_unknown")
		}
		eventually(t, 10*time.Second, "recorded", func() bool {
			return s.Count(t, "select count(*) from record_attempts where organization_id = $1 and outcome = 'refused'", org.ID) == 6
		})
		s.DueNow(t)
		mail := s.Mail(t, owner)
		text := strings.Join(strings.Fields(mail.Text), " ")
		for _, want := range []string{"6 of 6 sign-ins", "saml_certificate_unknown", "SAML Signing Certificates", s.Base + "/admin/" + org.ID + "/activity?outcome=refused&profile=" + p.ID} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in the mail:\n%s", want, mail.Text)
			}
		}
		s.DueNow(t)
		s.NoMail(t, owner)
	})
}
