package harness

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sallyport/saml/samltest"
)

// A Browser keeps cookies and says where its forms come from, as browsers do.
// It does not follow redirects by itself: tests look at each answer.
type Browser struct {
	Server *Server
	// NoCookies has the browser forget every cookie at once.
	NoCookies bool
	jar       http.CookieJar
}

// NewBrowser returns a browser without cookies.
func (s *Server) NewBrowser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Browser{Server: s, jar: jar}
}

// On is the same browser, sent to another node by whatever stands before the
// servers.
func (b *Browser) On(s *Server) *Browser {
	return &Browser{Server: s, NoCookies: b.NoCookies, jar: b.jar}
}

// Clone is another browser that starts with the same cookies.
func (b *Browser) Clone(t testing.TB) *Browser {
	t.Helper()
	next := b.Server.NewBrowser(t)
	u, err := url.Parse(b.Server.Base)
	if err != nil {
		t.Fatal(err)
	}
	next.jar.SetCookies(u, b.jar.Cookies(u))
	return next
}

// An Answer is what the server answered.
type Answer struct {
	Status    int
	Location  string
	Code      string // Sallyport-Error
	Reference string // Sallyport-Reference
	Header    http.Header
	Body      string
	Took      time.Duration
}

// Get opens a page by a link or redirect.
func (b *Browser) Get(t testing.TB, path string) Answer {
	t.Helper()
	return b.send(t, http.MethodGet, path, nil, nil, true)
}

// Post sends a form of one of our own pages.
func (b *Browser) Post(t testing.TB, path string, form url.Values) Answer {
	t.Helper()
	return b.send(t, http.MethodPost, path, form, http.Header{"Origin": {b.Server.Base}, "Sec-Fetch-Site": {"same-origin"}}, true)
}

// PostForeign sends a form from another site: no Lax cookie goes with it, but
// those of the answer are kept.
func (b *Browser) PostForeign(t testing.TB, path string, form url.Values) Answer {
	t.Helper()
	return b.send(t, http.MethodPost, path, form, http.Header{"Origin": {"https://idp.example"}, "Sec-Fetch-Site": {"cross-site"}}, false)
}

// Send sends a request as it is described.
func (b *Browser) Send(t testing.TB, method, path string, form url.Values, header http.Header) Answer {
	t.Helper()
	return b.send(t, method, path, form, header, true)
}

func (b *Browser) send(t testing.TB, method, path string, form url.Values, header http.Header, cookies bool) Answer {
	t.Helper()
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	target := path
	if strings.HasPrefix(path, "/") {
		target = b.Server.Base + path
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if cookies && !b.NoCookies {
		for _, c := range b.jar.Cookies(req.URL) {
			req.AddCookie(c)
		}
	}
	site := *req.URL
	start := time.Now()
	res, err := b.Server.Send(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !b.NoCookies {
		b.jar.SetCookies(&site, res.Cookies())
	}
	return Answer{res.StatusCode, strings.TrimPrefix(res.Header.Get("Location"), b.Server.Base), res.Header.Get("Sallyport-Error"),
		res.Header.Get("Sallyport-Reference"), res.Header, string(raw), time.Since(start)}
}

// Cookies returns the cookies that the browser holds for the server.
func (b *Browser) Cookies(t testing.TB) []*http.Cookie {
	t.Helper()
	u, err := url.Parse(b.Server.Base)
	if err != nil {
		t.Fatal(err)
	}
	return b.jar.Cookies(u)
}

// SetCookie puts a cookie into the browser.
func (b *Browser) SetCookie(t testing.TB, name, value string) {
	t.Helper()
	u, err := url.Parse(b.Server.Base)
	if err != nil {
		t.Fatal(err)
	}
	b.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// Identity is what /session tells; nil if nobody is signed in.
func (b *Browser) Identity(t testing.TB) Object {
	t.Helper()
	a := b.Get(t, "/session")
	if a.Status == http.StatusUnauthorized {
		return nil
	}
	var o Object
	if err := json.Unmarshal([]byte(a.Body), &o); err != nil || a.Status != http.StatusOK {
		t.Fatalf("/session: %d %s", a.Status, a.Body)
	}
	return o
}

// SignedIn fails unless the browser is signed in as this user by this method;
// with an empty address, unless nobody is.
func (b *Browser) SignedIn(t testing.TB, email, method string) {
	t.Helper()
	who := b.Identity(t)
	switch {
	case email == "" && who != nil:
		t.Fatalf("%v is signed in; nobody should be", who)
	case email != "" && (who == nil || who["email"] != email || who["method"] != method):
		t.Fatalf("signed in is %v, not %s by %s", who, email, method)
	}
}

// Password signs in with a password, and returns the answer.
func (b *Browser) Password(t testing.TB, email, password string) Answer {
	t.Helper()
	return b.Post(t, "/login/password", url.Values{"email": {email}, "password": {password}})
}

// Depart types an address at the login page and returns the request that the
// browser is sent to the Identity Provider with.
func (b *Browser) Depart(t testing.TB, email, returnTo string) *samltest.Request {
	t.Helper()
	a := b.Post(t, "/login", url.Values{"email": {email}, "return_to": {returnTo}})
	return a.Request(t)
}

// Request reads the authentication request that an answer redirects with.
func (a Answer) Request(t testing.TB) *samltest.Request {
	t.Helper()
	if a.Status != http.StatusSeeOther && a.Status != http.StatusFound {
		t.Fatalf("%d %s instead of a redirect to the Identity Provider", a.Status, a.Code)
	}
	req, err := samltest.ReadRequest(a.Location)
	if err != nil {
		t.Fatalf("%s: %v", a.Location, err)
	}
	return req
}

// Deliver posts a response from the Identity Provider's site.
func (b *Browser) Deliver(t testing.TB, p *Profile, r *samltest.Response, relayState string) Answer {
	t.Helper()
	return b.DeliverEncoded(t, p, r.Encode(), relayState)
}

// DeliverEncoded posts a SAMLResponse as it is.
func (b *Browser) DeliverEncoded(t testing.TB, p *Profile, encoded, relayState string) Answer {
	t.Helper()
	form := url.Values{"SAMLResponse": {encoded}}
	if relayState != "" {
		form.Set("RelayState", relayState)
	}
	return b.PostForeign(t, p.ACSPath(), form)
}

// SSO signs in through the login page and the profile's Identity Provider, and
// returns the answer of the finish, or the refusal before it.
func (b *Browser) SSO(t testing.TB, p *Profile, email, returnTo string) Answer {
	t.Helper()
	req := b.Depart(t, email, returnTo)
	a := b.Deliver(t, p, p.Response(email, req.ID), req.RelayState)
	if a.Status != http.StatusSeeOther {
		return a
	}
	return b.Get(t, a.Location)
}

// StartSSO is [Browser.SSO] by the profile's own link instead of the login
// page.
func (b *Browser) StartSSO(t testing.TB, p *Profile, email, returnTo string) Answer {
	t.Helper()
	path := "/saml/" + p.ID + "/start"
	if returnTo != "" {
		path += "?return_to=" + url.QueryEscape(returnTo)
	}
	req := b.Get(t, path).Request(t)
	a := b.Deliver(t, p, p.Response(email, req.ID), req.RelayState)
	if a.Status != http.StatusSeeOther {
		return a
	}
	return b.Get(t, a.Location)
}

// Field returns the value of a form field of a page.
func (a Answer) Field(t testing.TB, name string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attribute(n, "name") == name {
			return attribute(n, "value")
		}
	}
	t.Fatalf("the page has no field %s:\n%s", name, a.Body)
	return ""
}

// Form returns the hidden fields of a page's forms, as they would be sent.
func (a Answer) Form(t testing.TB) url.Values {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(a.Body))
	if err != nil {
		t.Fatal(err)
	}
	form := make(url.Values)
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "input" && attribute(n, "type") == "hidden" {
			form.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	return form
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Refused fails unless the answer is a page that refuses with this status and
// code, and names its reference.
func (a Answer) Refused(t testing.TB, status int, code string) Answer {
	t.Helper()
	if a.Status != status || a.Code != code {
		t.Fatalf("%d %q (to %q), not %d %q\n%s", a.Status, a.Code, a.Location, status, code, a.Body)
	}
	if a.Reference == "" || !strings.Contains(a.Body, a.Reference) {
		t.Fatalf("the page does not show its reference %q:\n%s", a.Reference, a.Body)
	}
	return a
}

// Redirected fails unless the answer is a redirect to this place.
func (a Answer) Redirected(t testing.TB, to string) Answer {
	t.Helper()
	if a.Status != http.StatusSeeOther && a.Status != http.StatusFound || a.Location != to {
		t.Fatalf("%d %s to %q, not a redirect to %q", a.Status, a.Code, a.Location, to)
	}
	return a
}
