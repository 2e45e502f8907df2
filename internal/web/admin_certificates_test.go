package web

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

func TestCertificatesOfAProfile(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	s.trust(t, acme)
	b, path := s.as(t, acme.admin), acme.path("/sso/{profile}/certificates")
	one := path + "/" + acme.trusted.certificate
	page := b.get(path)
	page.shows("Certificates of Followed", "Waiting for your decision", "CN=rsa3072.idp.example", colons(acme.trusted.certificate), "Valid until 2099-01-01",
		"Not seen in a sign-in yet", "The metadata names another Identity Provider", "https://other.example/metadata", "https://idp.idp.test/metadata",
		one+"/approve", one+"/refuse", path+"/entity/accept", path+"/refresh", "Sallyport "+acme.trusted.profile)
	b.get(acme.home()).shows("in place of the known one", "names another Identity Provider", path)
	b.get(acme.home()+"/users").shows("in place of the known one", path)

	b.get(one+"/approve").shows("Use this certificate for Followed?", "Compare the fingerprint")
	b.post(one + "/approve").redirected(path)
	b.get(path).shows("is used now.").hides("Waiting for your decision", one+"/approve")
	acme.Recorded(t, audit.ProfileCertificateApproved)

	b.get(path + "/entity/accept").shows("https://other.example/metadata")
	b.post(path+"/entity/accept", "entity_id", "https://none.example").refused(404, "not_found")
	b.post(path+"/entity/refuse", "entity_id", "https://other.example/metadata").redirected(path)
	b.get(path).shows("stays with the known Identity Provider.", "the document names the Identity Provider that was refused.", "What was read last stays in use.")
	b.get(path+"/entity/refuse").refused(404, "not_found")

	b.get(one + "/distrust").shows("Distrust this certificate of Followed now?").hides(`name="acknowledge"`)
	b.post(one + "/distrust").redirected(path)
	b.get(path).shows("is not trusted any more.", "Refused and distrusted")
	b.post(one+"/distrust").refused(404, "not_found")
}

func TestTheLastCertificateNeedsATick(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	p := acme.Configured(t)
	v, err := s.SSO.Certificates(t.Context(), parts.Operator(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	b, path := s.as(t, acme.owner), acme.home()+"/sso/"+p.ID+"/certificates"
	b.get(path).shows("The data were entered or uploaded.").hides("Refresh now")
	b.post(path + "/refresh").shows("The SSO profile has no metadata URL.")
	one := path + "/" + v.Certificates[0].SHA256 + "/distrust"
	b.get(one).shows("It is the only one", `name="acknowledge"`)
	b.post(one).wrong(422, "acknowledge", "")
	b.post(one, "acknowledge", "1").redirected(path)
	b.get(path).shows("This profile has no certificate: nobody can sign in with it.")
	german := httptest.NewRequest("GET", path, nil)
	german.Header.Set("Accept-Language", "de")
	b.send(german).shows("Dieses Profil hat kein Zertifikat")
	for _, none := range []string{"/nothing/approve", "/" + strings.Repeat("0", 64) + "/approve", "/entity/accept"} {
		b.get(path+none).refused(404, "not_found")
	}
}

func TestAFailureIsShownOnThePage(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	s.trust(t, acme)
	b, path := s.as(t, acme.admin), acme.path("/sso/{profile}/certificates")
	s.Net.Publish(t, "idp.idp.test", []byte("<html>waldeinsamkeit"))
	s.Pass(time.Second)
	page := b.post(path + "/refresh")
	if page.Code != 422 {
		t.Errorf("%d", page.Code)
	}
	page.shows("Can&#39;t be refreshed since", "this is a web page (HTML)").hides("waldeinsamkeit")
	b.get(acme.home()).shows("refreshed since")
	s.Net.Publish(t, "idp.idp.test", samltest.NewIdP().Metadata())
	s.Pass(time.Second)
	b.post(path + "/refresh").redirected(path)
	b.get(path).shows("The metadata of Followed is refreshed.").hides("be refreshed since", "Waiting for your decision")
}

func TestTheOperatorsProfileIsOnlyLookedAt(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	s.trust(t, acme)
	by := sso.ManagedByOperator
	if _, err := s.SSO.Update(t.Context(), parts.Operator(), acme.trusted.profile, sso.Input{ManagedBy: &by}); err != nil {
		t.Fatal(err)
	}
	b, path := s.as(t, acme.owner), acme.path("/sso/{profile}/certificates")
	b.get(path).shows("The operator manages this SSO profile.", "Refresh now").hides("/approve", "/distrust", "/entity/")
	b.post(path+"/"+acme.trusted.certificate+"/approve").refused(403, "forbidden")
	s.as(t, acme.User(t, "plain@acme.test", access.RoleMember)).get(path).refused(403, "forbidden")
}
