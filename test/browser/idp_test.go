package browser

import (
	"crypto/tls"
	"html/template"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// An idpSite is the Identity Providers' web site: each asks for an address,
// remembers it in a cookie, and has the browser post the answer.
type idpSite struct {
	base string

	mu       sync.Mutex
	profiles []*harness.Profile
}

func newIdPSite(t *testing.T, files *testenv.TLSFiles) *idpSite {
	s := &idpSite{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{profile}/sso", s.sso)
	mux.HandleFunc("POST /{profile}/sso", s.sso)
	mux.HandleFunc("POST /{profile}/moved", s.moved)
	mux.HandleFunc("GET /{profile}/resume", s.resume)
	mux.HandleFunc("GET /{profile}/tile", s.tile)
	mux.HandleFunc("POST /{profile}/login", s.login)
	mux.HandleFunc("GET /{profile}/slo", s.leave)
	mux.HandleFunc("POST /{profile}/slo", s.leave)
	mux.HandleFunc("GET /{profile}/everywhere", s.everywhere)
	mux.HandleFunc("GET /{profile}/push", s.push)
	mux.Handle("GET /favicon.ico", http.NotFoundHandler())
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a browser may close a connection
	server.TLS = &tls.Config{Certificates: []tls.Certificate{files.Certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.base = "https://" + net.JoinHostPort(idpHost, port)
	return s
}

// newProfile connects an organization with an Identity Provider of this site.
func (s *idpSite) newProfile(t *testing.T, org *harness.Organization, options harness.Object) *harness.Profile {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	base := s.base + "/" + strconv.Itoa(len(s.profiles))
	idp := samltest.NewIdP()
	idp.EntityID, idp.SSOURL = base+"/metadata", base+"/sso"
	p := org.NewProfileWith(t, idp, options)
	s.profiles = append(s.profiles, p)
	return p
}

// postOnly leaves the profile one endpoint, for requests by POST.
func postOnly(t *testing.T, p *harness.Profile, endpoint string) {
	t.Helper()
	p.IdP.SSOURL = strings.TrimSuffix(p.IdP.SSOURL, "/sso") + endpoint
	var lines []string
	for line := range strings.Lines(string(p.IdP.Metadata())) {
		if !strings.Contains(line, "HTTP-Redirect") {
			lines = append(lines, line)
		}
	}
	p.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"metadata_xml": strings.Join(lines, "")})
	p.MarkTested(t)
}

// tileURL is where the portal's tile leads.
func tileURL(p *harness.Profile, relayState string) string {
	return strings.TrimSuffix(p.IdP.EntityID, "/metadata") + "/tile?" + url.Values{"RelayState": {relayState}}.Encode()
}

func (s *idpSite) find(w http.ResponseWriter, r *http.Request) (*harness.Profile, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := strconv.Atoi(r.PathValue("profile"))
	if err != nil || n < 0 || n >= len(s.profiles) {
		http.NotFound(w, r)
		return nil, false
	}
	return s.profiles[n], true
}

// sso takes a request by either binding.
func (s *idpSite) sso(w http.ResponseWriter, r *http.Request) {
	if req, ok := readRequest(w, r); ok {
		s.ask(w, r, req.ID, r.FormValue("RelayState"))
	}
}

func readRequest(w http.ResponseWriter, r *http.Request) (req *samltest.Request, ok bool) {
	var err error
	if r.Method == http.MethodPost {
		req, err = samltest.ReadPostedRequest(r.PostFormValue("SAMLRequest"))
	} else {
		req, err = samltest.ReadRequest(r.URL.String())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return req, err == nil
}

// moved sends a posted request on to another site of the same Identity
// Provider, as the large ones do between their domains.
func (s *idpSite) moved(w http.ResponseWriter, r *http.Request) {
	if req, ok := readRequest(w, r); ok {
		http.Redirect(w, r, strings.Replace(s.base, idpHost, movedHost, 1)+"/"+r.PathValue("profile")+"/resume?"+
			url.Values{"request": {req.ID}, "RelayState": {r.FormValue("RelayState")}}.Encode(), http.StatusSeeOther)
	}
}

func (s *idpSite) resume(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, r.FormValue("request"), r.FormValue("RelayState"))
}

// tile begins a login that nobody asked for.
func (s *idpSite) tile(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, "", r.FormValue("RelayState"))
}

// ask answers at once for a user who is logged in here, and else asks who is
// there.
func (s *idpSite) ask(w http.ResponseWriter, r *http.Request, requestID, relayState string) {
	p, ok := s.find(w, r)
	if !ok {
		return
	}
	if who, err := r.Cookie("who" + r.PathValue("profile")); err == nil {
		s.answer(w, p, who.Value, requestID, relayState)
		return
	}
	show(w, `<!doctype html><html lang="en"><title>Log in at Acme</title><h1>Acme</h1>
<form method="post" action="login"><input type="hidden" name="request" value="{{.Request}}"><input type="hidden" name="RelayState" value="{{.RelayState}}">
<label>Acme address <input name="email"></label> <button>Log in at Acme</button></form>`,
		map[string]string{"Request": requestID, "RelayState": relayState})
}

func (s *idpSite) login(w http.ResponseWriter, r *http.Request) {
	p, ok := s.find(w, r)
	if !ok {
		return
	}
	email := r.PostFormValue("email")
	// None, since requests are posted from another site.
	http.SetCookie(w, &http.Cookie{Name: "who" + r.PathValue("profile"), Value: email, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode})
	s.answer(w, p, email, r.PostFormValue("request"), r.PostFormValue("RelayState"))
}

// answer has the browser post the response, by itself if it runs scripts.
func (s *idpSite) answer(w http.ResponseWriter, p *harness.Profile, email, requestID, relayState string) {
	show(w, `<!doctype html><html lang="en"><title>One moment</title><h1>One moment</h1>
<form method="post" action="{{.ACS}}"><input type="hidden" name="SAMLResponse" value="{{.Response}}"><input type="hidden" name="RelayState" value="{{.RelayState}}">
<button>On to the application</button></form><script>document.forms[0].submit()</script>`,
		map[string]string{"ACS": p.SP.ACSURL, "Response": responseTo(p, email, requestID), "RelayState": relayState})
}

func responseTo(p *harness.Profile, email, requestID string) string {
	return p.Response(email, requestID).Encode()
}

func show(w http.ResponseWriter, page string, view map[string]string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	template.Must(template.New("").Parse(page)).Execute(w, view)
}

// logIn answers the question of the Identity Provider's page.
func (b *tab) logIn(email string) {
	b.Fill("Acme address", email)
	b.Click("Log in at Acme")
}
