package web

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"sallyport/help"
)

// views holds the view of each page. A page without one fails the tests.
var views = map[string]any{
	"console": consoleView{}, "continue": continueView{}, "help_error": helpErrorView{}, "initial": initialView{}, "login": loginView{},
	"password": passwordView{}, "post": postView{}, "refusal": refusalView{}, "security": securityView{},
	"signed_out": signedOutView{},
	"invitation": invitationView{}, "reset": resetView{}, "proof": proofView{}, "forgot": forgotView{}, "signup": signUpView{},
	"help_home": helpHomeView{}, "help_concept": helpConceptView{}, "help_guides": helpGuidesView{}, "help_guide": helpGuideView{}, "help_errors": helpErrorsView{},
	"recover": recoverView{}, "recovery": recoveryView{}, "codes": codesView{},
	"fresh": freshView{}, "found": foundView{},
	"test_result": testResultView{}, "setup": setupView{}, "setup_idp": setupIdPView{}, "setup_reading": setupReadingView{}, "setup_test": setupTestView{},
	"admin_test": testsView{}, "admin_test_result": adminTestView{}, "admin_setup": setupLinksView{}, "admin_draft": draftView{},
	"admin_overview": overviewView{}, "admin_form": formView{}, "admin_roles": rolesView{}, "admin_audit": auditView{},
	"admin_activity": activityView{}, "admin_attempt": attemptView{}, "admin_replay": replayView{},
	"admin_domains": domainsView{}, "admin_domain": domainView{}, "admin_users": usersView{}, "admin_user": userView{},
	"admin_enforce": enforceView{}, "admin_without_sso": withoutSSOView{},
	"admin_sso": ssoView{}, "admin_profile": profileView{}, "admin_profile_domain": profileDomainView{}, "admin_profile_idp": exchangeView{},
	"admin_profile_reading": readingView{}, "admin_profile_keys": keysView{},
	"admin_imports": importsView{}, "admin_import": importView{}, "admin_accounts": accountsView{}, "admin_account": accountView{},
	"admin_certificates": certificatesView{},
	"feedback":           feedbackPageView{}, "thanks": thanksView{},
}

// hostile is what somebody could have put into every text.
const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>javascript:alert(1)`

// fill sets every exported field of a view: texts, two of each list that differ,
// true. Forms have a field of each kind.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[fieldName]() || v.Type() == reflect.TypeFor[help.SectionKey]() {
			text = "field" + text[len(text)-1:] // names are ours
		}
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Slice:
		kinds := []string{fieldText, fieldEmail, fieldNumber, fieldSelect, fieldRadio, fieldCheckbox, fieldSet, fieldTextarea, fieldFile}
		n := 2
		if v.Type() == reflect.TypeFor[[]formField]() {
			n = len(kinds)
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), text+strconv.Itoa(i))
			if f, ok := v.Index(i).Addr().Interface().(*formField); ok {
				f.Kind, f.Name = kinds[i], fieldName("field"+strconv.Itoa(i))
			}
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	}
}

// loaded are the pages as the server has them.
func loaded(t *testing.T) *pages {
	t.Helper()
	a, err := loadAssets()
	if err != nil {
		t.Fatal(err)
	}
	p, err := loadPages(a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A kind is what a view is filled with, and what every page must not do then.
type kind struct{ name, text string }

var kinds = []kind{{"empty", ""}, {"full", "text"}, {"hostile", hostile}}

// rendered goes through every page, filled with every kind of text, in every
// language.
func rendered(t *testing.T, check func(t *testing.T, k kind, page string, doc *html.Node)) {
	t.Helper()
	p := loaded(t)
	for name, template := range p.byName {
		empty, ok := views[name]
		if !ok {
			t.Errorf("the page %s has no view in this test", name)
			continue
		}
		for lang := range p.catalog {
			for _, k := range kinds {
				v := reflect.New(reflect.TypeOf(empty)).Elem()
				if k.text != "" {
					fill(v, k.text)
				}
				frame := v.FieldByName("Frame").Addr().Interface().(*Frame)
				frame.catalog, frame.Lang, frame.Nonce = p.catalog, lang, "the-nonce"
				frame.Title, frame.Product = frame.T("login.title")+k.text, "Product"+k.text
				var b bytes.Buffer
				if err := template.ExecuteTemplate(&b, name+".html", v.Interface()); err != nil {
					t.Errorf("%s, %s, %s: %v", name, lang, k.name, err)
					continue
				}
				doc, err := html.Parse(strings.NewReader(b.String()))
				if err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint(name, "/", lang, "/", k.name), func(t *testing.T) { check(t, k, b.String(), doc) })
			}
		}
	}
}

// elements goes through a document.
func elements(n *html.Node, f func(*html.Node)) {
	if n.Type == html.ElementNode {
		f(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		elements(c, f)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestEveryTemplateHasAView(t *testing.T) {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if _, ok := views[name]; !ok && !strings.HasPrefix(name, "_") {
			t.Errorf("%s", name)
		}
	}
}

// TestNoViewHidesWhatTheFrameShows: a field of a view has another name than those
// of the frame around it, which would show the view's.
func TestNoViewHidesWhatTheFrameShows(t *testing.T) {
	names := func(frame reflect.Type) (list []string) {
		for _, f := range reflect.VisibleFields(frame) {
			if f.IsExported() {
				list = append(list, f.Name)
			}
		}
		return list
	}
	for name, view := range views {
		v := reflect.TypeOf(view)
		frame := v.Field(0)
		if !frame.Anonymous {
			t.Errorf("%s does not begin with its frame", name)
			continue
		}
		for _, shown := range names(frame.Type) {
			for i := 1; i < v.NumField(); i++ {
				if v.Field(i).Name == shown {
					t.Errorf("%s hides %s of its frame", name, shown)
				}
			}
		}
	}
}

// TestPagesNeedNothingInline: the policy lets no script run but those with the
// nonce, and no style that is not a file.
func TestPagesNeedNothingInline(t *testing.T) {
	rendered(t, func(t *testing.T, _ kind, page string, doc *html.Node) {
		elements(doc, func(n *html.Node) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
				if (a.Key == "href" || a.Key == "src" || a.Key == "action") && strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
			switch n.Data {
			case "script":
				if attr(n, "nonce") != "the-nonce" {
					t.Errorf("a script without the nonce: %v", n.Attr)
				}
			case "style", "iframe", "object", "embed", "base", "img":
				t.Errorf("<%s>", n.Data)
			}
		})
		if len(page) > 60<<10 {
			t.Errorf("%d octets", len(page))
		}
	})
}

func TestPagesAreWellMade(t *testing.T) {
	rendered(t, func(t *testing.T, k kind, page string, doc *html.Node) {
		ids, labels, count := map[string]bool{}, map[string]bool{}, map[string]int{}
		elements(doc, func(n *html.Node) {
			count[n.Data]++
			if id := attr(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("two elements have the id %s", id)
				}
				ids[id] = true
			}
			if n.Data == "label" {
				labels[attr(n, "for")] = true
			}
		})
		if count["h1"] != 1 || count["main"] != 1 || count["title"] != 1 || !strings.HasPrefix(page, "<!doctype html>") {
			t.Errorf("%d h1, %d main, %d title", count["h1"], count["main"], count["title"])
		}
		elements(doc, func(n *html.Node) {
			if id := attr(n, "id"); (n.Data == "input" && attr(n, "type") != "hidden" || n.Data == "select") && !labels[id] {
				t.Errorf("the input %q has no label", id)
			}
			if n.Data == "html" && attr(n, "lang") == "" {
				t.Error("no language")
			}
			if n.Data == "form" && attr(n, "method") != "post" && attr(n, "role") != "search" && attr(n, "class") != "choose" {
				t.Error("a form that is not posted, and neither searches nor chooses")
			}
			for _, of := range strings.Fields(attr(n, "aria-describedby") + " " + attr(n, "aria-labelledby")) {
				if !ids[of] {
					t.Errorf("<%s> is described by #%s, which is not there", n.Data, of)
				}
			}
		})
		for _, mistake := range []string{"<no value>", "%!", "{{", "ZgotmplZ"} {
			if k.text != hostile && strings.Contains(page, mistake) {
				t.Errorf("%s stands on the page", mistake)
			}
		}
	})
}

// keyShape is what a key that nobody knows would show as.
var keyShape = regexp.MustCompile(`>\s*[a-z]+\.[a-z_]+(\.[a-z_]+)*\s*<`)

func TestNoPageShowsAKey(t *testing.T) {
	rendered(t, func(t *testing.T, _ kind, page string, _ *html.Node) {
		if key := keyShape.FindString(page); key != "" {
			t.Error(key)
		}
	})
}

// TestTheHelpPageOfEveryCode renders the real texts.
func TestTheHelpPageOfEveryCode(t *testing.T) {
	p := loaded(t)
	for _, code := range help.ErrorCodes() {
		page, _ := help.Error(code)
		var b bytes.Buffer
		frame := Frame{Lang: "en", catalog: p.catalog}
		v := helpErrorView{HelpFrame: HelpFrame{Frame: frame}, Code: code, Page: page, Advice: frame.advice(code)}
		if err := p.byName["help_error"].ExecuteTemplate(&b, "help_error.html", v); err != nil || b.Len() > 60<<10 {
			t.Errorf("%s: %d octets, %v", code, b.Len(), err)
		}
	}
}
