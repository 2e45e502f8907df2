package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
)

// TestEveryCodeHasAHelpPage compares the codes with the pages, both ways.
// Package help imports nothing, so the test stands here, at the door that
// serves them.
func TestEveryCodeHasAHelpPage(t *testing.T) {
	var codes []string
	for _, code := range fault.Codes() {
		codes = append(codes, string(code))
		if _, ok := help.Error(string(code)); !ok {
			t.Errorf("help/errors/%s.txt is missing", code)
		}
	}
	for _, code := range help.ErrorCodes() {
		if !slices.Contains(codes, code) {
			t.Errorf("help/errors/%s.txt explains a code that does not exist", code)
		}
	}
}

// atSignIn are the codes, besides those of the SAML core, that a sign-in, its
// test or its metadata may end with.
var atSignIn = []fault.Code{
	fault.UserNotFound, fault.UserDeactivated, fault.UserNotActivated, fault.SSONotEnabledForUser, fault.SSOProfileMismatch,
	fault.SSOProfileDisabled, fault.SSOProfileNotTested, fault.DomainNotVerified, fault.MetadataInvalid, fault.MetadataFetchFailed,
	fault.CredentialsInvalid, fault.RateLimited, fault.RecoveryCodeInvalid, fault.SSORequired,
}

// TestEverySignInErrorHasAdvice holds that advice has a general row for each code
// of a sign-in, for every Identity Provider that a profile can be of.
func TestEverySignInErrorHasAdvice(t *testing.T) {
	for _, code := range fault.Codes() {
		if !strings.HasPrefix(string(code), "saml_") && !slices.Contains(atSignIn, code) {
			continue
		}
		for _, idp := range append([]string{"", "unknown"}, sso.Products...) {
			if a := help.Advise(string(code), idp); a.Fix == "" || a.Side == "" {
				t.Errorf("%s, %q: no advice", code, idp)
			}
		}
	}
}

// TestEveryProductHasItsGuide compares both lists: the outer contract's values of
// a profile's idp, in its order.
func TestEveryProductHasItsGuide(t *testing.T) {
	var slugs []string
	for _, g := range help.Guides() {
		slugs = append(slugs, g.Slug)
	}
	if !slices.Equal(slugs, sso.Products) {
		t.Errorf("guides for %q, profiles of %q", slugs, sso.Products)
	}
}

// TestTheHelpPages opens every page that there is, in both languages.
func TestTheHelpPages(t *testing.T) {
	s := secureSite(t)
	paths := []string{"/help", "/help/guides", "/help/errors", "/help?q=certificate", "/help?q=nothing+of+the+kind+zzz"}
	for _, g := range help.Guides() {
		paths = append(paths, "/help/guides/"+g.Slug)
	}
	for _, c := range help.Concepts() {
		paths = append(paths, "/help/concepts/"+c.Slug)
	}
	for _, code := range help.ErrorCodes() {
		paths = append(paths, "/help/errors/"+code)
	}
	for _, lang := range []string{"en", "de"} {
		for _, path := range paths {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Accept-Language", lang)
			page := s.browser(t).send(r)
			if page.Code != http.StatusOK || len(page.text()) > 60<<10 || strings.Contains(page.text(), "<no value>") || strings.Contains(page.text(), "ZgotmplZ") {
				t.Errorf("%s, %s: %d, %d octets", path, lang, page.Code, len(page.text()))
			}
			if note := strings.Contains(page.text(), "nur auf Englisch"); note != (lang == "de" && path != "/help/errors") {
				t.Errorf("%s, %s: says that it is in English alone: %v", path, lang, note)
			}
		}
	}
	for _, path := range []string{"/help/guides/none", "/help/concepts/none", "/help/guides/..%2fokta", "/help/guides/OKTA", "/help/other"} {
		s.browser(t).get(path).refused(http.StatusNotFound, "not_found")
	}
}

// TestAPublicGuideHasNoValueToCopy: placeholders are not for copying, and the
// page says so.
func TestAPublicGuideHasNoValueToCopy(t *testing.T) {
	s := secureSite(t)
	text := s.browser(t).get("/help/guides/okta").text()
	if strings.Contains(text, "data-copy") || !strings.Contains(text, "placeholders") || !strings.Contains(text, s.cfg.BaseURL+"/saml/YOUR-PROFILE/acs") {
		t.Error(text)
	}
}

// TestAGuideWithRealValues renders the part for an administrator: each value in a
// field that can be selected, named by its label, with a button to copy it.
func TestAGuideWithRealValues(t *testing.T) {
	p := loaded(t)
	v := help.Values{EntityID: "https://sp.test/entity", ACSURL: "https://sp.test/acs", MetadataURL: "https://sp.test/metadata", SLOURL: "https://sp.test/slo"}
	for _, g := range help.Guides() {
		var b bytes.Buffer
		view := helpGuideView{HelpFrame{Frame: Frame{Lang: "en", catalog: p.catalog}}, newGuide(g, v)}
		if err := p.byName["help_guide"].ExecuteTemplate(&b, "help_guide.html", view); err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		labels, copied, fields := map[string]bool{}, map[string]bool{}, 0
		elements(doc, func(n *html.Node) {
			switch {
			case n.Data == "label":
				labels[attr(n, "for")] = true
			case n.Data == "button" && attr(n, "data-copy") != "":
				copied[attr(n, "data-copy")] = true
				if attr(n, "data-copied") != "Copied" {
					t.Errorf("%s: a button announces %q", g.Slug, attr(n, "data-copied"))
				}
			}
		})
		elements(doc, func(n *html.Node) {
			if n.Data != "textarea" {
				return
			}
			fields++
			if value := n.FirstChild.Data; !labels[attr(n, "id")] || !copied[value] || !strings.HasPrefix(value, "https://sp.test/") {
				t.Errorf("%s: the field %s holds %q; label %v, button %v", g.Slug, attr(n, "id"), value, labels[attr(n, "id")], copied[value])
			}
		})
		if fields < 2 || !copied[v.EntityID] || !copied[v.ACSURL] {
			t.Errorf("%s: %d fields, %v", g.Slug, fields, copied)
		}
	}
}

func TestSearchingTheHelp(t *testing.T) {
	s := secureSite(t)
	if text := s.browser(t).get("/help?q=audience+okta").text(); !strings.Contains(text, `href="/help/guides/okta"`) || !strings.Contains(text, `value="audience okta"`) {
		t.Error(text)
	}
	if text := s.browser(t).get("/help?q=" + url.QueryEscape(hostile)).text(); strings.Contains(text, "<script>alert") || strings.Contains(text, `src=x onerror`) && !strings.Contains(text, "&lt;img") {
		t.Error(text)
	}
	long := s.browser(t).get("/help?q=" + strings.Repeat("certificate+", 500))
	if long.Code != http.StatusOK || len(long.text()) > 60<<10 {
		t.Errorf("%d, %d octets", long.Code, len(long.text()))
	}
}

// TestTheHelpOfACodeByIdP: a code's page has what to change at each Identity
// Provider, unless that is the same for all.
func TestTheHelpOfACodeByIdP(t *testing.T) {
	s := secureSite(t)
	text := s.browser(t).get("/help/errors/saml_audience_mismatch").text()
	for _, g := range help.Guides() {
		if !strings.Contains(text, `href="/help/guides/`+g.Slug+`"`) {
			t.Errorf("no link to the guide for %s", g.Name)
		}
	}
	if text := s.browser(t).get("/help/errors/password_weak").text(); strings.Contains(text, "<details>") {
		t.Error("advice by Identity Provider for a password")
	}
}
