package browser

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// A followed is an office with an SSO profile whose metadata shows another
// certificate than the known one.
type followed struct {
	*office
	path     string // of the page about certificates
	waiting  string // the certificate's fingerprint
	used     string
	document *atomic.Value
}

func (s *stage) followed(t *testing.T) *followed {
	t.Helper()
	f := &followed{office: s.office(t), document: &atomic.Value{}}
	idp := samltest.NewIdP()
	f.document.Store(string(idp.Metadata()))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(f.document.Load().(string)))
	}))
	t.Cleanup(site.Close)
	id := harness.ID(f.OK(t, "POST", "/organizations/"+f.ID+"/sso-profiles", harness.Object{"name": "Company login", "metadata_url": site.URL + "/metadata"}))
	idp.Key = samltest.NamedKey(samltest.RSA3072)
	f.document.Store(string(idp.Metadata()))
	time.Sleep(1100 * time.Millisecond) // once a second
	f.OK(t, "POST", "/sso-profiles/"+id+"/metadata/refresh", nil)
	for _, c := range harness.Items(f.OK(t, "GET", "/sso-profiles/"+id+"/certificates", nil)) {
		if sha256, _ := c["sha256"].(string); c["state"] == "waiting" {
			f.waiting = sha256
		} else {
			f.used = sha256
		}
	}
	f.path = "/sso/" + id + "/certificates"
	return f
}

// publish puts an Identity Provider's metadata at a URL.
func (s *stage) publish(t *testing.T, idp *samltest.IdP) string {
	t.Helper()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(idp.Metadata()) }))
	t.Cleanup(site.Close)
	return site.URL + "/metadata"
}

// decideByHand approves what waits, has the metadata refreshed, and distrusts.
func decideByHand(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	f := s.followed(t)
	b := f.enter(t, s, "/users", options...)
	b.WaitText("shows a new certificate in place of the known one")
	b.Click("See certificates")
	b.at(t, f.home+f.path)
	b.WaitText("Waiting for your decision")
	b.Click("Approve certificate")
	b.WaitText("Use this certificate for Company login?")
	b.focused(t, "[data-cancel]")
	b.Click(".dialog button.main")
	b.WaitText("is used now.")
	f.document.Store("<!doctype html><title>Sign in</title>")
	time.Sleep(1100 * time.Millisecond)
	b.Click("Refresh now")
	b.answered(t, 422, "metadata_invalid")
	b.WaitText("this is a web page (HTML)")
	b.WaitText("What was read last stays in use.")
	b.Click(`a[href$="` + f.used + `/distrust"]`)
	b.WaitText("Distrust this certificate of Company login now?")
	b.focused(t, "[data-cancel]")
	b.Click(".dialog button.danger")
	b.WaitText("is not trusted any more.")
	b.WaitText("Refused and distrusted")
}

func certificatesWithScript(t *testing.T, s *stage) { decideByHand(t, s) }

func certificatesWithoutScript(t *testing.T, s *stage) { decideByHand(t, s, testenv.NoScript()) }

// germanCertificates goes through the pages about certificates. The tab is beside
// one in which somebody else is signed in: it asks whether to go on.
func (s *stage) germanCertificates(t *testing.T, b *tab) {
	t.Helper()
	f := s.followed(t)
	b.Show(testenv.Viewport(320, 640))
	b.path("/login/password")
	b.Fill("#email", f.owner)
	b.Fill("#password", harness.Password)
	b.SubmitForm("#password")
	b.Click("Als " + f.owner + " weitermachen")
	for name, path := range map[string]string{"page": "", "distrust": "/" + f.used + "/distrust", "approve": "/" + f.waiting + "/approve"} {
		b.path(f.home + f.path + path)
		b.answered(t, 200, "")
		b.german(t, "certificates-"+name)
	}
}

// certificateCases are the pages about certificates, for looking at.
func certificateCases() []pageCase {
	at := func(rest func(f *followed) string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			f := s.followed(t)
			return f.enter(t, s, f.path+rest(f))
		}
	}
	return []pageCase{
		{"certificates", "body", at(func(*followed) string { return "" })},
		{"certificates-approve", "[data-cancel]", at(func(f *followed) string { return "/" + f.waiting + "/approve" })},
		{"certificates-distrust-last", "[data-cancel]", at(func(f *followed) string { return "/" + f.used + "/distrust" })},
	}
}
