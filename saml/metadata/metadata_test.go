package metadata_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/saml"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

func cert(name string) string {
	return base64.StdEncoding.EncodeToString(samltest.NamedKey(name).Certificate.Raw)
}

// lines breaks base64 as metadata files do.
func lines(text, end string) string {
	var b strings.Builder
	for len(text) > 64 {
		b.WriteString(text[:64] + end)
		text = text[64:]
	}
	return b.String() + text
}

func key(use, text string) string {
	if use != "" {
		use = ` use="` + use + `"`
	}
	return `<md:KeyDescriptor` + use + `><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` +
		text + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
}

const (
	protocol = "urn:oasis:names:tc:SAML:2.0:protocol"
	bindings = "urn:oasis:names:tc:SAML:2.0:bindings:"
)

func sso(binding, location string) string {
	return `<md:SingleSignOnService Binding="` + bindings + binding + `" Location="` + location + `"/>`
}

func role(inside ...string) string {
	return `<md:IDPSSODescriptor protocolSupportEnumeration="` + protocol + `">` + strings.Join(inside, "\n") + "</md:IDPSSODescriptor>"
}

func entity(inside ...string) string {
	return `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/x">` + strings.Join(inside, "\n") + "</md:EntityDescriptor>"
}

func redirect() string { return sso("HTTP-Redirect", "https://idp.example/sso") }

// One is what is expected of a single entity: names of certificates, locations
// of HTTP-Redirect first.
type one struct {
	id, display   string
	certificates  []string
	sso, slo      []string
	wantsRequests bool
	line          int
}

func summary(t *testing.T, e metadata.Entity) one {
	t.Helper()
	s := one{id: e.ID, display: e.DisplayName, wantsRequests: e.WantAuthnRequestsSigned, line: e.Line}
	if e.IdP == nil || e.IdP.EntityID != e.ID {
		t.Fatalf("%+v", e)
	}
	for _, c := range e.IdP.Certificates {
		s.certificates = append(s.certificates, strings.TrimSuffix(c.Subject.CommonName, ".idp.example"))
	}
	for _, ep := range e.IdP.SSO {
		s.sso = append(s.sso, strings.TrimPrefix(string(ep.Binding), bindings)+" "+ep.Location)
	}
	for _, ep := range e.IdP.SLO {
		s.slo = append(s.slo, strings.TrimPrefix(string(ep.Binding), bindings)+" "+ep.Location+" "+ep.ResponseLocation)
	}
	return s
}

func TestMetadataThatIsRead(t *testing.T) {
	rsa, other := cert(samltest.RSA2048), cert(samltest.RSA2048Other)
	for name, c := range map[string]struct {
		text string
		want []one
	}{
		"plain": {entity(role(key("signing", rsa), redirect())), []one{{id: "https://idp.example/x", certificates: []string{"rsa2048"},
			sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 1}}},
		"Entra": {`<?xml version="1.0" encoding="utf-8"?><EntityDescriptor ID="_1c" entityID="https://sts.windows.net/0f1e/" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` +
			`<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/><KeyInfo><X509Data><X509Certificate>` + other + `</X509Certificate></X509Data></KeyInfo></Signature>` +
			`<RoleDescriptor xsi:type="fed:SecurityTokenServiceType" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706">` +
			`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + other + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor></RoleDescriptor>` +
			`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + rsa +
			`</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://login.example/saml2"/>` +
			`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://login.example/saml2"/>` +
			`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://login.example/saml2"/></IDPSSODescriptor></EntityDescriptor>`,
			[]one{{id: "https://sts.windows.net/0f1e/", certificates: []string{"rsa2048"}, sso: []string{"HTTP-Redirect https://login.example/saml2", "HTTP-POST https://login.example/saml2"},
				slo: []string{"HTTP-Redirect https://login.example/saml2 "}, line: 1}}},
		"AD FS with a service provider, two certificates and SOAP": {"\xEF\xBB\xBF" + entity(
			`<md:SPSSODescriptor protocolSupportEnumeration="`+protocol+`"><md:AssertionConsumerService index="0" Binding="x" Location="javascript:"/></md:SPSSODescriptor>`,
			`<md:IDPSSODescriptor WantAuthnRequestsSigned="1" protocolSupportEnumeration="urn:a `+protocol+`">`+key("encryption", "AAAA")+key("signing", rsa)+key("signing", other)+
				`<md:ArtifactResolutionService index="0" Binding="`+bindings+`SOAP" Location="x"/>`+redirect()+sso("SOAP", "nonsense")+sso("HTTP-POST", "https://idp.example/post")+
				`<Attribute xmlns="urn:oasis:names:tc:SAML:2.0:assertion" Name="x"/></md:IDPSSODescriptor>`,
			`<md:Organization><md:OrganizationName xml:lang="en">x</md:OrganizationName><md:OrganizationDisplayName xml:lang="en"> Acme </md:OrganizationDisplayName></md:Organization>`),
			[]one{{id: "https://idp.example/x", display: "Acme", wantsRequests: true, certificates: []string{"rsa2048", "rsa2048-other"},
				sso: []string{"HTTP-Redirect https://idp.example/sso", "HTTP-POST https://idp.example/post"}, line: 1}}},
		"Keycloak's wrapper": {"<EntitiesDescriptor Name='urn:keycloak' xmlns='urn:oasis:names:tc:SAML:2.0:metadata'>\n\n" + entity(role(key("signing", rsa), redirect())) + "\n" +
			strings.Replace(entity(role(key("signing", other), redirect())), "/x", "/y", 1) + "</EntitiesDescriptor>",
			[]one{{id: "https://idp.example/x", certificates: []string{"rsa2048"}, sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 3},
				{id: "https://idp.example/y", certificates: []string{"rsa2048-other"}, sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 5}}},
		"no use, broken into lines, with a comment": {entity("<!-- made by hand -->", role(key("", lines(rsa, "\r\n   ")), redirect())),
			[]one{{id: "https://idp.example/x", certificates: []string{"rsa2048"}, sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 1}}},
		"the same certificate twice": {entity(role(key("signing", rsa), key("", rsa), redirect())),
			[]one{{id: "https://idp.example/x", certificates: []string{"rsa2048"}, sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 1}}},
		"an expired certificate": {entity(role(key("signing", cert(samltest.RSA2048Expired)), redirect())),
			[]one{{id: "https://idp.example/x", certificates: []string{"rsa2048-expired"}, sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 1}}},
		"an elliptic curve": {entity(role(key("signing", cert(samltest.EC384)), redirect())),
			[]one{{id: "https://idp.example/x", certificates: []string{"ec384"}, sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 1}}},
		"a role for SAML 1.1 before that for 2.0": {entity(`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"/>`, role(key("signing", rsa), redirect())),
			[]one{{id: "https://idp.example/x", certificates: []string{"rsa2048"}, sso: []string{"HTTP-Redirect https://idp.example/sso"}, line: 1}}},
		"http, a query and a place for responses": {entity(role(key("signing", rsa), sso("HTTP-Redirect", "http://idp.example/sso?a=b&amp;c=d"),
			`<md:SingleLogoutService Binding="`+bindings+`HTTP-POST" Location="https://idp.example/slo" ResponseLocation="https://idp.example/done"/>`)),
			[]one{{id: "https://idp.example/x", certificates: []string{"rsa2048"}, sso: []string{"HTTP-Redirect http://idp.example/sso?a=b&c=d"},
				slo: []string{"HTTP-POST https://idp.example/slo https://idp.example/done"}, line: 1}}},
		"that of samltest": {string(samltest.NewIdP().Metadata()), []one{{id: "https://idp.example/metadata", certificates: []string{"rsa2048"},
			sso: []string{"HTTP-Redirect https://idp.example/sso", "HTTP-POST https://idp.example/sso"}, line: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := metadata.Parse([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			var got []one
			for _, e := range found {
				got = append(got, summary(t, e))
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(one{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMetadataThatIsRefused(t *testing.T) {
	good := entity(role(key("signing", cert(samltest.RSA2048)), redirect()))
	with := func(inside ...string) string { return entity(append([]string{""}, role(inside...))...) }
	rsa := key("signing", cert(samltest.RSA2048))
	var many []string
	for i := range 17 {
		c := *samltest.NamedKey(samltest.RSA2048).Certificate
		der := append([]byte(nil), c.Raw...)
		der[len(der)-1-i]++ // another signature: another certificate with the same key
		many = append(many, key("signing", base64.StdEncoding.EncodeToString(der)))
	}
	for name, c := range map[string]struct {
		text   string
		line   int
		reason string
	}{
		"nothing":                        {"", 0, "empty"},
		"white space":                    {" \n\t", 0, "empty"},
		"an HTML page":                   {"<!DOCTYPE html>\n<html><body>Sign in</body></html>", 0, "web page (HTML)"},
		"an HTML page in capitals":       {"\n <HTML><BODY>", 0, "web page (HTML)"},
		"a certificate":                  {"-----BEGIN CERTIFICATE-----\nMIIC", 0, "certificate, not metadata"},
		"an address":                     {"https://idp.example/metadata", 0, "an address"},
		"JSON":                           {`{"error": "not found"}`, 0, "JSON"},
		"a JSON list":                    {`[]`, 0, "JSON"},
		"UTF-16":                         {"\xFF\xFE<\x00a\x00", 0, "UTF-16"},
		"UTF-16, big-endian":             {"\xFE\xFF\x00<\x00a", 0, "UTF-16"},
		"UTF-16 without a mark":          {"<\x00a\x00/\x00>\x00", 0, "UTF-16"},
		"plain text":                     {"not found", 0, "not XML"},
		"truncated":                      {good[:len(good)-30], 2, "not well-formed XML: an end tag"},
		"a DOCTYPE":                      {`<?xml version="1.0"?>` + "\n<!DOCTYPE md:EntityDescriptor []>" + good, 2, "DOCTYPE"},
		"an entity":                      {strings.Replace(good, "https://idp.example/sso", "&sso;", 1), 2, "entity"},
		"a line before the declaration":  {"\n" + `<?xml version="1.0"?>` + good, 2, "an XML declaration that does not stand at the start"},
		"an instruction":                 {"<?xml-stylesheet href='x'?>" + good, 1, "processing instruction"},
		"another encoding":               {`<?xml version="1.0" encoding="iso-8859-1"?>` + good, 1, "encoding"},
		"another element":                {"<html2/>", 1, "the document element is html2"},
		"another namespace":              {strings.Replace(good, "SAML:2.0:metadata", "SAML:2.1:metadata", 1), 1, "not an EntityDescriptor"},
		"no namespace":                   {"<EntityDescriptor/>", 1, "not an EntityDescriptor"},
		"metadata of a service provider": {string(metadata.ServiceProvider{EntityID: "x", ACSURL: "https://x/y"}.XML()), 2, "service provider, not of an Identity Provider"},
		"no role":                        {entity(""), 1, "no Identity Provider"},
		"only SAML 1.1":                  {entity(`<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"/>`), 1, "no Identity Provider"},
		"no entity ID":                   {strings.Replace(good, "entityID", "id", 1), 1, "no entityID"},
		"a long entity ID":               {strings.Replace(good, "https://idp.example/x", strings.Repeat("x", 1025), 1), 1, "no entityID"},
		"a bad validUntil":               {strings.Replace(good, "entityID", `validUntil="tomorrow" entityID`, 1), 1, "validUntil is not an instant: tomorrow"},
		"no endpoint":                    {with(rsa), 2, "has no SingleSignOnService"},
		"only SOAP":                      {with(rsa, sso("SOAP", "https://x/y")), 2, "has no SingleSignOnService"},
		"a javascript endpoint":          {with(rsa, sso("HTTP-Redirect", "javascript:alert(1)")), 3, "has the scheme javascript"},
		"a data endpoint":                {with(rsa, sso("HTTP-POST", "data:text/html,x")), 3, "has the scheme data"},
		"a relative endpoint":            {with(rsa, sso("HTTP-Redirect", "/sso")), 3, "not an absolute URL"},
		"an endpoint without host":       {with(rsa, sso("HTTP-Redirect", "https://:443/sso")), 3, "not an absolute URL"},
		"an endpoint with a user":        {with(rsa, sso("HTTP-Redirect", "https://a:b@idp.example/")), 3, "not an absolute URL"},
		"an endpoint with a blank":       {with(rsa, sso("HTTP-Redirect", " https://idp.example/")), 3, "not an absolute URL"},
		"an endpoint of nothing":         {with(rsa, sso("HTTP-Redirect", "")), 3, "is missing"},
		"a long endpoint":                {with(rsa, sso("HTTP-Redirect", "https://x/"+strings.Repeat("y", 2040))), 3, "longer than 2,048"},
		"a bad place for responses":      {with(rsa, redirect(), `<md:SingleLogoutService Binding="`+bindings+`HTTP-POST" Location="https://x/" ResponseLocation="ftp://x/"/>`), 4, "ResponseLocation of md:SingleLogoutService has the scheme ftp"},
		"no certificate":                 {with(redirect()), 2, "no signing certificate"},
		"only encryption":                {with(key("encryption", cert(samltest.RSA2048)), redirect()), 2, "no signing certificate"},
		"a weak certificate":             {with(redirect(), key("signing", cert(samltest.RSA1024))), 3, "RSA key of 1024 bits"},
		"a certificate of nothing":       {with(redirect(), key("signing", "")), 3, "can't be read"},
		"a certificate in PEM":           {with(redirect(), key("signing", "-----BEGIN CERTIFICATE-----")), 3, "not base64"},
		"a certificate cut short":        {with(redirect(), key("signing", cert(samltest.RSA2048)[:400])), 3, "can't be read"},
		"a certificate of elements":      {with(redirect(), key("signing", "<x/>")), 3, "not base64"},
		"17 certificates":                {with(append(many, redirect())...), 2, "more than 16"},
		"too large":                      {strings.Repeat(" ", metadata.MaxSize+1), 0, "larger than 5 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := metadata.Parse([]byte(c.text))
			var e *metadata.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Line != c.line || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("got %v, want line %d: %s", err, c.line, c.reason)
			}
			if want := fmt.Sprintf("line %d: ", c.line); strings.HasPrefix(err.Error(), want) != (c.line > 0) {
				t.Errorf("the line is told wrongly: %v", err)
			}
		})
	}
}

func TestTheSizeOfMetadata(t *testing.T) {
	text := entity(role(key("signing", cert(samltest.RSA2048)), redirect()))
	for name, padded := range map[string]string{
		"exactly 5 MiB":          text + strings.Repeat("\n", metadata.MaxSize-len(text)),
		"lines before the start": strings.Repeat("\n", 1000) + text,
	} {
		if _, err := metadata.Parse([]byte(padded)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidUntil(t *testing.T) {
	text := strings.Replace(entity(role(key("signing", cert(samltest.RSA2048)), redirect())), "entityID", `validUntil="2030-01-02T03:04:05.5Z" entityID`, 1)
	found, err := metadata.Parse([]byte(text))
	if err != nil || !found[0].ValidUntil.Equal(time.Date(2030, 1, 2, 3, 4, 5, 500_000_000, time.UTC)) {
		t.Errorf("%v, %v", found, err)
	}
}

func TestAnAggregateCostsLinearTime(t *testing.T) {
	idp := entity(role(key("signing", cert(samltest.EC256)), redirect()))
	cost := func(n int) time.Duration {
		text := []byte("<m:EntitiesDescriptor xmlns:m='urn:oasis:names:tc:SAML:2.0:metadata'>" + idp + strings.Repeat("\n<m:EntityDescriptor entityID='x'/>", n) + "</m:EntitiesDescriptor>")
		least := time.Hour
		for range 3 {
			start := time.Now()
			if found, err := metadata.Parse(text); err != nil || len(found) != 1 {
				t.Fatal(err)
			}
			least = min(least, time.Since(start))
		}
		return least
	}
	for range 4 {
		if little, much := cost(30_000), cost(120_000); much < 8*little {
			return
		}
	}
	t.Errorf("30,000 entities cost %v, 120,000 cost %v", cost(30_000), cost(120_000))
}

func TestServiceProviderMetadata(t *testing.T) {
	certs := []*x509.Certificate{samltest.NamedKey(samltest.RSA2048).Certificate, samltest.NamedKey(samltest.RSA3072).Certificate}
	for name, sp := range map[string]metadata.ServiceProvider{
		"the least": {EntityID: "https://app.example/saml/p/metadata", ACSURL: "https://app.example/saml/p/acs"},
		"everything": {EntityID: "https://app.example/?a=b&c=\"<d>'", ACSURL: "https://app.example/acs?x=1&y=2", SLOURL: "https://app.example/slo",
			SigningCertificates: certs, EncryptionCertificates: certs[1:], AuthnRequestsSigned: true},
	} {
		t.Run(name, func(t *testing.T) {
			text := sp.XML()
			lint(t, text)
			if strings.Contains(string(text), " ID=") {
				t.Errorf("%s", text)
			}
			var p xmltree.Parser
			doc, err := p.Parse(text, xmltree.Options{})
			if err != nil {
				t.Fatal(err)
			}
			root := doc.Root()
			role := root.Child(xmltree.Metadata, "SPSSODescriptor")
			attr := func(e xmltree.Element, name string) string { v, _ := e.Attr(name); return string(v) }
			acs := role.Child(xmltree.Metadata, "AssertionConsumerService")
			if !root.Is(xmltree.Metadata, "EntityDescriptor") || attr(root, "entityID") != sp.EntityID ||
				attr(acs, "Location") != sp.ACSURL || attr(acs, "Binding") != string(saml.HTTPPost) || attr(acs, "index") != "0" ||
				attr(role, "AuthnRequestsSigned") != fmt.Sprint(sp.AuthnRequestsSigned) || attr(role, "WantAssertionsSigned") != "true" ||
				attr(role, "protocolSupportEnumeration") != protocol {
				t.Errorf("%s", text)
			}
			uses, slo := make(map[string]int), 0
			for c := role.First(); !c.IsZero(); c = c.Next() {
				if c.Is(xmltree.Metadata, "KeyDescriptor") {
					uses[attr(c, "use")]++
				}
				if c.Is(xmltree.Metadata, "SingleLogoutService") && attr(c, "Location") == sp.SLOURL {
					slo++
				}
			}
			if uses["signing"] != len(sp.SigningCertificates) || uses["encryption"] != len(sp.EncryptionCertificates) || (slo > 0) != (sp.SLOURL != "") {
				t.Errorf("%s", text)
			}
		})
	}
}

// TestSignedServiceProviderMetadata reads it back as an Identity Provider that
// pins our certificate does.
func TestSignedServiceProviderMetadata(t *testing.T) {
	key := samltest.SPKeys(samltest.SP)[0]
	sp := metadata.ServiceProvider{ID: "_sso1", EntityID: "https://app.example/m?a&b", ACSURL: "https://app.example/acs", SigningCertificates: []*x509.Certificate{key.Certificate}}
	text, err := sp.Signed(key)
	if err != nil {
		t.Fatal(err)
	}
	lint(t, text)
	read := func(text []byte, pin *x509.Certificate) (ids []string, err error) {
		err = metadata.Each(strings.NewReader(string(text)), metadata.Options{Pins: []*x509.Certificate{pin}}, func(e metadata.Entity) error {
			ids = append(ids, e.ID)
			return nil
		})
		return ids, err
	}
	if ids, err := read(text, key.Certificate); err != nil || fmt.Sprint(ids) != "["+sp.EntityID+"]" {
		t.Errorf("%v, %v", ids, err)
	}
	if _, err := read(text, samltest.NamedKey(samltest.SPOld).Certificate); err == nil {
		t.Error("another key has signed it as well")
	}
	if _, err := read([]byte(strings.Replace(string(text), "/acs", "/axs", 1)), key.Certificate); err == nil {
		t.Error("it may be changed")
	}
	if _, err := read(sp.XML(), key.Certificate); err == nil {
		t.Error("unsigned metadata is taken for signed")
	}
	sp.ID = ""
	if _, err := sp.Signed(key); err == nil {
		t.Error("signed without an ID")
	}
}

// lint lets xmllint read it, where there is one.
func lint(t *testing.T, text []byte) {
	t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		return
	}
	path := filepath.Join(t.TempDir(), "sp.xml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("xmllint", "--noout", path).CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
}
