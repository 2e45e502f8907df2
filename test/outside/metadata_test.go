package outside

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// published serves an Identity Provider's metadata at 127.0.0.1.
type published struct {
	*httptest.Server
	document atomic.Value // string
	asked    atomic.Int64
}

func publish(t *testing.T, document string) *published {
	t.Helper()
	p := &published{}
	p.document.Store(document)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		w.Write([]byte(p.document.Load().(string)))
	}))
	t.Cleanup(p.Close)
	return p
}

// followed makes an enforced profile of an Identity Provider whose metadata is
// fetched.
func followed(t *testing.T, s *harness.Server, idp *samltest.IdP, url string) (p *harness.Profile, user string) {
	t.Helper()
	org := harness.NewOrganization(t, s)
	created := s.OK(t, "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "Followed", "metadata_url": url})
	p = &harness.Profile{Organization: org, ID: harness.ID(created), IdP: idp, SP: idp.Config()}
	p.SP.EntityID, _ = created["entity_id"].(string)
	p.SP.ACSURL, _ = created["acs_url"].(string)
	if harness.At(created, "idp", "metadata_url") != url || created["state"] != "configured" {
		t.Errorf("%v", created)
	}
	p.MarkTested(t)
	p.Enforce(t)
	user = org.Address("user")
	org.AddUser(t, user)
	return p, user
}

// certificates returns the states of a profile's certificates by fingerprint.
func certificates(t *testing.T, p *harness.Profile) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, c := range harness.Items(p.OK(t, "GET", "/sso-profiles/"+p.ID+"/certificates", nil)) {
		sha256, _ := c["sha256"].(string)
		list[sha256], _ = c["state"].(string)
	}
	return list
}

// within waits for what happens in the background.
func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}

func TestMetadataByURLFromSetUpToDistrust(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{Args: []string{"--outbound-allow", "127.0.0.0/8"}}, func(t *testing.T, s *harness.Server) {
		idp := samltest.NewIdP()
		site := publish(t, string(idp.Metadata()))
		p, user := followed(t, s, idp, site.URL+"/metadata")
		first := s.NewBrowser(t)
		first.SSO(t, p, user, "").Redirected(t, "/")

		// Beside the known key stands a new one; who comes with it has it fetched.
		old, next := *idp, *idp
		next.Key = samltest.NamedKey(samltest.RSA3072)
		both := strings.Replace(string(old.Metadata()), "<md:KeyDescriptor", keyDescriptor(string(next.Metadata()))+"<md:KeyDescriptor", 1)
		site.document.Store(both)
		p.IdP = &next
		second := s.NewBrowser(t)
		vouch(t, second, p, user).Refused(t, 403, "saml_certificate_unknown")
		within(t, 10*time.Second, "the refresh that an unknown key asks for", func() bool { return len(certificates(t, p)) == 2 })
		second.SSO(t, p, user, "").Redirected(t, "/")
		second.SignedIn(t, user, "sso")
		shown := s.OK(t, "GET", "/sso-profiles/"+p.ID, nil)
		if shown["state"] != "enforced" || strings.Contains(fmt.Sprint(shown["warnings"]), "not_tested") {
			t.Errorf("%v %v", shown["state"], shown["warnings"])
		}

		// Distrust ends the sessions of the one, and not those of the other.
		var oldSHA string
		for _, c := range harness.Items(p.OK(t, "GET", "/sso-profiles/"+p.ID+"/certificates", nil)) {
			if c["certificate"] == harness.PEM(old.Key) {
				oldSHA, _ = c["sha256"].(string)
			}
		}
		s.OK(t, "DELETE", "/sso-profiles/"+p.ID+"/certificates/"+oldSHA, nil)
		first.SignedIn(t, "", "")
		second.SignedIn(t, user, "sso")
		p.IdP = &old
		vouch(t, s.NewBrowser(t), p, user).Refused(t, 403, "saml_certificate_unknown")
		time.Sleep(1100 * time.Millisecond)
		s.OK(t, "POST", "/sso-profiles/"+p.ID+"/metadata/refresh", nil)
		if got := certificates(t, p); got[oldSHA] != "distrusted" || len(got) != 2 {
			t.Errorf("%v", got)
		}

		// A failure is told, quotes nothing, and changes nothing.
		site.document.Store("<html>waldeinsamkeit")
		time.Sleep(1100 * time.Millisecond)
		refused := fmt.Sprint(s.Refused(t, 422, "metadata_invalid", "POST", "/sso-profiles/"+p.ID+"/metadata/refresh", nil))
		told := fmt.Sprint(s.OK(t, "GET", "/sso-profiles/"+p.ID+"/metadata", nil))
		if strings.Contains(refused, "waldeinsamkeit") || strings.Contains(told, "waldeinsamkeit") || !strings.Contains(told, "web page") {
			t.Errorf("%s\n%s", refused, told)
		}
		p.IdP = &next
		s.NewBrowser(t).SSO(t, p, user, "").Redirected(t, "/")
	})
}

// keyDescriptor is the first one of a document.
func keyDescriptor(document string) string {
	const end = "</md:KeyDescriptor>"
	return document[strings.Index(document, "<md:KeyDescriptor") : strings.Index(document, end)+len(end)]
}

// TestNobodyHasUsVisitTheOperatorsNetwork: without outbound-allow a metadata URL
// at loopback is not even connected to.
func TestNobodyHasUsVisitTheOperatorsNetwork(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		site := publish(t, string(samltest.NewIdP().Metadata()))
		_, port, _ := strings.Cut(strings.TrimPrefix(site.URL, "http://"), ":")
		for _, host := range []string{"127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "192.168.0.1", "100.64.0.1", "[fd00::1]", "[fe80::1]"} {
			for _, scheme := range []string{"https", "http"} {
				began := time.Now()
				s.Refused(t, 422, "metadata_fetch_failed", "POST", "/organizations/"+org.ID+"/sso-profiles",
					harness.Object{"name": "Login", "metadata_url": scheme + "://" + host + ":" + port + "/metadata"})
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s took %s", host, took)
				}
			}
		}
		for _, url := range []string{"", "file:///etc/passwd", "ftp://idp.example/", "javascript:alert(1)", "idp.example/metadata", "https://user:word@idp.example/"} {
			s.Refused(t, 422, "invalid", "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "Login", "metadata_url": url})
		}
		if n := site.asked.Load(); n != 0 {
			t.Errorf("%d requests arrived", n)
		}
	})
}
