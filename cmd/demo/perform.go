package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// perform signs in twice, as a browser would: from the login page, and from the
// tile.
func perform(ctx context.Context, s *sallyport, idp *idp) error {
	for _, login := range []struct{ name, url string }{
		{"started at Sallyport (SP-initiated)", s.base + "/login?return_to=%2Faccount%2Fsecurity"},
		{"started at the Identity Provider (IdP-initiated)", idp.base + "/tile"},
	} {
		b, err := newBrowser(ctx)
		if err != nil {
			return err
		}
		if err := b.signIn(login.url, s.base); err != nil {
			return fmt.Errorf("the login %s failed: %w", login.name, err)
		}
		who, err := b.whoami(s.base)
		if err != nil {
			return fmt.Errorf("the login %s failed: %w", login.name, err)
		}
		fmt.Printf("ok: a login %s signed in %s, by %s, at %s\n", login.name, who.Email, who.Method, b.at.RequestURI())
	}
	return nil
}

// browser follows redirects, keeps cookies and sends forms.
type browser struct {
	ctx    context.Context
	client *http.Client
	at     *url.URL
	page   *html.Node
}

func newBrowser(ctx context.Context) (*browser, error) {
	jar, err := cookiejar.New(nil)
	return &browser{ctx: ctx, client: &http.Client{Jar: jar}}, err
}

// signIn fills in every form that stands in the way until it is in.
func (b *browser) signIn(start, base string) error {
	if err := b.open(http.MethodGet, start, nil); err != nil {
		return err
	}
	for range 8 {
		form := find(b.page, "form")
		at := b.at.Scheme + "://" + b.at.Host
		if at == base && b.at.Path != "/login" || form == nil {
			return nil
		}
		fields := values(form)
		for name, value := range map[string]string{"email": ownerEmail, "user": ownerEmail, "password": demoPassword} {
			if fields.Has(name) {
				fields.Set(name, value)
			}
		}
		action, err := b.at.Parse(attr(form, "action"))
		if err != nil {
			return err
		}
		if err := b.open(http.MethodPost, action.String(), fields); err != nil {
			return err
		}
	}
	return errors.New("too many forms")
}

func (b *browser) open(method, to string, form url.Values) error {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.ctx, method, to, body)
	if err != nil {
		return err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s %s", method, to, res.Status, res.Header.Get("Sallyport-Error"))
	}
	b.at = res.Request.URL
	b.page, err = html.Parse(res.Body)
	return err
}

type identity struct {
	Email  string `json:"email"`
	Method string `json:"method"`
}

// whoami asks who is signed in in this browser.
func (b *browser) whoami(base string) (who identity, err error) {
	res, err := b.client.Get(base + "/session")
	if err != nil {
		return who, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return who, fmt.Errorf("nobody is signed in: %s", res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(&who); err != nil {
		return who, err
	}
	if who.Email != ownerEmail || who.Method != "sso" {
		return who, fmt.Errorf("%s is signed in by %s", who.Email, who.Method)
	}
	return who, nil
}

func find(n *html.Node, tag string) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == tag {
			return d
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// values are the fields of a form as they stand.
func values(form *html.Node) url.Values {
	v := make(url.Values)
	for d := range form.Descendants() {
		if d.Type == html.ElementNode && d.Data == "input" && attr(d, "name") != "" {
			v.Set(attr(d, "name"), attr(d, "value"))
		}
	}
	return v
}
