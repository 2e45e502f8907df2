package testenv

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A LoginWalk walks through an Identity Provider as a browser would.
type LoginWalk struct {
	// Client holds the cookies of the browser; one without a cookie jar gets
	// one for this walk. Its CheckRedirect is not used.
	Client *http.Client
	// Fields are what a person enters at the login page, by the names of its
	// form's fields.
	Fields map[string]string
	// Log says what the Identity Provider logged, for messages of failing
	// tests.
	Log func() string
}

// Answer walks from startURL to the form that would carry the answer to the
// service provider, and returns that without posting it. startURL is the
// redirect of a service provider, a link that starts at the Identity Provider,
// or a page that leads there by redirects or by a form that posts a
// SAMLRequest. Where the client's session at the Identity Provider still holds,
// nothing is entered.
func (w LoginWalk) Answer(t testing.TB, startURL string) (action string, form url.Values) {
	t.Helper()
	w.Client = w.client(t)
	return w.answer(t, w.page(t)(w.Client.Get(startURL)))
}

// AnswerForm is [LoginWalk.Answer] where a service provider has the browser
// post its request.
func (w LoginWalk) AnswerForm(t testing.TB, target string, request url.Values) (action string, form url.Values) {
	t.Helper()
	w.Client = w.client(t)
	return w.answer(t, w.page(t)(w.Client.PostForm(target, request)))
}

func (w LoginWalk) answer(t testing.TB, start *loginPage) (action string, form url.Values) {
	t.Helper()
	page, found := w.walk(t, start)
	if found == nil {
		t.Fatalf("%s (%s) has no form to go on with: %s\n%s", page.url, page.status, page.text(), w.Log())
	}
	return found.action, found.values
}

// Refusal is [LoginWalk.Answer] where the Identity Provider gives no answer. It
// returns its last page, as HTML.
func (w LoginWalk) Refusal(t testing.TB, startURL string) string {
	t.Helper()
	w.Client = w.client(t)
	return w.refusal(t, w.page(t)(w.Client.Get(startURL)))
}

// RefusalForm is [LoginWalk.Refusal] where a service provider has the browser
// post its request.
func (w LoginWalk) RefusalForm(t testing.TB, target string, request url.Values) string {
	t.Helper()
	w.Client = w.client(t)
	return w.refusal(t, w.page(t)(w.Client.PostForm(target, request)))
}

func (w LoginWalk) refusal(t testing.TB, start *loginPage) string {
	t.Helper()
	page, found := w.walk(t, start)
	if found != nil {
		t.Fatalf("the Identity Provider answers: %v to %s\n%s", found.values, found.action, w.Log())
	}
	var b strings.Builder
	if err := html.Render(&b, page.root); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// walk goes on from a page, entering the fields where they are asked for. It
// ends at the form with the answer, or at a page that has no way on.
func (w LoginWalk) walk(t testing.TB, page *loginPage) (last *loginPage, answer *loginForm) {
	t.Helper()
	names := []string{"SAMLResponse", "SAMLRequest"}
	for name := range w.Fields {
		names = append(names, name)
	}
	entered := false
	for range 10 {
		found := page.form(names...)
		switch {
		case found == nil:
			return page, nil
		case found.values.Has("SAMLResponse"):
			return page, found
		case found.fill(w.Fields):
			if entered {
				t.Fatalf("the Identity Provider refused %v: %s", w.Fields, page.text())
			}
			entered = true
		}
		page = w.page(t)(w.Client.PostForm(found.action, found.values))
	}
	t.Fatalf("the login does not come to an end: at %s after ten forms", page.url)
	return nil, nil
}

// client is Client as a walk needs it: with cookies and following redirects.
func (w LoginWalk) client(t testing.TB) *http.Client {
	t.Helper()
	client := *w.Client
	client.CheckRedirect = nil
	if client.Jar == nil {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		client.Jar = jar
	}
	return &client
}

// A loginPage is an HTML page on the way of a login.
type loginPage struct {
	url    *url.URL
	status string
	root   *html.Node
}

// A loginForm is a form as a browser would submit it untouched.
type loginForm struct {
	action string
	values url.Values
}

// fill enters values where the form has their fields. It reports whether it has
// any.
func (f *loginForm) fill(values map[string]string) bool {
	filled := false
	for name, value := range values {
		if f.values.Has(name) {
			f.values.Set(name, value)
			filled = true
		}
	}
	return filled
}

// page reads an answer as HTML.
func (w LoginWalk) page(t testing.TB) func(*http.Response, error) *loginPage {
	t.Helper()
	return func(resp *http.Response, err error) *loginPage {
		t.Helper()
		if err != nil {
			t.Fatalf("on the way of a login: %v\n%s", err, w.Log())
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
