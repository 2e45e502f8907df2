package help

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// snippets are the blocks of a guide that are taken as they are, filled in.
func snippets(t *testing.T, slug string) (blocks []string) {
	t.Helper()
	g, ok := GuideFor(slug)
	if !ok {
		t.Fatal(slug)
	}
	for _, s := range g.Blocks(values) {
		for _, p := range s.Parts {
			if p.Code != "" {
				blocks = append(blocks, p.Code)
			}
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s has no block", slug)
	}
	return blocks
}

func TestAuth0TakesTheSettings(t *testing.T) {
	var settings struct {
		Audience, Recipient, Destination         string
		SignatureAlgorithm, NameIdentifierFormat string
		NameIdentifierProbes                     []string
		Logout                                   struct{ Callback string }
	}
	if err := json.Unmarshal([]byte(snippets(t, "auth0")[0]), &settings); err != nil {
		t.Fatal(err)
	}
	if settings.Audience != values.EntityID || settings.Recipient != values.ACSURL || settings.Destination != values.ACSURL ||
		settings.Logout.Callback != values.SLOURL || settings.SignatureAlgorithm != "rsa-sha256" || len(settings.NameIdentifierProbes) != 1 ||
		!strings.HasSuffix(settings.NameIdentifierFormat, ":emailAddress") {
		t.Errorf("%+v", settings)
	}
}

// TestShibbolethTakesTheFiles: each block is well-formed and speaks of us.
func TestShibbolethTakesTheFiles(t *testing.T) {
	for _, block := range snippets(t, "shibboleth") {
		d, names := xml.NewDecoder(strings.NewReader(block)), 0
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v: %s", err, block)
			}
			if _, ok := token.(xml.StartElement); ok {
				names++
			}
		}
		if names == 0 {
			t.Errorf("no element: %s", block)
		}
	}
}

// TestOneLoginsPatternFits: what the guide makes of its example matches that and
// nothing longer.
func TestOneLoginsPatternFits(t *testing.T) {
	pattern, err := regexp.Compile(snippets(t, "onelogin")[0])
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]bool{
		"https://login.example.com/saml/x/acs": true, "https://login.example.com/saml/x/acs2": false,
		"https://loginxexample.com/saml/x/acs": false, "https://evil.test/?https://login.example.com/saml/x/acs": false,
	} {
		if pattern.MatchString(url) != want {
			t.Errorf("%s: %v", url, !want)
		}
	}
}

func FuzzSearch(f *testing.F) {
	for _, query := range []string{"okta", "saml_expired", "\xff", "é ü", "a_b _ __", strings.Repeat("x", 300)} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, h := range Search(query) {
			if h.URL == "" || h.Title == "" || !utf8.ValidString(h.Excerpt) {
				t.Errorf("%q: %+v", query, h)
			}
		}
	})
}

func FuzzParts(f *testing.F) {
	for _, text := range []string{"a\n\n- b\n  c\n\n    d\n\n    e\n| f | g\n! h: i\n1. j", "\"a\" `b` [c](/help/d)", "    \n\n", "| {entity_id} | {acs_url} | x", "\f"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parts(text)
		for _, p := range parsed {
			if n := len(p.Text) + len(p.Items) + len(p.Steps) + len(p.Code) + len(p.Rows) + len(p.Errors); err == nil && n == 0 {
				t.Errorf("%q has an empty part", text)
			}
		}
	})
}
