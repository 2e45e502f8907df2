package testenv

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Login walks from startURL through the Identity Provider as a browser would,
// with client's cookies, and returns the form that would carry the answer to
// the service provider, without posting it. startURL is the redirect of a
// service provider, [SimpleSAMLphpIdP.IdPInitiatedURL], or a page that leads
// there by redirects or by a form that posts a SAMLRequest.
//
// Where client's session at the Identity Provider still holds, no password is
// asked for, and user and password are not looked at. A nil client stands for
// a new [SimpleSAMLphpIdP.Client]; one without a cookie jar gets one for this
// login.
func (idp *SimpleSAMLphpIdP) Login(t testing.TB, client *http.Client, startURL, user, password string) (action string, form url.Values) {
	t.Helper()
	walker := idp.walker(t, client)
	page := idp.page(t)(walker.Get(startURL))
	for range 10 {
		found := page.form("SAMLResponse", "SAMLRequest", "password")
		switch {
		case found == nil:
			t.Fatalf("%s (%s) has no form to go on with: %s\n%s", page.url, page.status, page.text(), idp.LogTail(20))
		case found.values.Has("SAMLResponse"):
			return found.action, found.values
		case found.values.Has("password"):
			if page.passwordRefused {
				t.Fatalf("SimpleSAMLphp refused the password of %q: %s", user, page.text())
			}
			found.values.Set("username", user)
			found.values.Set("password", password)
		}
		asked := found.values.Has("password")
		page = idp.page(t)(walker.PostForm(found.action, found.values))
		page.passwordRefused = asked
	}
	t.Fatalf("the login at %s does not come to an end: at %s after ten forms", startURL, page.url)
	return "", nil
}

// walker is client as Login needs it: with cookies and following redirects.
func (idp *SimpleSAMLphpIdP) walker(t testing.TB, client *http.Client) *http.Client {
	t.Helper()
	if client == nil {
		return idp.Client(t)
	}
	walker := *client
	walker.CheckRedirect = nil
	if walker.Jar == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		walker.Jar = jar
	}
	return &walker
}

// dial reaches the Identity Provider under its name, and any other address as
// usual.
func (idp *SimpleSAMLphpIdP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if base, err := url.Parse(idp.BaseURL); err == nil && address == base.Host {
		address = idp.address
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// A loginPage is an HTML page on the way of a login.
type loginPage struct {
	url             *url.URL
	status          string
	root            *html.Node
	passwordRefused bool // it answers a form with a password
}

// A loginForm is a form as a browser would submit it untouched.
type loginForm struct {
	action string
	values url.Values
}

// page reads an answer as HTML.
func (idp *SimpleSAMLphpIdP) page(t testing.TB) func(*http.Response, error) *loginPage {
	t.Helper()
	return func(resp *http.Response, err error) *loginPage {
		t.Helper()
		if err != nil {
			t.Fatalf("on the way of a login: %v\n%s", err, idp.LogTail(20))
		}
		defer resp.Body.Close()
		root, err := html.Parse(io.LimitReader(resp.Body, 8<<20))
		if err != nil {
			t.Fatalf("reading %s: %v", resp.Request.URL, err)
		}
		return &loginPage{url: resp.Request.URL, status: resp.Status, root: root}
	}
}

// form returns the first form that has a field of one of the names.
func (p *loginPage) form(names ...string) *loginForm {
	for node := range p.root.Descendants() {
		if node.DataAtom != atom.Form {
			continue
		}
		found := p.readForm(node)
		for _, name := range names {
			if found.values.Has(name) {
				return found
			}
		}
	}
	return nil
}

func (p *loginPage) readForm(node *html.Node) *loginForm {
	found := &loginForm{values: url.Values{}}
	if action, err := p.url.Parse(htmlAttribute(node, "action")); err == nil {
		found.action = action.String()
	}
	for field := range node.Descendants() {
		name := htmlAttribute(field, "name")
		if field.DataAtom != atom.Input || name == "" {
			continue
		}
		switch htmlAttribute(field, "type") {
		case "submit", "button", "checkbox", "radio":
		default:
			found.values.Add(name, htmlAttribute(field, "value"))
		}
	}
	return found
}

// text is what the page says, in one line, for messages.
func (p *loginPage) text() string {
	var words []string
	for node := range p.root.Descendants() {
		if node.Type == html.TextNode && node.Parent.DataAtom != atom.Script && node.Parent.DataAtom != atom.Style {
			words = append(words, strings.Fields(node.Data)...)
		}
	}
	text := strings.Join(words, " ")
	if len(text) > 1000 {
		text = text[:1000] + "…"
	}
	return fmt.Sprintf("%q", text)
}

func htmlAttribute(node *html.Node, name string) string {
	for _, attribute := range node.Attr {
		if attribute.Key == name {
			return attribute.Val
		}
	}
	return ""
}

func simpleSAMLphpGet(t testing.TB, client *http.Client, target string) (status int, body []byte) {
	t.Helper()
	resp, err := client.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading %s: %v", target, err)
	}
	return resp.StatusCode, body
}
