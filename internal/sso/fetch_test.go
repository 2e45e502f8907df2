package sso_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// byURL is what an administrator enters of an Identity Provider with a metadata
// URL.
func byURL(url string) sso.Input {
	name := "Login"
	return sso.Input{Name: &name, MetadataURL: &url}
}

func answer(status int, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	})
}

// endless sends an element after the other, or one octet each second.
func endless(slow bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">`)
		text, pause := strings.Repeat("<md:x/>", 10_000), time.Duration(0)
		if slow {
			text, pause = " ", time.Second
		}
		for r.Context().Err() == nil {
			if _, err := fmt.Fprint(w, text); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(pause):
			}
		}
	})
}

const secretWord = "waldeinsamkeit"

func TestMetadataURLsThatShowNothingOfUse(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	good := string(samltest.NewIdP().Metadata())
	for name, c := range map[string]struct {
		url     string
		handler http.Handler
		at      string
		code    fault.Code
		why     string
	}{
		"loopback":            {at: "127.0.0.1", code: fault.MetadataFetchFailed, why: "no public address"},
		"link-local":          {at: "169.254.169.254", code: fault.MetadataFetchFailed, why: "no public address"},
		"private":             {at: "10.1.2.3", code: fault.MetadataFetchFailed, why: "no public address"},
		"mapped":              {at: "::ffff:127.0.0.1", code: fault.MetadataFetchFailed, why: "no public address"},
		"unique-local":        {at: "fd00::1", code: fault.MetadataFetchFailed, why: "no public address"},
		"loopback as written": {url: "https://127.0.0.1/metadata", code: fault.MetadataFetchFailed, why: "no public address"},
		"loopback as number":  {url: "https://2130706433/metadata", code: fault.MetadataFetchFailed, why: "no public address"},
		"localhost in IPv6":   {url: "https://[::1]/metadata", code: fault.MetadataFetchFailed, why: "no public address"},
		"no such host":        {url: "https://none.idp.test/metadata", code: fault.MetadataFetchFailed, why: "no public address"},
		"http":                {url: "http://a.idp.test/metadata", code: fault.MetadataFetchFailed, why: "no public address"},
		"another certificate": {url: "https://a.other.test/metadata", code: fault.MetadataFetchFailed, why: "certificate"},
		"redirect to loopback": {handler: http.RedirectHandler("https://127.0.0.1/latest", http.StatusFound),
			code: fault.MetadataFetchFailed, why: "no public address"},
		"redirect to http": {handler: http.RedirectHandler("http://a.idp.test/", http.StatusFound), code: fault.MetadataFetchFailed, why: "no public address"},
		"redirect for ever": {handler: http.RedirectHandler("https://a.idp.test/", http.StatusFound),
			code: fault.MetadataFetchFailed, why: "redirects too often"},
		"404":             {handler: answer(404, good), code: fault.MetadataFetchFailed, why: "not with a document"},
		"500":             {handler: answer(500, secretWord), code: fault.MetadataFetchFailed, why: "not with a document"},
		"a sign-in page":  {handler: answer(200, "<!DOCTYPE html><html><title>"+secretWord), code: fault.MetadataInvalid, why: "web page"},
		"nothing":         {handler: answer(200, ""), code: fault.MetadataInvalid, why: "empty"},
		"other XML":       {handler: answer(200, "<"+secretWord+"/>"), code: fault.MetadataInvalid, why: "document element"},
		"broken XML":      {handler: answer(200, "<a><"+secretWord+"></a>"), code: fault.MetadataInvalid, why: "not well-formed"},
		"an expired one":  {handler: answer(200, strings.Replace(good, "entityID", `validUntil="2020-01-01T00:00:00Z" entityID`, 1)), code: fault.MetadataInvalid, why: "not valid any more"},
		"a secret scheme": {handler: answer(200, strings.ReplaceAll(good, "https://idp.example/sso", secretWord+":x")), code: fault.MetadataInvalid, why: "Location of an endpoint"},
		"several": {handler: answer(200, `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">`+entityOf(good)+
			strings.Replace(entityOf(good), "https://idp.example/metadata", secretWord, 1)+`</md:EntitiesDescriptor>`), code: fault.MetadataInvalid, why: "2 Identity Providers"},
		"an endless body": {handler: endless(false), code: fault.MetadataInvalid, why: "too many elements"},
		"a huge one": {handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "200000000")
			fmt.Fprint(w, good)
		}), code: fault.MetadataFetchFailed, why: "too large"},
		"a slow drip":        {handler: endless(true), code: fault.MetadataFetchFailed, why: "not in time"},
		"the scheme of file": {url: "file:///etc/passwd", code: fault.CodeInvalid, why: "address with https"},
		"a user":             {url: "https://user:word@a.idp.test/", code: fault.CodeInvalid, why: "address with https"},
		"no address":         {url: " ", code: fault.CodeInvalid, why: "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.url == "" {
				c.url = "https://a.idp.test/metadata"
			}
			if c.handler == nil {
				c.handler = answer(200, good)
			}
			var at []netip.Addr
			if c.at != "" {
				at = append(at, netip.MustParseAddr(c.at))
			}
			p.Net.Serve(t, "a.idp.test", c.handler, at...)
			p.Net.Serve(t, "a.other.test", c.handler)
			began := time.Now()
			_, err := acme.SSO.Create(t.Context(), parts.Operator(), acme.ID, byURL(c.url))
			f := parts.Refused(t, err, c.code)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			text := f.Detail
			for _, field := range f.Fields {
				text += " " + field.Message
			}
			if !strings.Contains(text, c.why) || strings.Contains(text, secretWord) {
				t.Errorf("%s", text)
			}
			if names := parts.Fields(err); len(names) != 1 || names[0] != "metadata_url" {
				t.Errorf("%v", names)
			}
		})
	}
	if n := p.Count(t, "select count(*) from sso_profiles"); n != 0 {
		t.Errorf("%d profiles", n)
	}
}

// entityOf is a document without its declaration.
func entityOf(document string) string { return document[strings.Index(document, "<md:"):] }

// TestANameThatChangesItsAddress: the address that is connected to is the one that
// was checked, and the next fetch is checked anew.
func TestANameThatChangesItsAddress(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	url := p.Net.Publish(t, "a.idp.test", samltest.NewIdP().Metadata())
	v, err := acme.SSO.Create(t.Context(), parts.Operator(), acme.ID, byURL(url))
	if err != nil {
		t.Fatal(err)
	}
	p.Net.Serve(t, "a.idp.test", answer(200, string(samltest.NewIdP().Metadata())), netip.MustParseAddr("127.0.0.1"))
	asked := p.Net.Asked()
	p.Pass(time.Second)
	f := parts.Refused(t, acme.SSO.RefreshMetadata(t.Context(), parts.Operator(), v.ID), fault.MetadataFetchFailed)
	if p.Net.Asked() != asked || !strings.Contains(f.Detail, "no public address") {
		t.Errorf("%d requests, %s", p.Net.Asked()-asked, f.Detail)
	}
}

func TestOneOfSeveralIdentityProvidersByURL(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	good := entityOf(string(samltest.NewIdP().Metadata()))
	all := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + good +
		strings.Replace(good, "https://idp.example/metadata", "https://other.example/metadata", 1) + `</md:EntitiesDescriptor>`
	url := p.Net.Publish(t, "a.idp.test", []byte(all))
	draft, err := acme.SSO.Create(t.Context(), parts.Operator(), acme.ID, sso.Input{Name: new("Draft")})
	if err != nil {
		t.Fatal(err)
	}
	r, err := acme.SSO.ReadIdP(t.Context(), parts.Operator(), draft.ID, sso.FromURL, sso.Input{MetadataURL: &url})
	if err != nil || len(r.Found) != 2 || r.Found[1].EntityID != "https://other.example/metadata" || !r.Found[1].NameOnly {
		t.Fatalf("%+v %v", r, err)
	}
	in := byURL(url)
	in.EntityID = &r.Found[1].EntityID
	v, err := acme.SSO.Create(t.Context(), parts.Operator(), acme.ID, in)
	if err != nil || v.Profile.EntityID != r.Found[1].EntityID || v.MetadataURL != url {
		t.Fatalf("%+v %v", v, err)
	}
	p.Pass(time.Second)
	if err := acme.SSO.RefreshMetadata(t.Context(), parts.Operator(), v.ID); err != nil {
		t.Error(err)
	}
	none := "https://none.example/metadata"
	in.EntityID = &none
	_, err = acme.SSO.Create(t.Context(), parts.Operator(), acme.ID, in)
	parts.Refused(t, err, fault.MetadataInvalid)
}
