package web

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

// A site is the door on its parts.
type site struct {
	*parts.Parts
	web *Web
	cfg Config
}

func newSite(t testing.TB, p *parts.Parts, base string) *site {
	t.Helper()
	cfg := Config{BaseURL: base, ProductName: parts.Product, SupportURL: "https://example.com/support"}
	w, err := New(Services{DB: p.DB, IDs: p.IDs, Audit: p.Audit, Directory: p.Directory, SignIn: p.SignIn, Record: p.Record, SSO: p.SSO, Imports: p.Imports, Feedback: p.Feedback, Logger: slog.New(slog.DiscardHandler)}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &site{p, w, cfg}
}

// secureSite is a site over https, on SQLite.
func secureSite(t testing.TB) *site {
	t.Helper()
	return newSite(t, parts.New(t, "sqlite"), parts.BaseURL)
}

// A browser keeps cookies, and says where its forms come from.
type browser struct {
	*site
	t       testing.TB
	cookies map[string]string
	set     []*http.Cookie // all that it was ever told to keep

	language string // that it asks for; empty: none
}

func (s *site) browser(t testing.TB) *browser { return &browser{s, t, map[string]string{}, nil, ""} }

// A page is what came back.
type page struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func (b *browser) send(r *http.Request) page {
	b.t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if b.language != "" {
		r.Header.Set("Accept-Language", b.language)
	}
	w := httptest.NewRecorder()
	b.web.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.set = append(b.set, c)
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return page{w, b.t}
}

func (b *browser) get(path string) page {
	b.t.Helper()
	return b.send(httptest.NewRequest(http.MethodGet, path, nil))
}

// form makes the request of a form of our own.
func (b *browser) form(path string, pairs ...string) *http.Request {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Origin", b.cfg.BaseURL)
	return r
}

func (b *browser) post(path string, pairs ...string) page {
	b.t.Helper()
	return b.send(b.form(path, pairs...))
}

// deliver posts a response to the ACS as another site has the browser do: with
// none of our cookies.
func (b *browser) deliver(r sso.Response) page {
	b.t.Helper()
	req := b.form("/saml/"+r.ProfileID+"/acs", "SAMLResponse", r.SAMLResponse[0], "RelayState", r.RelayState)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Origin", "https://idp.example")
	kept := b.cookies
	b.cookies = map[string]string{}
	p := b.send(req)
	for name, value := range b.cookies {
		kept[name] = value
	}
	b.cookies = kept
	return p
}

// redirected fails the test unless the page leads to a place; it returns it.
func (p page) redirected(to string) string {
	p.t.Helper()
	location := p.Header().Get("Location")
	if p.Code != http.StatusSeeOther || !strings.HasPrefix(location, to) || to == "" {
		p.t.Fatalf("%d to %q, not to %q: %s", p.Code, location, to, p.Body)
	}
	return location
}

// refused fails the test unless the page is a refusal with the code.
func (p page) refused(status int, code string) page {
	p.t.Helper()
	h := p.Header()
	if p.Code != status || h.Get("Sallyport-Error") != code {
		p.t.Fatalf("%d %s, not %d %s: %s", p.Code, h.Get("Sallyport-Error"), status, code, p.Body)
	}
	if reference := h.Get("Sallyport-Reference"); reference == "" || !strings.Contains(p.Body.String(), reference) {
		p.t.Errorf("the reference %q does not stand on the page", reference)
	}
	return p
}

func (p page) text() string { return p.Body.String() }

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([A-Za-z_]+)"[^>]* value="([^"]*)"`)

// hidden returns the value of a hidden field.
func (p page) hidden(name string) string {
	p.t.Helper()
	for _, m := range hiddenField.FindAllStringSubmatch(p.text(), -1) {
		if m[1] == name {
			return html.UnescapeString(m[2])
		}
	}
	p.t.Fatalf("no field %s: %s", name, p.text())
	return ""
}

// session asks who is signed in; empty for nobody.
func (b *browser) session() string {
	b.t.Helper()
	p := b.get("/session")
	body, err := io.ReadAll(p.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if p.Code == http.StatusUnauthorized {
		return ""
	}
	m := regexp.MustCompile(`"email":"([^"]*)".*"method":"([a-z]+)"`).FindStringSubmatch(string(body))
	if p.Code != http.StatusOK || m == nil {
		b.t.Fatalf("%d %s", p.Code, body)
	}
	return m[1] + " by " + m[2]
}
