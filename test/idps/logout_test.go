package idps

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// A leaver is an Identity Provider with Single Logout.
type leaver struct {
	product *product
	// agrees tells it to send and demand signed messages, by the keys in our
	// metadata and to the endpoints there.
	agrees func(t *testing.T, c *customer, by binding)
	// leave is where a user signs out there.
	leave func(c *customer) string
	// left is what its page says then.
	left *regexp.Regexp
	// login marks its login page, where it has one.
	login string
	// bindings are those by which it sends its messages.
	bindings []binding
}

var leavers = []leaver{
	{
		product: simpleSAMLphp,
		agrees: func(t *testing.T, c *customer, _ binding) {
			c.registerLeaving(t, map[string]any{"sign.logout": true, "validate.logout": true})
		},
		leave: func(c *customer) string {
			idp := c.idp.(*testenv.SimpleSAMLphpIdP)
			return idp.SLOURL + "?" + url.Values{"ReturnTo": {idp.BaseURL + "logout.php"}}.Encode()
		},
		left: regexp.MustCompile(`(?i)logged out`), login: `name="password"`,
		bindings: []binding{byRedirect, byPOST},
	},
	{
		product: lemonLDAP,
		agrees: func(t *testing.T, c *customer, _ binding) {
			c.registerLemonLDAP(t, map[string]any{"SignSSOMessage": 1, "SignSLOMessage": 1, "CheckSLOMessageSignature": 1})
		},
		leave: func(c *customer) string { return c.idp.(*testenv.LemonLDAPIdP).LogoutURL },
		left:  regexp.MustCompile(`icons/ok\.png`), login: `name="password"`,
		bindings: []binding{byRedirect, byPOST},
	},
	{
		product: auth0samlp,
		agrees: func(t *testing.T, c *customer, by binding) {
			certificate, _ := pemPair(t, c.metadataKeys(t, "signing")[0])
			uri := testenv.BindingRedirect
			if by.name == byPOST.name {
				uri = testenv.BindingPOST
			}
			c.putSAMLP(t, harness.Object{"logoutCert": certificate, "sloURL": c.SLOURL, "sloBinding": uri})
		},
		leave:    func(c *customer) string { return c.idp.(*nodeIdP).base + "/slo" },
		left:     regexp.MustCompile(`OK`),
		bindings: []binding{byRedirect, byPOST},
	},
	{
		// It signs, and looks at no signature.
		product:  samlIDP,
		agrees:   func(t *testing.T, c *customer, _ binding) { c.setSAMLIDP(t, harness.Object{"sloUrl": c.SLOURL}) },
		leave:    func(c *customer) string { return c.idp.(*nodeIdP).base + "/signout" },
		left:     regexp.MustCompile(`OK`),
		bindings: []binding{byPOST},
	},
}

// registerLeaving registers a customer at SimpleSAMLphp with more options.
func (c *customer) registerLeaving(t *testing.T, options map[string]any) {
	t.Helper()
	c.register(t, testenv.SimpleSAMLphpSP{SignResponse: true, Extra: options})
}

// eachLeaver runs a test for Identity Providers with Single Logout, with a
// customer for each binding: there is no other for logout messages, in either
// direction.
func eachLeaver(t *testing.T, leavers []leaver, f func(t *testing.T, c *customer, l leaver, by binding)) {
	t.Helper()
	s := servers["sqlite"]()
	for _, l := range leavers {
		for _, by := range l.bindings {
			t.Run(l.product.name+" "+by.name, func(t *testing.T) {
				other := byPOST
				if by.name == byPOST.name {
					other = byRedirect
				}
				c := connectBy(t, s, l.product, nil, without(t, string(l.product.start().Metadata(t)), "SingleLogoutService", other))
				c.Metadata = without(t, c.Metadata, "SingleLogoutService", other)
				l.agrees(t, c, by)
				f(t, c, l, by)
			})
		}
	}
}

// A visit is a browser that is signed in by an Identity Provider: it has the
// cookies of both.
type visit struct {
	*customer
	browser *harness.Browser
	client  *http.Client
	trail   []string // what it did at our Single Logout Service
	order   step     // the last such step
}

func (c *customer) visit(t *testing.T) *visit {
	t.Helper()
	v := &visit{customer: c, client: c.idp.Client(t)}
	v.again(t)
	return v
}

// again signs in again.
func (v *visit) again(t *testing.T) {
	t.Helper()
	v.browser = v.NewBrowser(t)
	a := v.browser.Post(t, "/login", url.Values{"email": {v.Email}})
	v.arrive(t, v.browser, v.answer(t, v.client, a.Location, v.Login), "/")
}

// A step is what a browser is led to do next.
type step struct {
	target string
	form   url.Values // nil for a link or redirect
}

var formElement = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)".*?</form>`)
var inputElement = regexp.MustCompile(`<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"`)

// messageForm finds the form of a page that brings a message of SAML to
// somebody.
func messageForm(page string) (next step, ok bool) {
	for _, found := range formElement.FindAllStringSubmatch(page, -1) {
		next = step{html.UnescapeString(found[1]), url.Values{}}
		for _, input := range inputElement.FindAllStringSubmatch(found[0], -1) {
			next.form.Set(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
		}
		if next.form.Has("SAMLRequest") || next.form.Has("SAMLResponse") {
			return next, true
		}
	}
	return step{}, false
}

// follow does what the browser is led to do, here and there, until a page leads
// nowhere by itself, and returns that page's address and text.
func (v *visit) follow(t *testing.T, s step) (address, page string) {
	t.Helper()
	for range 20 {
		address = s.target
		var location string
		if strings.HasPrefix(s.target, v.Base) {
			location, page = v.here(t, s)
		} else {
			location, page = v.there(t, s)
		}
		if location != "" {
			s = step{target: location}
			continue
		}
		var ok bool
		if s, ok = messageForm(page); !ok {
			return address, page
		}
	}
	t.Fatalf("no end to it: at %s", address)
	return "", ""
}

// here does a step at our place, as coming from the Identity Provider's.
func (v *visit) here(t *testing.T, s step) (location, page string) {
	t.Helper()
	path := strings.TrimPrefix(s.target, v.Base)
	var a harness.Answer
	if s.form == nil {
		a = v.browser.Get(t, path)
	} else {
		a = v.browser.PostForeign(t, path, s.form)
	}
	if strings.HasPrefix(s.target, v.SLOURL) {
		v.trail, v.order = append(v.trail, s.message(t)+" "+a.Code), s
	}
	if strings.HasPrefix(a.Location, "/") {
		return v.Base + a.Location, a.Body
	}
	return a.Location, a.Body
}

// xml is the message that a step brings by HTTP-Redirect.
func (s step) xml(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(s.target)
	if err != nil {
		t.Fatal(err)
	}
	deflated, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// message names what a step brings: "SAMLRequest by HTTP-Redirect".
func (s step) message(t *testing.T) string {
	t.Helper()
	values, binding := s.form, byPOST.name
	if values == nil {
		u, err := url.Parse(s.target)
		if err != nil {
			t.Fatal(err)
		}
		values, binding = u.Query(), byRedirect.name
	}
	for _, field := range []string{"SAMLRequest", "SAMLResponse"} {
		if values.Has(field) {
			return field + " by " + binding
		}
	}
	return "nothing by " + binding
}

// there does a step at the Identity Provider.
func (v *visit) there(t *testing.T, s step) (location, page string) {
	t.Helper()
	client := *v.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var res *http.Response
	var err error
	if s.form == nil {
		res, err = client.Get(s.target)
	} else {
		res, err = client.PostForm(s.target, s.form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if location = res.Header.Get("Location"); location != "" {
		u, err := res.Request.URL.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		location = u.String()
	}
	return location, string(body)
}

// out presses our button.
func (v *visit) out(t *testing.T) (address, page string) {
	t.Helper()
	a := v.browser.Post(t, "/logout", nil)
	v.browser.SignedIn(t, "", "")
	if next, ok := messageForm(a.Body); ok {
		return v.follow(t, next)
	}
	if strings.HasPrefix(a.Location, "/") {
		t.Fatalf("%d to %s: the Identity Provider is not asked", a.Status, a.Location)
	}
	return v.follow(t, step{target: a.Location})
}

var frameElement = regexp.MustCompile(`<iframe[^>]*src="([^"]*)"`)

// outThere signs out at the Identity Provider, and does what its page has
// frames do. It returns what the page and the frames end with.
func (v *visit) outThere(t *testing.T, l leaver) string {
	t.Helper()
	_, page := v.follow(t, step{target: l.leave(v.customer)})
	top := v.browser
	defer func() { v.browser = top }()
	v.browser = v.NewBrowser(t) // a frame gets none of our cookies
	for _, frame := range frameElement.FindAllStringSubmatch(page, -1) {
		address, end := v.follow(t, step{target: html.UnescapeString(frame[1])})
		page += "\n" + address + "\n" + end
	}
	return page
}

// knownThere reports whether the Identity Provider knows the browser: it answers
// at once, and asks for no password.
func (v *visit) knownThere(t *testing.T, l leaver) bool {
	t.Helper()
	a := v.NewBrowser(t).Post(t, "/login", url.Values{"email": {v.Email}})
	res, err := v.client.Get(a.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, answers := messageForm(string(body))
	if asks := strings.Contains(string(body), l.login); asks == answers {
		t.Fatalf("it neither answers nor asks who it is:\n%s", body)
	}
	return answers
}

func TestSigningOutHereSignsOutThere(t *testing.T) {
	eachLeaver(t, leavers, func(t *testing.T, c *customer, l leaver, by binding) {
		v := c.visit(t)
		if l.login != "" && !v.knownThere(t, l) {
			t.Fatal("nobody is signed in there")
		}
		address, page := v.out(t)
		if address != c.Base+"/signed-out?result=done" {
			t.Fatalf("it ends at %s:\n%s", address, page)
		}
		if want := []string{"SAMLResponse by " + by.name + " "}; !slices.Equal(v.trail, want) {
			t.Errorf("it came by %q, not %q", v.trail, want)
		}
		if l.login != "" && v.knownThere(t, l) {
			t.Error("still signed in there")
		}
	})
}

func TestSigningOutThereSignsOutHere(t *testing.T) {
	eachLeaver(t, leavers, func(t *testing.T, c *customer, l leaver, by binding) {
		v, elsewhere := c.visit(t), c.visit(t)
		page := v.outThere(t, l)
		v.browser.SignedIn(t, "", "")
		if !l.left.MatchString(page) {
			t.Errorf("%s says:\n%s", l.product.name, page)
		}
		if log := c.idp.LogTail(10); strings.Contains(log, "Could not verify signature") { // LemonLDAP::NG says no more
			t.Errorf("our answer was not believed:\n%s", log)
		}
		if want := []string{"SAMLRequest by " + by.name + " "}; !slices.Equal(v.trail, want) {
			t.Errorf("it came by %q, not %q", v.trail, want)
		}
		elsewhere.browser.SignedIn(t, c.Email, "sso") // another session there, with an index of its own
	})
}

// unsigned tells Identity Providers to sign no logout messages.
var unsigned = map[*product]func(t *testing.T, c *customer){
	simpleSAMLphp: func(t *testing.T, c *customer) { c.registerLeaving(t, nil) },
	lemonLDAP: func(t *testing.T, c *customer) {
		c.registerLemonLDAP(t, map[string]any{"SignSSOMessage": 1, "SignSLOMessage": 0, "CheckSLOMessageSignature": 1})
	},
}

func TestAnOrderToSignOutWithoutSignatureIsRefused(t *testing.T) {
	eachLeaver(t, leavers, func(t *testing.T, c *customer, l leaver, by binding) {
		v := c.visit(t)
		if tell := unsigned[l.product]; tell != nil {
			tell(t, c)
		} else {
			// These sign whatever they send, by a key that we don't know then.
			other := base64.StdEncoding.EncodeToString(samltest.NamedKey(samltest.RSA2048Other).Certificate.Raw)
			c.OK(t, "PATCH", "/sso-profiles/"+c.ProfileID, harness.Object{"certificates": []string{other}})
		}
		v.outThere(t, l)
		if want := []string{"SAMLRequest by " + by.name + " saml_logout_invalid"}; !slices.Equal(v.trail, want) {
			t.Errorf("it came to %q, not %q", v.trail, want)
		}
		v.browser.SignedIn(t, c.Email, "sso")
	})
}

func TestOurRequestToSignOutIsRefusedThereWithoutOurKey(t *testing.T) {
	verifying := slices.DeleteFunc(slices.Clone(leavers), func(l leaver) bool { return l.product == samlIDP })
	eachLeaver(t, verifying, func(t *testing.T, c *customer, l leaver, by binding) {
		v := c.visit(t)
		c.Metadata = withOtherKey(t, c.Metadata)
		l.agrees(t, c, by)
		v.again(t) // so that samlp notes the key
		address, _ := v.out(t)
		if strings.HasPrefix(address, c.Base) {
			t.Errorf("it ends at %s", address)
		}
		if l.login != "" && !v.knownThere(t, l) {
			t.Error("nobody is signed in there any more")
		}
	})
}

func TestAnOrderToSignOutCountsOnce(t *testing.T) {
	eachLeaver(t, leavers, func(t *testing.T, c *customer, l leaver, by binding) {
		v := c.visit(t)
		v.outThere(t, l)
		v.browser.SignedIn(t, "", "")
		location, _ := v.here(t, v.order)
		if location != "" || v.trail[1] != "SAMLRequest by "+by.name+" saml_logout_invalid" {
			t.Errorf("the second time it leads to %q; %q", location, v.trail)
		}
	})
}

func TestAnEncryptedNameIDInAnOrderIsRead(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := connect(t, s, simpleSAMLphp, harness.Object{"offer_encryption": true})
		c.registerLeaving(t, map[string]any{"sign.logout": true, "validate.logout": true, "nameid.encryption": true})
		v, elsewhere := c.visit(t), c.visit(t)
		v.outThere(t, leavers[0])
		v.browser.SignedIn(t, "", "")
		if request := v.order.xml(t); !strings.Contains(request, "<saml:EncryptedID") || strings.Contains(request, "<saml:NameID") {
			t.Fatalf("the NameID is not encrypted:\n%s", request)
		}
		elsewhere.browser.SignedIn(t, c.Email, "sso")
	})
}
