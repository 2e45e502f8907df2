package outside

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// An input is what somebody posts to the ACS. A length below zero sends it in
// chunks, without Content-Length.
type input struct {
	name    string
	kind    string // Content-Type; a form's if empty
	body    string
	chunked bool
	status  int
	codes   []string
}

func field(text string) string { return url.Values{"SAMLResponse": {text}}.Encode() }

func message(xml string) string { return field(samltest.Encode(xml)) }

const responseStart = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0"`

func hostileInputs() []input {
	const status = `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>`
	laughs := `<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">`
	for i := range 9 {
		laughs += fmt.Sprintf("<!ENTITY %c \"%s\">", 'b'+i, strings.Repeat(fmt.Sprintf("&%c;", 'a'+i), 10))
	}
	var attributes, namespaces, elements strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&attributes, ` a%d=""`, i)
	}
	for i := range 50_000 {
		fmt.Fprintf(&namespaces, ` xmlns:n%d="u"`, i)
	}
	for range 100_000 {
		elements.WriteString("<a/>")
	}
	multipart := "--x\r\nContent-Disposition: form-data; name=\"SAMLResponse\"\r\n\r\n" + samltest.Encode(responseStart+">"+status+"</samlp:Response>") + "\r\n--x--\r\n"
	xml := []string{"saml_xml_invalid"}
	large := []string{"saml_too_large"}
	missing := []string{"saml_response_missing"}
	return []input{
		{name: "nothing", status: 403, codes: missing},
		{name: "an empty field", body: "SAMLResponse=", status: 403, codes: missing},
		{name: "a field of white space", body: "SAMLResponse=+%0A+", status: 403, codes: missing},
		{name: "another field", body: "SAMLRequest=x&RelayState=y", status: 403, codes: missing},
		{name: "two fields", body: message(responseStart+"/>") + "&" + message(responseStart+"/>"), status: 403, codes: missing},
		{name: "no base64", body: field("!!!! no base64 ????"), status: 403, codes: []string{"saml_base64_invalid"}},
		{name: "base64 of another alphabet", body: field("PHg_Pg--"), status: 403, codes: []string{"saml_base64_invalid"}},
		{name: "no padding", body: field("PHg+PC94Pg"), status: 403, codes: []string{"saml_base64_invalid"}},
		{name: "garbage", body: message("garbage \x01\x02 <<<>>>"), status: 403, codes: xml},
		{name: "random octets", body: message(string(bytes.Repeat([]byte{0xff, 0x00, 0x80, 0x3c}, 5000))), status: 403, codes: xml},
		{name: "UTF-16", body: message("\xff\xfe<\x00a\x00/\x00>\x00"), status: 403, codes: xml},
		{name: "a broken form", body: "SAMLResponse=%zz&%", status: 403, codes: missing},
		{name: "a form of 100,000 fields", body: strings.Repeat("a=b&", 100_000), status: 403, codes: missing},
		{name: "another document", body: message("<a/>"), status: 403, codes: []string{"saml_unsupported_message"}},
		{name: "a DOCTYPE", body: message(`<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`), status: 403, codes: xml},
		{name: "billion laughs", body: message(laughs + "]><r>&j;</r>"), status: 403, codes: xml},
		{name: "a processing instruction", body: message(`<?php x?>` + responseStart + "/>"), status: 403, codes: xml},
		{name: "depth of 100,000", body: message(strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000)), status: 403, codes: xml},
		{name: "depth of 100,000 inside a response", body: message(responseStart + ">" + status + strings.Repeat("<a>", 100_000)), status: 403, codes: xml},
		{name: "100,000 attributes", body: message(responseStart + attributes.String()[:900_000] + ">" + status + "</samlp:Response>"), status: 403, codes: xml},
		{name: "50,000 namespaces", body: message("<a" + namespaces.String() + "/>"), status: 403, codes: xml},
		{name: "100,000 elements", body: message(responseStart + ">" + status + elements.String() + "</samlp:Response>"), status: 403, codes: xml},
		{name: "a name of a megabyte", body: message("<" + strings.Repeat("a", 1_000_000) + "/>"), status: 403, codes: xml},
		{name: "a text of a megabyte", body: message("<a>" + strings.Repeat("&lt;", 250_000) + "</a>"), status: 403, codes: []string{"saml_unsupported_message"}},
		{name: "a megabyte and one octet", body: message(strings.Repeat(" ", 1<<20) + "x"), status: 413, codes: large},
		{name: "two megabytes", body: message("<a>" + strings.Repeat("x", 2<<20) + "</a>"), status: 413, codes: large},
		{name: "10 MB", body: field(strings.Repeat("A", 10_000_000)), status: 413, codes: large},
		{name: "10 MB in chunks", body: field(strings.Repeat("A", 10_000_000)), chunked: true, status: 413, codes: large},
		{name: "10 MB of another field, in chunks", body: "RelayState=" + strings.Repeat("A", 10_000_000), chunked: true, status: 413, codes: large},
		{name: "a multipart form", kind: "multipart/form-data; boundary=x", body: multipart, status: 403, codes: missing},
		{name: "10 MB of multipart form", kind: "multipart/form-data; boundary=x", body: strings.Repeat(multipart, 20_000), status: 413, codes: large},
		{name: "10 MB of multipart form in chunks", kind: "multipart/form-data; boundary=x", body: strings.Repeat(multipart, 20_000), chunked: true, status: 413, codes: large},
		{name: "10 MB of something else in chunks", kind: "application/octet-stream", body: strings.Repeat("x", 10_000_000), chunked: true, status: 413, codes: large},
		{name: "JSON", kind: "application/json", body: `{"SAMLResponse":"x"}`, status: 403, codes: missing},
		{name: "text", kind: "text/plain", body: message(responseStart + "/>"), status: 403, codes: missing},
		{name: "a response deflated as for a redirect", body: field("fVHLasMwELz3K4zutiXHTmJhG0JDIdD20IYeejGyvE4EtiS06378fe2UQKE0h4VlZnZ2Z4t0FH3K"), status: 403, codes: []string{"saml_xml_invalid", "saml_base64_invalid"}},
	}
}

// post sends an input to the ACS of a profile and returns what came back, and
// after which time.
func (in input) post(t *testing.T, s *harness.Server, p *harness.Profile) (a harness.Answer) {
	t.Helper()
	body := io.Reader(strings.NewReader(in.body))
	if in.chunked {
		body = io.MultiReader(body) // whose length nobody knows
	}
	req, err := http.NewRequest(http.MethodPost, s.Base+p.ACSPath(), body)
	if err != nil {
		t.Fatal(err)
	}
	if in.kind == "" {
		in.kind = "application/x-www-form-urlencoded"
	}
	req.Header.Set("Content-Type", in.kind)
	req.Header.Set("Origin", "https://idp.example")
	start := time.Now()
	res, err := s.Send(req)
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	return harness.Answer{Status: res.StatusCode, Code: res.Header.Get("Sallyport-Error"), Reference: res.Header.Get("Sallyport-Reference"),
		Header: res.Header, Body: string(raw), Took: time.Since(start)}
}

// Not parallel: it measures.
func TestHostileInputToTheACSGetsACodedPageWithin100Milliseconds(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		p := org.NewProfile(t, nil)
		for _, in := range hostileInputs() {
			took := time.Hour // the least: what disturbs an answer only makes it slower
			for range 5 {
				a := in.post(t, s, p)
				took = min(took, a.Took)
				if a.Status != in.status || !slices.Contains(in.codes, a.Code) {
					t.Errorf("%s: %d %s, not %d %s", in.name, a.Status, a.Code, in.status, in.codes)
					break
				}
				a.Refused(t, in.status, a.Code)
				org.Recorded(t, a)
				if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
					t.Errorf("%s: the answer is %s", in.name, a.Header.Get("Content-Type"))
				}
			}
			if took > 100*time.Millisecond {
				t.Errorf("%s: answered after %v", in.name, took)
			}
		}
	})
}

func TestHostileInputToTheACSTakesNoMemoryForGood(t *testing.T) {
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		p := org.NewProfile(t, nil)
		inputs := hostileInputs()
		round := func() {
			for _, in := range inputs {
				in.post(t, s, p)
			}
		}
		round()
		before := s.Memory(t, "VmRSS")
		for range 4 {
			round()
		}
		after, peak := s.Memory(t, "VmRSS"), s.Memory(t, "VmHWM")
		const mib = 1 << 20
		if after > before+48*mib || peak > 256*mib {
			t.Errorf("%d MiB before, %d MiB after, %d MiB at its height", before/mib, after/mib, peak/mib)
		}
	})
}

func TestHostileAddressesOfProfilesAreNotFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		b := s.NewBrowser(t)
		for _, id := range []string{"x", "sso_", "sso_0000000000000000000000000c", "sso_000000000000000000000000zz", "%00", "%2e%2e", "org_0000000000000000000000000c",
			strings.Repeat("a", 4000), "sso_%C3%BC", "'%20or%201=1--"} {
			for _, place := range []string{"/metadata", "/start"} {
				b.Get(t, "/saml/"+id+place).Refused(t, 404, "not_found")
			}
			b.PostForeign(t, "/saml/"+id+"/acs", url.Values{"SAMLResponse": {"x"}}).Refused(t, 404, "not_found")
		}
	})
}

func TestFormsOfOurOwnAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		large := strings.Repeat("x", 100_000)
		for _, path := range ownForms {
			b := s.NewBrowser(t)
			b.Post(t, path, url.Values{"email": {large}, "password": {large}, "page": {large}}).Refused(t, 413, "too_large")
		}
		// White space around an address is not kept.
		b := s.NewBrowser(t)
		b.Post(t, "/login", url.Values{"email": {strings.Repeat(" ", 20_000) + "user@free.test" + strings.Repeat(" ", 20_000)}}).Redirected(t, "/login/password")
		for _, c := range b.Cookies(t) {
			if len(c.Value) > 1000 {
				t.Errorf("the cookie %s has %d octets", c.Name, len(c.Value))
			}
		}
	})
}

func TestWhatWasSentNeverBecomesMarkup(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		const script = `/"><script>alert(1)</script>`
		const local = `'onmouseover='alert`
		b := s.NewBrowser(t)
		pages := []harness.Answer{
			b.Get(t, "/login?return_to="+url.QueryEscape(script)), b.Get(t, "/login/password?return_to="+url.QueryEscape(script)), b.Get(t, "/help/errors/"+url.PathEscape(script[1:])),
			b.Post(t, "/login", url.Values{"email": {script}, "return_to": {script}}), b.Post(t, "/login/password", url.Values{"email": {script}, "password": {"x"}, "return_to": {script}}),
			b.Post(t, "/login/password", url.Values{"email": {user}, "password": {harness.Password}, "return_to": {script}}),
			b.Post(t, "/login/initial-password", url.Values{"page": {script}, "email": {script}, "password": {"a"}, "password_confirm": {"b"}}),
			b.Get(t, script), b.PostForeign(t, p.ACSPath()+"?return_to="+url.QueryEscape(script), url.Values{"SAMLResponse": {script}, "RelayState": {script}}),
		}
		// Names and addresses that others see.
		odd := p.Address(local)
		s.OK(t, "PATCH", "/users/"+p.AddUser(t, odd), harness.Object{"name": script})
		b.SSO(t, p, user, "").Redirected(t, "/")
		pages = append(pages, b.SSO(t, p, odd, script))
		b = s.NewBrowser(t)
		b.SSO(t, p, odd, "").Redirected(t, "/")
		b.Post(t, "/login", url.Values{"email": {odd}})
		pages = append(pages, b.Get(t, "/account/security"), b.Get(t, "/"), b.Get(t, "/login"))
		for i, a := range pages {
			if a.Body == "" || strings.Contains(a.Body, "<script>alert") || strings.Contains(a.Body, local) {
				t.Errorf("page %d (%d %s):\n%s", i, a.Status, a.Code, a.Body)
			}
		}
	})
}
