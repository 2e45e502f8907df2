package web

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// TestTheOverviewTellsHowSignInsComeOut in a sentence, a plot with its table, by
// cause, and what ends next.
func TestTheOverviewTellsHowSignInsComeOut(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		d := s.desk(t)
		home := strings.TrimSuffix(d.home, "/activity")
		d.b.get(home).shows("Nobody has tried to sign in during the last 24 hours.", "None.").hides("<svg viewBox=\"0 0 560", "As a table")
		for range 3 {
			d.Pass(time.Minute)
			if _, err := d.Login(t, d.user.Email); err != nil {
				t.Fatal(err)
			}
		}
		d.b.get(home).shows("All sign-ins of the last 24 hours succeeded: 3.", "3 succeeded, 0 were refused", `class="good" x=`).hides(`fill="url(#hatch)"`)
		d.Pass(40 * time.Minute)
		reference := d.refused(t, fault.SAMLAudienceMismatch, wrongAudience)
		d.refused(t, fault.SAMLAudienceMismatch, wrongAudience)
		latest := d.refused(t, fault.SAMLAudienceMismatch, wrongAudience)
		d.refused(t, fault.SAMLNameIDNotEmail, func(r *samltest.Response) { r.Assertion.NameID.Value = "jdoe" })
		page := d.b.get(home)
		page.shows("Most sign-ins fail: 4 of 7 in the last 24 hours.", "3 succeeded, 4 were refused", `fill="url(#hatch)"`, "As a table", `<th scope="row">`,
			"activity?code=saml_audience_mismatch&amp;outcome=refused&amp;profile="+d.ID, "3×", "/help/errors/saml_audience_mismatch", "1×", "saml_nameid_not_email",
			d.home+"/"+latest, "What ends next", "Certificate of the Identity Provider of Login", "Our key for Login").hides(d.home+"/"+reference, "Room 101")
		if first := regexp.MustCompile(`<code>saml_[a-z_]+</code>`).FindString(page.text()); first != "<code>saml_audience_mismatch</code>" {
			t.Errorf("%s comes first", first)
		}
		if n := strings.Count(page.text(), `<th scope="row">`); n != 2 {
			t.Errorf("%d hours in the table", n)
		}
		// Two days later the day is quiet, and the two weeks are not.
		d.Pass(48 * time.Hour)
		admin := s.as(t, d.Organization.User(t, "second@acme.test", access.RoleAdministrator)) // the session of before is over
		admin.get(home).shows("Nobody has tried to sign in during the last 24 hours.", "saml_audience_mismatch").hides(`fill="url(#hatch)"`)
		admin.get(home+"?plot=days").shows("3 succeeded, 4 were refused", `fill="url(#hatch)"`, "Show the last 24 hours")
	})
}
